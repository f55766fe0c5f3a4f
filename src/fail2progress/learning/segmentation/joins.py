"""The odds of joining, fitted: neighbouring parts that the network sees in rendered scenes, and whether they are of one thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fail2progress.core.executor import Executor
from fail2progress.core.rgbd import Labels, RgbdFrame
from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.paints import ROOMS
from fail2progress.learning.segmentation.scenery import FIRST
from fail2progress.learning.segmentation.scenes import scene, sensing
from fail2progress.learning.segmentation.sensors import sensed
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.fused.guide import FusedGuide
from fail2progress.perception.segmentation.fused.joining import FEATURES, Joiner
from fail2progress.perception.segmentation.fused.odds import Odds
from fail2progress.perception.segmentation.fused.segmenter import FusedSegmenter
from fail2progress.perception.segmentation.geometric.guide import Geometry, Guide
from fail2progress.perception.segmentation.geometric.regions import Numbers, Window

_PIXELS = 30
"""Of the smallest part that tells something."""
_MOSTLY = 0.6
"""Share of a part's pixels that are of one thing, at least."""
_RIDGE = 0.5
"""Of the regression: few pairs leave the weights near 0."""
DISTANCE_TIMES = 2.5
"""Times that the distance of places counts for more than rendered pairs say: colours and borders tell more of rendered things, of
one print each and with sharp depth, than of real ones (docs/decisions/0127-what-joins-real-things-and-what-stands-free.md)."""


@dataclass(frozen=True)
class Pairs:
    """features (n, 5): FEATURES of neighbouring parts; same (n,): whether they are of one thing; scene (n,): its number."""

    features: Array
    same: NDArray[np.bool_]
    scene: NDArray[np.int64]

    def some(self, chosen: NDArray[np.bool_]) -> Pairs:
        """Those chosen (n,)."""
        return Pairs(self.features[chosen], self.same[chosen], self.scene[chosen])


class _Watch(FusedGuide):
    """Notes what neighbours look like before they are joined, and the truth."""

    truth: Numbers
    noted: list[tuple[Array, bool]]

    def joiner(self, geometry: Geometry, image: Numbers, numbers: Numbers) -> Joiner:
        """See FusedGuide."""
        found = super().joiner(geometry, image, numbers)
        for one, other, features in found.neighbours():
            things = [_thing(self.truth[pixels]) for pixels in (one, other)]
            if min(things) > 0:
                self.noted.append((features, things[0] == things[1]))
        return found


@dataclass(frozen=True)
class _Watching(FusedSegmenter):
    noted: list[tuple[Array, bool]] = field(default_factory=list)

    def guide(self, frame: RgbdFrame, window: Window) -> Guide | None:
        assert frame.labels is not None
        watch = _Watch(*self.guided_by(frame, window))
        watch.truth, watch.noted = frame.labels.image.ravel().astype(np.int64), self.noted
        return watch


def _thing(labels: Numbers) -> int:
    """What a part is of; 0 where that is not clear, or it is of none."""
    counts = np.bincount(labels)
    most = int(counts.argmax())
    return most if len(labels) >= _PIXELS and counts[most] >= _MOSTLY * len(labels) else 0


def pairs_of(segmenter: FusedSegmenter, seed: int, rooms: float, number: int) -> tuple[int, list[tuple[Array, bool]]]:
    """The number of a scene of a seed, and what its pairs of parts are; the camera's pose is known in every other scene. rooms:
    see `painted`."""
    view = scene((seed, number), rooms)
    depth = sensed(view, sensing((seed, number)))
    things = np.maximum(view.labels.astype(np.int64) - FIRST + 1, 0).astype(np.uint16)
    names = tuple(f"thing_{i}" for i in range(1, int(things.max()) + 1))
    labels = Labels(things, names, names)
    frame = RgbdFrame(view.colour, depth, view.camera, view.pose if number % 2 else None, labels)
    watching = _Watching(model=segmenter.model, grainy=None)
    try:
        watching.segment(frame)
    except PerceptionError:
        return number, []  # no support in view
    return number, watching.noted


def gather(
    segmenter: FusedSegmenter, scenes: int, seed: int, workers: Executor, say: Callable[[int], None], rooms: float = ROOMS
) -> Pairs:
    """Of so many scenes of a seed."""
    by_scene: dict[int, list[tuple[Array, bool]]] = {}
    for number, noted in workers.map_unordered(partial(pairs_of, segmenter, seed, rooms), range(scenes)):
        by_scene[number] = noted
        say(len(by_scene))
    rows = [(*pair, number) for number in sorted(by_scene) for pair in by_scene[number]]
    features = np.array([row[0] for row in rows], float).reshape(-1, len(FEATURES))
    return Pairs(features, np.array([row[1] for row in rows], bool), np.array([row[2] for row in rows], np.int64))


def fit(pairs: Pairs) -> Odds:
    """The likeliest odds of pairs, of which some are of one thing and some are not. ValueError where that is not so."""
    if len(np.unique(pairs.same)) < 2:
        raise ValueError(f"{len(pairs.same)} pairs of parts are all of one thing, or all of two")
    inputs = np.column_stack([pairs.features, np.ones(len(pairs.same))])
    sign = 2.0 * pairs.same - 1

    def cost(weights: Array) -> float:
        return float(np.logaddexp(0, -sign * (inputs @ weights)).sum() + _RIDGE / 2 * np.square(weights[:-1]).sum())

    weights = minimize(cost, np.zeros(inputs.shape[1])).x
    return Odds(**dict(zip((*FEATURES, "bias"), map(float, weights), strict=True)))


def for_real_things(odds: Odds, pairs: Pairs) -> Odds:
    """Odds in which places count for more, as of real things, around the mean distance of those of pairs of one thing."""
    more = (DISTANCE_TIMES - 1) * odds.distance
    middle = float(pairs.features[pairs.same, FEATURES.index("distance")].mean())
    return odds.model_copy(update={"distance": odds.distance + more, "bias": odds.bias - more * middle})


def errors(odds: Odds, pairs: Pairs) -> tuple[int, int]:
    """Pairs that are joined and should not be, and that are not joined and should be."""
    weights = np.array([getattr(odds, name) for name in FEATURES])
    joined = pairs.features @ weights + odds.bias > 0
    return int((joined & ~pairs.same).sum()), int((~joined & pairs.same).sum())


def crossed(pairs: Pairs) -> tuple[int, int]:
    """The errors in each half of the scenes by odds for real things that are fitted on the other half, together."""
    odd = pairs.scene % 2 == 1
    halves = [(pairs.some(~half), pairs.some(half)) for half in (odd, ~odd)]
    told = [errors(for_real_things(fit(one), one), other) for one, other in halves]
    return told[0][0] + told[1][0], told[0][1] + told[1][1]
