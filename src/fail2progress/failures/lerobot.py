"""Failures as a dataset in LeRobot's layout, version 3: one episode for each, two frames: before the skill and after it.

    meta/info.json                              features with shapes and names, counts, paths
    meta/stats.json                             min, max, mean, std and count of every feature
    meta/tasks.parquet                          the goals as texts
    meta/episodes/chunk-000/file-000.parquet    where each episode's frames lie
    meta/failures.jsonl                         beyond the layout: the header and the report of each episode's failure
    meta/pipeline_gaps.json                     beyond the layout: what was assumed or left out
    data/chunk-000/file-000.parquet             the frames

Features: `observation.state` centres (m, planning frame) and visibility of the objects, in the order of the failure's names;
`observation.points` their points (m); `observation.relations` and `expected.relations` probabilities; `action` one for the skill
that follows, then its parameters padded with zeros; `next.failure`; `observation.images.camera` where all failures have images
of one size. Datasets of failures with different numbers of objects, or of points an object, are padded with zeros.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fail2progress.core import gaps
from fail2progress.core.files import whole_file, write_whole
from fail2progress.core.images import from_png
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.exports import gaps_of
from fail2progress.failures.report import FailureReport
from fail2progress.skills.registry import SKILLS

VERSION = "v3.0"
CAMERA = "observation.images.camera"
UNKNOWN = "unknown"
"""The type of robot of a dataset whose failures do not agree on one."""
_FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_FIRST = _FILE.format(chunk_index=0, file_index=0)
_COUNTERS = ("frame_index", "episode_index", "index", "task_index")
Numbers = NDArray[np.float32]
Entry = tuple[FailureEvent, FailureReport | None]


class LeRobotError(ValueError):
    """Failures that cannot be written so, or a package that is missing."""


def to_lerobot(folder: Path, entries: Sequence[Entry]) -> None:
    """Write the dataset into an empty folder. LeRobotError where there are none, or pyarrow is missing; OSError."""
    if not entries:
        raise LeRobotError("no failures to write")
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise LeRobotError("the package pyarrow is missing: pip install 'fail2progress[lerobot]'") from error
    dataset = _Dataset(tuple(event for event, _ in entries))
    rows = dataset.rows()
    _write_table(folder / "data" / _FIRST, rows, dataset)
    _write_meta(folder / "meta", dataset, rows)
    lines = (_line(number, *entry) for number, entry in enumerate(entries))
    write_whole(folder / "meta" / "failures.jsonl", "".join(lines))
    found = [gap for event, _ in entries for gap in gaps_of(event)]
    gaps.write(folder / "meta" / gaps.FILE, [*found, *dataset.gaps()])


def _line(number: int, event: FailureEvent, report: FailureReport | None) -> str:
    told = report.model_dump(mode="json") if report else None
    return json.dumps({"episode_index": number, "failure": event.header.model_dump(mode="json"), "report": told}) + "\n"


@dataclass(frozen=True)
class _Dataset:
    """What the frames are made of."""

    events: tuple[FailureEvent, ...]

    @property
    def objects(self) -> int:
        """The most that a failure has."""
        return max(len(event.before) for event in self.events)

    @property
    def points(self) -> int:
        """The most of an object that a failure has."""
        return max(int(cloud.points.shape[1]) for event in self.events for cloud in (event.before, event.after))

    @property
    def tasks(self) -> tuple[str, ...]:
        """The goals, each once."""
        return tuple(dict.fromkeys(_task(event) for event in self.events))

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """(H, W, 3) of all images, None unless every failure has both and they are of one size."""
        shapes = {from_png(image).shape for event in self.events for image in event.images.values()}
        whole = all(set(event.images) == {"before", "after"} for event in self.events)
        return shapes.pop() if whole and len(shapes) == 1 else None

    @property
    def robot(self) -> str:
        """The kind of robot of all failures; UNKNOWN where one does not tell, or they are of several."""
        kinds = {event.header.robot for event in self.events}
        return (kinds.pop() if len(kinds) == 1 else "") or UNKNOWN

    def _gaps_of_images(self) -> tuple[gaps.Gap, ...]:
        some = [event.id for event in self.events if event.images]
        if not some or self.image_shape is not None:
            return ()
        text = f"{len(some)} of {len(self.events)} failures have images, or their sizes differ"
        return (gaps.gap("not_covered", "failures.lerobot.image_shape", "images were left out of a dataset", text, 1),)

    def _gaps_of_robots(self) -> tuple[gaps.Gap, ...]:
        if self.robot != UNKNOWN:
            return ()
        kinds = Counter(event.header.robot or UNKNOWN for event in self.events)
        text = f"failures by robot: {', '.join(f'{kind} {count}' for kind, count in sorted(kinds.items()))}"
        what = "a dataset whose robot is not known, or is not one, says so"
        return (gaps.gap("not_covered", "failures.lerobot.robot", what, text, 1),)

    def gaps(self) -> tuple[gaps.Gap, ...]:
        """Images that could not be taken along, and that the robot is not known."""
        return (*self._gaps_of_images(), *self._gaps_of_robots())

    def features(self) -> dict[str, dict[str, Any]]:
        """By name: type, shape and names, as info.json states them."""
        relations = len(BINARY) * self.objects**2 + len(UNARY) * self.objects
        places = [f"object_{i}.{axis}" for i in range(self.objects) for axis in ("x", "y", "z", "visibility")]
        actions = [*SKILLS, *(f"parameter_{k}" for k in range(SKILLS.action_size))]
        found = {
            "observation.state": _feature("float32", (len(places),), places),
            "observation.points": _feature("float32", (self.objects * self.points * 3,)),
            "observation.relations": _feature("float32", (relations,)),
            "expected.relations": _feature("float32", (relations,)),
            "action": _feature("float32", (len(actions),), actions),
            "next.failure": _feature("bool", (1,)),
        }
        if self.image_shape is not None:
            found[CAMERA] = _feature("image", self.image_shape, ["height", "width", "channels"])
        return found | {"timestamp": _feature("float32", (1,)), **{name: _feature("int64", (1,)) for name in _COUNTERS}}

    def rows(self) -> dict[str, list[Any]]:
        """Columns of all frames."""
        frames = [self._frame(number, event, k) for number, event in enumerate(self.events) for k in (0, 1)]
        return {name: [frame[name] for frame in frames] for name in self.features()}

    def _frame(self, number: int, event: FailureEvent, k: int) -> dict[str, Any]:
        cloud, seen = ((event.before, event.relations_before), (event.after, event.observed))[k]
        expected = (event.relations_before, event.expected)[k]
        image = event.images.get(("before", "after")[k])
        return {
            "observation.state": self._padded(_state(cloud), 4),
            "observation.points": self._padded(np.nan_to_num(cloud.points).reshape(len(cloud), -1), self.points * 3),
            "observation.relations": self._relations(seen),
            "expected.relations": self._relations(expected),
            "action": _action(event) if k == 0 else np.zeros(len(SKILLS) + SKILLS.action_size, np.float32),
            "next.failure": k == 0,
            CAMERA: {"bytes": image, "path": None},
            "timestamp": float(k),
            "frame_index": k,
            "episode_index": number,
            "index": 2 * number + k,
            "task_index": self.tasks.index(_task(event)),
        }

    def _padded(self, values: NDArray[Any], width: int) -> Numbers:
        whole = np.zeros((self.objects, width), np.float32)
        whole[: len(values), : values.shape[1]] = values
        return whole.ravel()

    def _relations(self, state: RelationState) -> Numbers:
        n = len(state.names)
        binary = np.zeros((self.objects, self.objects, len(BINARY)), np.float32)
        unary = np.zeros((self.objects, len(UNARY)), np.float32)
        binary[:n, :n], unary[:n] = state.binary, state.unary
        return np.concatenate([binary.ravel(), unary.ravel()])


def _feature(kind: str, shape: tuple[int, ...], names: list[str] | None = None) -> dict[str, Any]:
    return {"dtype": kind, "shape": list(shape), "names": names}


def _task(event: FailureEvent) -> str:
    return " and ".join(event.header.goal) or str(event.header.call.call())


def _state(cloud: SegmentedCloud) -> Numbers:
    """(N, 4) centre and visibility; zeros for what was never seen."""
    centres = np.nan_to_num(cloud.bounds().mean(axis=1))
    return np.column_stack([centres, np.where(cloud.seen, cloud.visibility, 0.0)]).astype(np.float32)


def _action(event: FailureEvent) -> Numbers:
    call = event.header.call.call()
    return np.concatenate([[name == call.skill for name in SKILLS], call.padded]).astype(np.float32)


def _write_table(path: Path, rows: dict[str, list[Any]], dataset: _Dataset) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"float32": pa.float32(), "int64": pa.int64(), "bool": pa.bool_()}
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = []
    for name, feature in dataset.features().items():
        size, kind = int(np.prod(feature["shape"])), feature["dtype"]
        one = image if kind == "image" else types[kind]
        fields.append((name, one if kind == "image" or size == 1 else pa.list_(one, size)))
    columns = {name: [v.tolist() if isinstance(v, np.ndarray) else v for v in rows[name]] for name, _ in fields}
    with whole_file(path) as unfinished:
        pq.write_table(pa.table(columns, schema=pa.schema(fields)), unfinished)


def _write_meta(folder: Path, dataset: _Dataset, rows: dict[str, list[Any]]) -> None:
    import pandas as pd

    count, tasks = len(dataset.events), dataset.tasks
    info = {
        "codebase_version": VERSION,
        "robot_type": dataset.robot,
        "total_episodes": count,
        "total_frames": 2 * count,
        "total_tasks": len(tasks),
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": 1,
        "splits": {"train": f"0:{count}"},
        "data_path": f"data/{_FILE}",
        "video_path": None,
        "features": dataset.features(),
    }
    write_whole(folder / "info.json", json.dumps(info, indent=1))
    write_whole(folder / "stats.json", json.dumps(_stats(dataset, rows), indent=1))
    with whole_file(folder / "tasks.parquet") as unfinished:
        pd.DataFrame({"task_index": range(len(tasks))}, index=pd.Index(tasks, name="task")).to_parquet(unfinished)
    episodes = {
        "episode_index": range(count),
        "tasks": [[_task(event)] for event in dataset.events],
        "length": [2] * count,
        "data/chunk_index": [0] * count,
        "data/file_index": [0] * count,
        "dataset_from_index": [2 * k for k in range(count)],
        "dataset_to_index": [2 * k + 2 for k in range(count)],
        "meta/episodes/chunk_index": [0] * count,
        "meta/episodes/file_index": [0] * count,
    }
    with whole_file(folder / "episodes" / _FIRST) as unfinished:
        pd.DataFrame(episodes).to_parquet(unfinished, index=False)


def _stats(dataset: _Dataset, rows: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
    """Over all frames; of images by colour, in [0, 1]."""
    found = {}
    for name, feature in dataset.features().items():
        if feature["dtype"] == "image":
            pixels = np.concatenate([from_png(image["bytes"]).reshape(-1, 3) for image in rows[name]]) / 255.0
            values, shape = pixels, (3, 1, 1)
        else:
            values = np.asarray(rows[name], float).reshape(len(rows[name]), -1)
            shape = (values.shape[1],)  # type: ignore[assignment]
        measured = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0)}
        found[name] = {key: value.reshape(shape).tolist() for key, value in measured.items()} | {"count": [len(rows[name])]}
    return found
