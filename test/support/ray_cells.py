"""Cells whose pieces leave a mark each time they are done: importable by the workers of a Ray cluster."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fail2progress.evaluation.rows import Row

SECONDS = 0.1


@dataclass(frozen=True)
class MarkedJob:
    """A piece, and where its marks go."""

    folder: str
    seed: int


@dataclass(frozen=True)
class Marked:
    """Its result."""

    seed: int
    value: int

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def mark(job: MarkedJob) -> Marked:
    """Takes a while, as a trial does."""
    time.sleep(SECONDS)
    (Path(job.folder) / f"{job.seed}-{uuid.uuid4().hex}").touch()
    return Marked(job.seed, job.seed**2)


@dataclass(frozen=True)
class MarkedCell:
    """A cell of a queue."""

    key: str
    folder: Path

    @property
    def name(self) -> str:
        return self.key

    @property
    def identity(self) -> dict[str, object]:
        return {"cell": self.key}

    @property
    def work(self) -> Callable[[MarkedJob], Marked]:
        return mark

    def jobs(self, trials: int) -> Sequence[MarkedJob]:
        return [MarkedJob(str(self.folder), seed) for seed in range(trials)]

    def read(self, row: Row) -> Marked:
        return Marked(row["seed"], row["value"])
