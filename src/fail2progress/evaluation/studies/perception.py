"""How well tables are perceived: simulated ones against their labels, real ones against boxes drawn by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from fail2progress.core.provenance import provenance
from fail2progress.core.relations import on
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import Array
from fail2progress.evaluation.boxed_frames import BoxedFrame, Truth, read_boxed
from fail2progress.perception.relations import geometric as geometric_relations
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segmenter
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import DepthNoise, photograph
from fail2progress.tasks.tabletops import Tabletop, tabletop, viewpoint

NOISE = DepthNoise(at_one_metre=0.002, dropped=0.01)
VISIBLE = 100
"""Readings of an object from which it counts as visible."""
FOUND = 0.5
"""Intersection over union from which an object is found."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Study:
    """What to measure: so many simulated tables from a seed, and a folder of real frames, or None."""

    tables: int = 100
    seed: int = 100
    frames: Path | None = None

    def run(self, segmenter: Segmenter, say: Progress) -> dict[str, object]:
        """The report. PerceptionError before anything is rendered, where the frames are not as they should be."""
        frames = None if self.frames is None else read_boxed(self.frames)
        report: dict[str, object] = {"simulated": self._simulated(segmenter, say)}
        if frames is not None:
            report["real"] = real(segmenter, frames, say)
        report["provenance"] = provenance(tables=self.tables, seed=self.seed, noise_at_one_metre=NOISE.at_one_metre)
        return report

    def _simulated(self, segmenter: Segmenter, say: Progress) -> dict[str, object]:
        rows: list[dict[str, object]] = []
        counts: Counter[str] = Counter()
        seconds: list[float] = []
        for index in range(self.tables):
            table, frame = snapshot(self.seed + index)
            perceived = _segment(segmenter, frame)
            if perceived is None:
                counts["refused"] += 1
            else:
                counts["segments"] += len(perceived.segments)
                seconds.append(perceived.seconds["total"])
            rows += [{"table": self.seed + index, **row} for row in score(table, frame, perceived)]
            say(f"table {index + 1} of {self.tables}")
        return _summary(rows, counts, seconds)


def _segment(segmenter: Segmenter, frame: RgbdFrame) -> Perceived | None:
    try:
        return segmenter.segment(frame)
    except PerceptionError:
        return None


def snapshot(seed: int) -> tuple[Tabletop, RgbdFrame]:
    """A cluttered table seen with noise from somewhere; every other frame without the camera's pose."""
    rng = np.random.default_rng([seed, 11])
    table = tabletop(rng, int(rng.integers(4, 9)))
    frame = photograph(compile_scene(table.scene), table.scene, viewpoint(rng, table.scene), NOISE, rng)
    return table, replace(frame, pose=None) if seed % 2 else frame


def score(table: Tabletop, frame: RgbdFrame, perceived: Perceived | None) -> list[dict[str, object]]:
    """A row for every visible object: how it stands, its category, readings, and overlap with the segment that is its own."""
    labels = frame.labels
    if labels is None:
        raise ValueError("a frame without labels cannot be scored")
    read = frame.depth.ravel() > 0
    known = labels.image.ravel() * read
    truth = {name: np.flatnonzero(known == labels.names.index(name) + 1) for name in table.arrangement}
    truth = {name: pixels for name, pixels in truth.items() if len(pixels) >= VISIBLE}
    segments = perceived.segments if perceived is not None else ()
    overlaps = np.zeros((len(truth), len(segments)))
    for column, segment in enumerate(segments):
        own_pixels = segment.mask[read[segment.mask]]
        shown = np.bincount(known[own_pixels], minlength=len(labels.names) + 1)
        for row, (name, pixels) in enumerate(truth.items()):
            common = shown[labels.names.index(name) + 1]
            overlaps[row, column] = common / (len(pixels) + len(own_pixels) - common)
    own = _assigned(overlaps)
    kinds = dict(zip(labels.names, labels.categories, strict=True))
    return [
        {"object": name, "how": table.arrangement[name], "category": kinds[name], "readings": len(pixels), "iou": float(iou)}
        for (name, pixels), iou in zip(truth.items(), own, strict=True)
    ]


def _assigned(overlaps: Array) -> Array:
    """(rows,) overlap with the column that is each row's own, in the best assignment; 0 where it has none."""
    rows, columns = linear_sum_assignment(-overlaps)
    result = np.zeros(len(overlaps))
    result[rows] = overlaps[rows, columns]
    return result


