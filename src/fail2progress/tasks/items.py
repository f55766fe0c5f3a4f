"""Items: executions as lines of JSON, shared by families, benchmarks and users. Metres, radians, planning frame.

    {"id": str,
     "scene": {"objects": [{"name", "category", "size_m": [x, y, z], "pose": [x, y, z, qw, qx, qy, qz], "inside_of"}, ...],
               "openings_m": {drawer: m}},
     "call": {"skill", "object", "parameters": [...], "target"}, "camera": {"eye": [3], "target": [3]}, "seed": int}

Objects have names as in task files: letters, digits and _, the first a letter. `inside_of` names the cabinet of a drawer. Other
keys at the top of a line are kept apart from the item and are not read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fail2progress.core.camera import Camera
from fail2progress.core.files import write_whole
from fail2progress.core.objects import Name, ObjectSpec
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Job
from fail2progress.simulation.materials import DRAWER_TRAVEL
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import Limits, infeasible
from fail2progress.tasks.keys import first_problem, unknown_key
from fail2progress.tasks.schema import MOST

LONGEST = 1_000_000
"""Bytes of the longest line that is read."""
DIGITS = 6
"""Decimals that are written: micrometres."""
_ANYWHERE = Limits(gripper_opening=math.inf, low=(-math.inf,) * 3, high=(math.inf,) * 3)


class ItemError(ValueError):
    """A file of items that cannot be read; names file, line and value."""


class NoItemError(ItemError, FileNotFoundError):
    """A file of items that is not there."""


@dataclass(frozen=True)
class Item:
    """One execution under a name of its own."""

    id: str
    job: Job


Number = Annotated[float, Field(allow_inf_nan=False)]
Triple = tuple[Number, Number, Number]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class _Thing(_Strict):
    name: Name
    category: str
    size_m: Triple
    pose: tuple[Number, Number, Number, Number, Number, Number, Number]
    inside_of: str | None = None


class _Scene(_Strict):
    objects: Annotated[list[_Thing], Field(min_length=1, max_length=MOST)]
    openings_m: dict[str, Number] = {}


class _Call(_Strict):
    skill: str
    object: str
    parameters: list[Number]
    target: str | None = None


class _Camera(_Strict):
    eye: Triple
    target: Triple


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    id: Annotated[str, Field(min_length=1, max_length=200)]
    scene: _Scene
    call: _Call
    camera: _Camera
    seed: Annotated[int, Field(ge=0, lt=2**63)]


def read_items(path: Path) -> list[Item]:
    """All items of a file. ItemError with the line of what is wrong, for a name that comes twice, or where there are none."""
    return items_in(path, lines(path))


def items_in(path: Path, numbered: Iterable[tuple[int, str]]) -> list[Item]:
    """Those of a file whose lines were read; see read_items."""
    items: list[Item] = []
    seen: dict[str, int] = {}
    for number, line in numbered:
        try:
            item = parse(line)
        except ValueError as error:
            raise ItemError(f"{path}, line {number}: {error}") from error
        if item.id in seen:
            raise ItemError(f"{path}, line {number}: id {item.id!r} stands in line {seen[item.id]} already")
        seen[item.id] = number
        items.append(item)
    if not items:
        raise ItemError(f"{path}: no items in it")
    return items


def read_item(path: Path, line: int | None = None) -> Item:
    """The item in a line (from 1), or the first of the file. ItemError where there is none or it cannot be read."""
    for number, text in lines(path):
        if line in (None, number):
            try:
                return parse(text)
            except ValueError as error:
                raise ItemError(f"{path}, line {number}: {error}") from error
    raise ItemError(f"{path}: no item in line {line}" if line is not None else f"{path}: no items in it")


def parse(text: str) -> Item:
    """An item from its line. ValueError says what is wrong."""
    try:
        line = _Line.model_validate(json.loads(text, parse_constant=_no_number))
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("not an item: nested too deeply") from error
    except ValidationError as error:
        raise ValueError(_message(error)) from error
    scene = _scene(line.scene)
    call = SkillCall(line.call.skill, line.call.object, tuple(line.call.parameters), line.call.target)
    if call.target is not None:
        scene.index(call.target)
    reason = infeasible(scene, call, _ANYWHERE)
    if reason is not None:
        raise ValueError(f"call: {reason}")
    if np.allclose(line.camera.eye, line.camera.target):
        raise ValueError(f"camera: eye and target are the same point {list(line.camera.eye)}")
    return Item(line.id, Job(scene, call, Camera(eye=line.camera.eye, target=line.camera.target), line.seed))


def to_json(item: Item) -> str:
    """An item as its line."""
    scene, call, camera = item.job.scene, item.job.call, item.job.camera
    things = [
        {
            "name": spec.name,
            "category": spec.category,
            "size_m": _rounded(spec.size),
            "pose": _rounded(pose),
            "inside_of": spec.inside_of,
        }
        for spec, pose in zip(scene.objects, scene.poses, strict=True)
    ]
    openings = {name: round(float(value), DIGITS) for name, value in scene.openings.items()}
    return json.dumps(
        {
            "id": item.id,
            "scene": {"objects": things, "openings_m": openings},
            "call": {
                "skill": call.skill,
                "object": call.object,
                "parameters": _rounded(call.parameters),
                "target": call.target,
            },
            "camera": {"eye": _rounded(camera.eye), "target": _rounded(camera.target)},
            "seed": item.job.seed,
        }
    )


def write_items(items: Iterable[Item], path: Path) -> None:
    """A file of items, whole or not at all."""
    write_whole(path, "".join(to_json(item) + "\n" for item in items))


class Mark(Protocol):
    """What the bytes of a file are told to, as hashlib's digests."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""


