"""Whether what is said to lie in what does so, and which things are said to be hollow, against the truth of crowded scenes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.relations import RelationState
from fail2progress.evaluation.clutter_truth import Snapshot, Truth
from fail2progress.perception.segmentation.base import Perceived, Segment

_MOSTLY = 0.5
"""Share of a segment's pixels that must be of one thing for it to be that thing."""
MATCHED = 0.5
"""Intersection over union from which a thing was found."""


@dataclass
class Counts:
    """Over frames. said: of `inside`, by whether it is true; those on which people would not agree count nowhere. wanted: pairs
    that hold between things in view; hollow: of found things."""

    true: int = 0
    false: int = 0
    wanted: int = 0
    hit: int = 0
    wanted_of_found: int = 0
    hit_of_found: int = 0
    hollow: dict[str, int] = field(default_factory=lambda: {"right": 0, "false": 0, "missed": 0})

    def as_json(self) -> dict[str, object]:
        """Precision and recall, with what they are of; None where there was nothing of the kind."""
        said = self.true + self.false
        right, false, missed = (self.hollow[key] for key in ("right", "false", "missed"))
        return {
            "said": said,
            "precision": self.true / said if said else None,
            "pairs_in_view": self.wanted,
            "recall": self.hit / self.wanted if self.wanted else None,
            "pairs_found": self.wanted_of_found,
            "recall_of_found": self.hit_of_found / self.wanted_of_found if self.wanted_of_found else None,
            "hollow_precision": right / (right + false) if right + false else None,
            "hollow_recall": right / (right + missed) if right + missed else None,
        }


class InsideScore:
    """Adds one frame after another to its counts."""

    def __init__(self) -> None:
        self.counts = Counts()

    def add(self, shot: Snapshot, perceived: Perceived, state: RelationState, visible: Collection[int]) -> None:
        """visible: things that count, from 1."""
        truth, known = shot.truth, shot.frame.depth > 0
        is_of = {part.id: thing_of(part, shot.things, known) for part in perceived.segments}
        found = {thing for thing, iou in is_of.values() if iou >= MATCHED}
        holds_all = {part.id for part in perceived.segments if shot.tote.ravel()[part.mask].mean() > _MOSTLY}
        told: set[tuple[int, int]] = set()
        for relation, one, other in state.holding():
            if relation == "inside" and one in is_of and other in is_of:
                self._said(is_of[one][0], is_of[other][0], other in holds_all, truth, told)
        for i, j in np.argwhere(truth.inside == 1).tolist():
            if i + 1 in visible and j + 1 in visible:
                self.counts.wanted += 1
                self.counts.hit += (i, j) in told
                if i in found and j in found:
                    self.counts.wanted_of_found += 1
                    self.counts.hit_of_found += (i, j) in told
        for part in perceived.segments:
            thing, iou = is_of[part.id]
            if iou >= MATCHED:
                self._hollow(part.hollow, bool(truth.hollow[thing]))

    def _said(self, i: int, j: int, all_in: bool, truth: Truth, told: set[tuple[int, int]]) -> None:
        verdict = 1 if all_in else 0 if min(i, j) < 0 or i == j else int(truth.inside[i, j])
        self.counts.true += verdict == 1
        self.counts.false += verdict == 0
        if verdict == 1 and not all_in:
            told.add((i, j))

    def _hollow(self, said: bool, true: bool) -> None:
        if said or true:
            self.counts.hollow["right" if said and true else "false" if said else "missed"] += 1


def thing_of(part: Segment, things: NDArray[np.int64], known: NDArray[np.bool_]) -> tuple[int, float]:
    """The thing that most of a segment is, from 0 (-1: none), and their intersection over union of pixels with readings."""
    pixels = part.mask[known.ravel()[part.mask]]
    counts = np.bincount(things.ravel()[pixels], minlength=int(things.max()) + 1)
    thing = int(counts.argmax())
    if thing == 0 or counts[thing] <= _MOSTLY * max(len(pixels), 1):
        return -1, 0.0
    size = int(((things == thing) & known).sum())
    return thing - 1, float(counts[thing] / (size + len(pixels) - counts[thing]))
