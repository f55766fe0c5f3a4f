"""How well boxes around all of a thing fit, and how honest their stated deviations are, against the meshes of crowded scenes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.evaluation.clutter_relations import MATCHED, thing_of
from fail2progress.evaluation.clutter_truth import Snapshot
from fail2progress.perception.amodal import AmodalBox, Evidence, amodal_boxes, evidence
from fail2progress.perception.segmentation.base import Perceived
from fail2progress.perception.shapes import local


@dataclass
class BoxScore:
    """Over frames: overlaps of boxes with true ones, stated and visible; and by what is known of a side, rows of scale, missing,
    the true excess over what was seen (m), and the error in stated deviations."""

    overlaps: list[tuple[float, float]] = field(default_factory=list)
    sides: dict[str, list[tuple[float, float, float, float]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, shot: Snapshot, perceived: Perceived) -> None:
        """One frame; things that were found count."""
        known, moved = shot.frame.depth > 0, perceived.pose @ np.linalg.inv(shot.pose)
        boxes, seen = amodal_boxes(perceived), evidence(perceived)
        for part, box, found in zip(perceived.segments, boxes, seen, strict=True):
            thing, iou = thing_of(part, shot.things, known)
            if iou >= MATCHED:
                vertices = shot.truth.vertices[thing] @ moved[:3, :3].T + moved[:3, 3]
                true = local(vertices, part.pose, part.size) * part.size / 2
                ends = np.stack([true.min(axis=0), true.max(axis=0)])
                visible = np.stack([-part.size / 2, part.size / 2])
                self._add(ends, visible, _in_frame(box, part.pose), box.deviation, found)

    def _add(self, true: Array, visible: Array, stated: Array, deviation: Array, found: Evidence) -> None:
        self.overlaps.append((overlap(stated, true), overlap(visible, true)))
        outward, told = _outward(true), _outward(stated)
        for k, kind in enumerate(found.kinds):
            error = float((outward[k] - told[k]) / deviation[k])
            self.sides[kind].append((found.scale[k], found.missing[k], float(outward[k] - found.sides[k]), error))

    def as_json(self) -> dict[str, object]:
        """Mean overlaps, and the share of sides within one and two stated deviations, of all and by what is known of a side."""
        errors = {kind: np.abs([row[3] for row in rows]) for kind, rows in sorted(self.sides.items())}
        every = np.concatenate([*errors.values(), np.empty(0)])
        means = np.mean(self.overlaps, axis=0).tolist() if self.overlaps else [None, None]
        return {
            "things": len(self.overlaps),
            "iou": means[0],
            "iou_visible": means[1],
            **_within(every),
            "by_side": {kind: {"sides": len(own), **_within(own)} for kind, own in errors.items()},
        }


def overlap(one: Array, other: Array) -> float:
    """Intersection over union of two boxes (2, 3) in one frame."""
    common = np.prod(np.maximum(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0.0))
    sizes = [np.prod(np.maximum(box[1] - box[0], 0.0)) for box in (one, other)]
    return float(common / max(sizes[0] + sizes[1] - common, 1e-12))


def _in_frame(box: AmodalBox, at: Array) -> Array:
    """(2, 3) ends of a box in the frame of a pose with the same yaw."""
    middle = local(box.pose[None, :3], at, np.full(3, 2.0))[0]
    return np.stack([middle - box.size / 2, middle + box.size / 2])


def _outward(ends: Array) -> Array:
    """(6,) m from the middle outwards of low and high x, y, z."""
    return np.asarray(np.stack([-ends[0], ends[1]], axis=1).ravel())


def _within(errors: Array) -> dict[str, float | None]:
    if not len(errors):
        return {"within_1": None, "within_2": None}
    return {"within_1": float((errors <= 1).mean()), "within_2": float((errors <= 2).mean())}