def _summary(rows: list[dict[str, object]], counts: Counter[str], seconds: list[float]) -> dict[str, object]:
    if not rows:
        return {"objects": 0, "found": None, "mean_iou_of_found": None, "mean_iou": None, "segments_per_object": None} | {
            "found_by_arrangement": {},
            "objects_by_arrangement": {},
            "frames_refused": counts["refused"],
            "median_seconds": float(np.median(seconds)) if seconds else None,
            "missed": [],
        }
    overlap = np.array([row["iou"] for row in rows], float)
    found = overlap >= FOUND
    kinds = sorted({str(row["how"]) for row in rows})
    by_kind = {kind: np.array([row["how"] == kind for row in rows]) for kind in kinds}
    return {
        "objects": len(rows),
        "found": float(found.mean()),
        "mean_iou_of_found": float(overlap[found].mean()) if found.any() else 0.0,
        "mean_iou": float(overlap.mean()),
        "segments_per_object": counts["segments"] / max(len(rows), 1),
        "found_by_arrangement": {kind: float(found[own].mean()) for kind, own in by_kind.items()},
        "objects_by_arrangement": {kind: int(own.sum()) for kind, own in by_kind.items()},
        "frames_refused": counts["refused"],
        "median_seconds": float(np.median(seconds)) if seconds else None,
        "missed": [row for row, hit in zip(rows, found, strict=True) if not hit],
    }


def real(segmenter: Segmenter, frames: Iterable[BoxedFrame], say: Progress) -> dict[str, object]:
    """Frames with boxes of all objects and what is inside or on what; nothing is found in one that is refused."""
    rows: list[dict[str, Any]] = []
    for one in frames:
        try:
            row = compare(segmenter.segment(one.frame), one.truth)
        except PerceptionError as error:
            row = {**compare(None, one.truth), "refused": str(error)}
        rows.append({"frame": one.name, **row})
        say(f"frame {one.name}" + (f" refused: {row['refused']}" if "refused" in row else ""))
    total = {key: sum(int(row[key]) for row in rows) for key in ("objects", "found", "segments", "relations", "false_relations")}
    named = sum(int(row["relations_found"]) for row in rows)
    return {
        **total,
        "found_share": total["found"] / total["objects"] if total["objects"] else None,
        "segments_per_object": total["segments"] / total["objects"] if total["objects"] else None,
        "relations_found": named,
        "frames_refused": sum("refused" in row for row in rows),
        "frames": rows,
    }


def compare(perceived: Perceived | None, truth: Truth) -> dict[str, object]:
    """One frame against the boxes drawn on it; None: it was refused, and nothing is found in it."""
    names = [item.name for item in truth.objects]
    drawn = [item.box_xyxy_px for item in truth.objects]
    parts, width = (perceived.segments, perceived.width) if perceived is not None else ((), 0)
    shown = [(segment, box) for segment in parts if (box := segment.box_px(width)) is not None]
    boxes = [box for _, box in shown]
    overlaps = np.array([[box_iou(one, other) for other in boxes] for one in drawn]).reshape(len(drawn), len(boxes))
    rows, columns = linear_sum_assignment(-overlaps)
    pairs = [(i, j) for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if overlaps[i, j] >= FOUND]
    named = {shown[j][0].id: names[i] for i, j in pairs}
    wanted = {("inside", *pair) for pair in truth.inside} | {("on", *pair) for pair in truth.on}
    told = relations(perceived) if perceived is not None else []
    said = {(kind, named.get(a, a), named.get(b, b)) for kind, a, b in told}
    missed = sorted(set(names) - set(named.values()))
    return {
        "objects": len(names),
        "found": len(named),
        "segments": len(boxes),
        "missed": missed,
        "relations": len(wanted),
        "relations_found": len(wanted & said),
        "false_relations": len(said - wanted),
        "seconds": perceived.seconds["total"] if perceived is not None else None,
    }


def relations(perceived: Perceived) -> list[tuple[str, str, str]]:
    """What lies in or on which other object; tables do not count."""
    tables = {surface.id for surface in perceived.surfaces}
    state = geometric_relations.detect(perceived)
    found = [atom for atom in state.holding() if atom[0] == "inside"]
    found += [("on", a, b) for a, b, _ in on(state) if b not in tables]
    return found


def box_iou(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(common / max(areas[0] + areas[1] - common, 1e-9))
