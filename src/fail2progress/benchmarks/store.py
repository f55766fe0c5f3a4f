"""Executions by content: an item is carried out once, whichever benchmark asks for it, and an ended run goes on where it was."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from fail2progress.benchmarks.execution import EXECUTIONS, Execution, execute
from fail2progress.benchmarks.items import BenchmarkItem, Metadata
from fail2progress.core.choice import content_of
from fail2progress.core.executor import Executor
from fail2progress.core.files import write_whole
from fail2progress.core.provenance import code_version
from fail2progress.simulation import registry as simulators
from fail2progress.tasks.items import Item, parse, to_json

DECIDE = ("core", "skills", "simulation", "evaluation/predictions.py", "benchmarks/execution.py")
"""What of the package decides how an item goes."""
INFER = (*DECIDE, "models", "stein", "failures", "learning", "benchmarks/induction.py")
"""What decides which scenes are inferred around a failure."""
_ARRAYS = ("points", "shift", "binary", "unary", "concerned", "parameters")
_CHUNK = 4


@dataclass(frozen=True)
class _Chunk:
    items: tuple[BenchmarkItem, ...]
    simulator: str
    executions: int


def _carry(chunk: _Chunk) -> list[tuple[BenchmarkItem, Execution | None]]:
    """Some items, in a worker."""
    with simulators.make(chunk.simulator) as simulator:
        return [(item, execute(item, simulator, chunk.executions)) for item in chunk.items]


@dataclass(frozen=True)
class ExecutionStore:
    """Executions in a folder, a file for each, named by item, simulator, and source of what decides."""

    folder: Path
    executor: Executor = field(compare=False)
    simulator: str = simulators.DEFAULT
    executions: int = EXECUTIONS

    def run(self, items: Sequence[BenchmarkItem], report: Callable[[int], None] = lambda done: None) -> list[Execution | None]:
        """Executions of items in their order, None where a scene is not at rest; those that are missing are carried out."""
        found = {each.content: self._read(each) for each in items}
        missing = [each for each in {each.content: each for each in items}.values() if found[each.content] is _MISSING]
        done = len(items) - len(missing)
        report(done)
        if missing:
            chunks = [_Chunk(part, self.simulator, self.executions) for part in _parts(missing)]
            for results in self.executor.map_unordered(_carry, chunks):
                for item, execution in results:
                    self._write(item, execution)
                    found[item.content] = execution
                done += len(results)
                report(done)
        return [value if isinstance(value := found[each.content], Execution) else None for each in items]

    def knows(self, items: Sequence[BenchmarkItem]) -> bool:
        """Whether all were carried out already, as far as their files are there."""
        return all(self._path(each).exists() for each in items)

    def inferred(self, content: Sequence[object], make: Callable[[], list[Item]]) -> list[Item]:
        """Items that cost more to find than to carry out, kept by what they were made from; made where they are missing."""
        key = hashlib.sha256(json.dumps([*content, content_of(self.simulator), code_version(INFER)]).encode()).hexdigest()[:24]
        path = self.folder / key[:2] / f"{key}.jsonl"
        try:
            return [parse(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError):  # not there, or damaged
            write_whole(path, "".join(to_json(item) + "\n" for item in make()))
        return [parse(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def _path(self, item: BenchmarkItem) -> Path:
        # choices, structure and parents do not decide how an item goes
        content = [item.content, content_of(self.simulator), self.executions, code_version(DECIDE)]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
        return self.folder / key[:2] / f"{key}.npz"

    def _read(self, item: BenchmarkItem) -> Execution | object | None:
        try:
            with self._path(item).open("rb") as whole, np.load(whole, allow_pickle=False) as file:
                note = json.loads(str(file["note"]))
                return None if note is None else _execution(item, note, {name: file[name] for name in _ARRAYS})
        except Exception:  # not there or damaged, for which zipfile, zlib, struct and NumPy each have their own errors
            return _MISSING

    def _write(self, item: BenchmarkItem, execution: Execution | None) -> None:
        content = io.BytesIO()
        if execution is None:
            np.savez(content, note=np.array("null"))
        else:
            about = {"names": execution.names, "object": execution.object, "skill": execution.skill}
            note = json.dumps({**about, "metadata": asdict(execution.metadata)})
            np.savez(content, note=np.array(note), **{name: getattr(execution, name) for name in _ARRAYS})
        write_whole(self._path(item), content.getvalue())


_MISSING = object()


def _execution(item: BenchmarkItem, note: dict[str, Any], values: dict[str, Any]) -> Execution:
    own = {**note["metadata"], **_given(item.metadata)}
    return Execution(
        id=item.id,
        names=tuple(note["names"]),
        object=note["object"],
        skill=note["skill"],
        metadata=Metadata(**{**own, "parents": tuple(own["parents"])}),
        **values,
    )


def _given(metadata: Metadata) -> dict[str, object]:
    """What of the metadata an item says itself."""
    return {key: getattr(metadata, key) for key in ("type", "parents", "cluster", "generator", "pair")}


def _parts(items: Sequence[BenchmarkItem]) -> Iterator[tuple[BenchmarkItem, ...]]:
    left = iter(items)
    while part := tuple(islice(left, _CHUNK)):
        yield part
