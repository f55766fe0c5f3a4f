"""Benchmark items: executions with an id of their content, design metadata, and the draws that made them.

A line of the file is an item (`tasks.items`) with two further keys, "metadata" and "choices". Which structure an item was made as
stands in a file of its own beside it, so that nothing that clusters failures can see it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from fail2progress.benchmarks.choices import Choices
from fail2progress.benchmarks.structures import STRUCTURES
from fail2progress.core.camera import Camera
from fail2progress.core.files import write_whole
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import infeasible
from fail2progress.tasks.items import Item, ItemError, items_in, lines, parse, to_json
from fail2progress.tasks.layout import DoesNotFitError, random_camera_pose


@dataclass(frozen=True)
class Metadata:
    """How an item was designed. Lengths in the unit of their names; None: not known before the item was carried out."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    type: str
    depth: int = 0
    """Of containment or stack above what the skill acts on."""
    carried: int = 0
    distractor_count: int = 0
    """Bystanders within 15 cm."""
    operator_count: int = 0
    """Kinds of relations that hold among what is concerned before the skill."""
    travel_m: float = 0.0
    clearance_mm: float = 150.0
    """To the nearest bystander, at most 150."""
    visibility: float = 0.0
    """The smallest of what is concerned."""
    robustness: float | None = None
    """Share of the executions from slightly moved starts that agree."""
    parents: tuple[str, ...] = ()
    cluster: int | None = None
    generator: str = "design"
    pair: str | None = None
    """Twins have the same."""


@dataclass(frozen=True)
class BenchmarkItem:
    """An item with its metadata and draws. `structure` goes to a file of its own."""

    item: Item
    metadata: Metadata
    choices: tuple[float, ...]
    structure: str = field(compare=False)

    @property
    def id(self) -> str:
        """Of its scene and call."""
        return self.item.id

    @property
    def content(self) -> str:
        """All that decides what is seen and what happens: scene, call, camera and seed."""
        return to_json(self.item)


@dataclass(frozen=True)
class BenchmarkFile:
    """The items of a file, with the SHA-256 of what was read of it and of the file of its structures."""

    path: Path
    items: tuple[BenchmarkItem, ...]
    sha256: str
    structures_sha256: str


def content_id(job: Job) -> str:
    """First 16 hexadecimal digits of SHA-256 over scene and call as they are written."""
    line = json.loads(to_json(Item("", job)))
    text = json.dumps({"scene": line["scene"], "call": line["call"]}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def made_of(scene: Scene, call: SkillCall, camera: Camera, seed: int) -> Item:
    """An item named by its content; its numbers are those that a file gives back."""
    job = Job(scene, call, Camera(eye=camera.eye, target=camera.target), seed)
    return parse(to_json(Item(content_id(parse(to_json(Item("-", job))).job), job)))


def design(structure: str, seed: Sequence[int], choices: Sequence[float] = (), **metadata: Any) -> BenchmarkItem | None:
    """The item of a structure that draws make, those given first; None where they give no scene or a call that cannot be."""
    made = STRUCTURES.get(structure)
    rng = Choices([zlib.crc32(structure.encode()), *seed], choices)
    try:
        scene, call = made.build(rng)
    except DoesNotFitError:
        return None
    if infeasible(scene, call) is not None:
        return None
    eye, target = random_camera_pose(rng)
    item = made_of(scene, call, Camera(eye=eye, target=target), int(rng.integers(2**31)))
    return BenchmarkItem(item, Metadata(type=made.axis, **metadata), tuple(rng.made), structure)


def twins(structure: str, seed: Sequence[int]) -> list[BenchmarkItem]:
    """Both sides of a counterfactual pair, or nothing where one of them cannot be."""
    one = design(structure, seed)
    if one is None:
        return []
    other = design(structure, seed, (1.0 - one.choices[0], *one.choices[1:]))
    if other is None:
        return []
    pair = min(one.id, other.id)
    return [replace(each, metadata=replace(each.metadata, pair=pair)) for each in (one, other)]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    metadata: Metadata
    choices: list[Annotated[float, Field(ge=0.0, le=1.0)]]


def structures_path(path: Path) -> Path:
    """Where the structures of a file of items stand."""
    return path.with_name(path.name.removesuffix(".jsonl") + ".structures.json")


def write_benchmark(items: Sequence[BenchmarkItem], path: Path) -> None:
    """Items and structures, each file whole or as it was."""
    written = []
    for each in items:
        extra = {"metadata": asdict(each.metadata), "choices": list(each.choices)}
        written.append(json.dumps({**json.loads(to_json(each.item)), **extra}) + "\n")
    write_whole(structures_path(path), json.dumps({each.id: each.structure for each in items}, indent=0) + "\n")
    write_whole(path, "".join(written))


def read_file(path: Path) -> BenchmarkFile:
    """Items with their structures, and digests of what was read: the files may be others when a run of hours ends.

    ItemError names file, line and value; an id that is not its content's is refused.
    """
    mark = hashlib.sha256()
    numbered = list(lines(path, mark))
    found = items_in(path, numbered)
    structures, digest = _read_structures(structures_path(path))
    items = [_read(path, number, item, line, structures) for item, (number, line) in zip(found, numbered, strict=True)]
    return BenchmarkFile(path, tuple(items), mark.hexdigest(), digest)


def _read(path: Path, number: int, item: Item, text: str, structures: Mapping[str, str]) -> BenchmarkItem:
    try:
        line = _Line.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ItemError(f"{path}, line {number}: {where}: {first['msg']}; `benchmark build` writes such files") from error
    if item.id != content_id(item.job):
        raise ItemError(f"{path}, line {number}: id {item.id!r} is not that of its scene and call, {content_id(item.job)}")
    if item.id not in structures:
        raise ItemError(f"{structures_path(path)}: no structure of the item {item.id!r} of {path.name}")
    return BenchmarkItem(item, line.metadata, tuple(line.choices), structures[item.id])


def _read_structures(path: Path) -> tuple[dict[str, str], str]:
    """Structures by id, and the digest of their file."""
    try:
        content = path.read_bytes()
        found = TypeAdapter(dict[str, str]).validate_json(content)
    except OSError as error:
        raise ItemError(f"{path}: cannot be read ({error.strerror or error}); it is written beside the items") from error
    except ValidationError as error:
        raise ItemError(f"{path}: no table of ids and structures ({error.errors()[0]['msg']})") from error
    known = STRUCTURES.names()
    for key, value in found.items():
        if value not in known:
            raise ItemError(f"{path}: {key}: unknown structure {value!r}; known: {', '.join(known)}")
    return found, hashlib.sha256(content).hexdigest()


def seeded(*parts: int | str) -> np.random.Generator:
    """A generator of numbers and names."""
    return np.random.default_rng([zlib.crc32(part.encode()) if isinstance(part, str) else part for part in parts])