def lines(path: Path, mark: Mark | None = None) -> Iterator[tuple[int, str]]:
    """The lines that hold something, with their numbers; `mark` is told all that was read. ItemError where that cannot be."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST + 1), b""), 1):
                if mark is not None:
                    mark.update(line)
                if len(line) > LONGEST:
                    raise ItemError(f"{path}, line {number}: longer than {LONGEST} bytes")
                try:
                    text = line.decode()
                except UnicodeDecodeError as error:
                    raise ItemError(f"{path}, line {number}: byte {error.start} is not UTF-8") from error
                if text.strip():
                    yield number, text
    except OSError as error:
        kind = NoItemError if isinstance(error, FileNotFoundError) else ItemError
        raise kind(f"{path}: cannot be read ({error.strerror or error})") from error


def _scene(line: _Scene) -> Scene:
    """ValueError for unknown categories, drawers without cabinet, openings of things that are not drawers, invalid poses."""
    specs = tuple(ObjectSpec(thing.name, thing.category, thing.size_m, thing.inside_of) for thing in line.objects)
    poses = np.array([thing.pose for thing in line.objects], float)
    norms = np.linalg.norm(poses[:, 3:], axis=1)
    wrong = np.abs(norms - 1.0) > 1e-3
    if wrong.any():
        raise ValueError(f"{specs[int(wrong.argmax())].name}: the quaternion has length {norms[wrong.argmax()]:.4f}, not 1")
    poses[:, 3:] /= norms[:, None]
    names = {spec.name: spec for spec in specs}
    for spec in specs:
        if spec.inside_of is not None and (spec.inside_of not in names or not spec.is_drawer):
            raise ValueError(f"{spec.name}: inside_of {spec.inside_of!r} is for drawers and names their cabinet")
    for name, opening in line.openings_m.items():
        if name not in names or not names[name].is_drawer:
            raise ValueError(f"openings_m: {name!r} is no drawer of the scene")
        most = DRAWER_TRAVEL * names[name].size[0]
        if not -1e-3 <= opening <= most + 1e-3:
            raise ValueError(f"openings_m: {name} cannot be open by {opening:g} m; its range is 0 to {most:.3f} m")
    openings = {spec.name: line.openings_m.get(spec.name, 0.0) for spec in specs if spec.is_drawer}
    scene = Scene(specs, poses, openings)
    scene.check_extents()
    return scene


def _rounded(values: Iterable[Any]) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _message(error: ValidationError) -> str:
    first = first_problem(error)
    where = ".".join(map(str, first["loc"])) or "item"
    if first["type"] == "extra_forbidden":
        return f"{where}: {unknown_key(_Line, first['loc'])}"
    value = repr(first["input"])
    given = "" if first["type"] == "missing" else f", got {value if len(value) <= 60 else value[:57] + '...'}"
    return f"{where}: {first['msg']}{given}"
