"""Generating training data: resumable, in shards, the same seed, or file of items, giving the same data."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fail2progress.core.choice import content_of
from fail2progress.core.executor import Executor
from fail2progress.core.files import write_whole
from fail2progress.core.provenance import code_version
from fail2progress.learning.pretraining.shards import SCHEMA, DataError, arrays, digest, read_shard, shard_names, write_shard
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Job
from fail2progress.skills.registry import SKILLS
from fail2progress.skills.samplers import data_sampler
from fail2progress.tasks.items import read_items
from fail2progress.tasks.pretraining import job

SHARD = 250
"""Executions in a shard."""
DRAWS = ("core", "skills", "simulation", "tasks", "learning/pretraining")
"""Rooms whose source decides what the data are."""


@dataclass(frozen=True)
class ShardTask:
    """What a worker needs to know to make one shard."""

    folder: str
    name: str
    seed: int
    first: int
    last: int
    simulator: str = simulators.DEFAULT
    items: str = ""
    """File whose items are carried out; empty: the pre-training distribution."""

    def jobs(self) -> list[Job]:
        """Executions first..last-1."""
        if self.items:
            return [item.job for item in read_items(Path(self.items))[self.first : self.last]]
        return [job(self.seed, number) for number in range(self.first, self.last)]


@dataclass(frozen=True)
class ShardDone:
    """What a worker reports: how many executions, and the seconds spent (stepping, rays, total)."""

    name: str
    executions: int
    seconds: dict[str, float]


def make_shard(task: ShardTask) -> ShardDone:
    """Simulate executions first..last-1 and write them; unstable starts are left out."""
    start = time.perf_counter()
    simulator = simulators.make(task.simulator)
    numbers = range(task.first, task.last)
    outcomes = list(zip(numbers, simulator.execute_all(task.jobs()), strict=True))
    kept = [(n, outcome) for n, outcome in outcomes if outcome.stable]
    write_shard(Path(task.folder), task.name, arrays([o for _, o in kept], [n for n, _ in kept]), task.last)
    seconds = {key: sum(o.seconds[key] for _, o in outcomes) for key in ("stepping", "rays")}
    return ShardDone(task.name, len(kept), {**seconds, "total": time.perf_counter() - start})


def generate(
    folder: Path,
    executions: int,
    seed: int,
    executor: Executor,
    simulator: str = simulators.DEFAULT,
    items: Path | None = None,
) -> Iterator[ShardDone]:
    """Make the shards that are missing, and again, longer, those that a call for fewer executions ended with.

    Yields each as it is done. DataError if the folder holds data of another seed, file or simulator, of other skills, or by other
    code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source: dict[str, object] = {"seed": seed, "schema": SCHEMA, "code": code_version(DRAWS)}
    if items:
        source["items"] = digest(items)
    elif others := _others_drawn():
        source["skills"] = others
    if simulator != simulators.DEFAULT:
        source["simulator"] = content_of(simulator)
    begun = _source_of(folder, source)
    ends = {name: read_shard(folder / name).end for name in shard_names(folder)}
    tasks = [
        ShardTask(
            str(folder), f"shard_{first // SHARD:05d}", seed, first, min(first + SHARD, executions), simulator, str(items or "")
        )
        for first in range(0, executions, SHARD)
    ]
    missing = [task for task in tasks if ends.get(task.name, 0) < task.last]
    if missing and begun != source:
        raise DataError(f"{folder} was begun by another version of the code, whose data may be others; choose another folder")
    yield from executor.map_unordered(make_shard, missing)


def _others_drawn() -> list[str]:
    """The skills of other packages that the pre-training distribution has while these are installed."""
    return [name for name, one in SKILLS.items() if one.number is None and data_sampler(one).share > 0]


def _source_of(folder: Path, wanted: dict[str, object]) -> dict[str, object]:
    """What the data of a folder are of, as far as they are not of other code the same as what is wanted; DataError for others."""
    path = folder / "source.json"
    if path.exists():
        try:
            source = json.loads(path.read_text())
        except ValueError as error:
            raise DataError(f"{path}: cannot be read ({error}); delete it if the data are of {_named(wanted)}") from error
        told = {key: value for key, value in source.items() if key != "code"} if isinstance(source, dict) else source
        if told != {key: value for key, value in wanted.items() if key != "code"}:
            raise DataError(f"{folder} holds data of {told}, not of {_named(wanted)}; choose another folder")
        return dict(source)
    write_whole(path, json.dumps(wanted))
    return wanted


def _named(source: dict[str, object]) -> str:
    of, skills = f"items {str(source['items'])[:12]}" if "items" in source else f"seed {source['seed']}", source.get("skills")
    of += f" with {', '.join(skills)}" if isinstance(skills, list) else ""
    return f"{of} by the simulator {str(source['simulator'])[:12]}" if "simulator" in source else of


def write_manifest(folder: Path, seed: int, note: dict[str, object]) -> Path:
    """Write manifest.json: schema, seed, and the digest of every shard's own list of digests."""
    shards = {name: digest(folder / name / "shard.json") for name in shard_names(folder)}
    path = folder / "manifest.json"
    write_whole(path, json.dumps({"schema": SCHEMA, "seed": seed, "shards": shards, **note}, indent=1))
    return path
