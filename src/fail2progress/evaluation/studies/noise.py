"""Detection of relations on partial views against noise on the clouds (paper figure 3b), learned and geometric."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.provenance import provenance
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.evaluation.predictions import f1
from fail2progress.evaluation.studies.identities import CLEAN, FEWEST, NOTHING, Moment, episode, overlaps, seen_only
from fail2progress.models import prediction as predictor
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.combination import combination_for
from fail2progress.perception.relations import geometric as geometric_relations
from fail2progress.perception.relations.registry import COMBINED, GEOMETRIC, LEARNED
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segment, Segmenter
from fail2progress.simulation.base import Simulator
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import DepthNoise, photograph
from fail2progress.tasks.tabletops import tabletop, viewpoint

SIGMAS = (0.0, 0.001, 0.002, 0.005, 0.010, 0.020)
"""Standard deviations in metres of the noise on every point and axis."""
BAR = 0.92
"""Detection F1 wanted of relations from partial views."""

BINS = 10
"""Of probabilities, for the reliability of what is said."""
Counts = NDArray[np.int64]
"""(9, 3) true positives, false positives and misses by relation."""


def detections(model: SkillEffectModel, digest: str, perceived: Perceived) -> dict[str, RelationState]:
    """What the learned detector, the geometric one, and both together say; they are combined as for a model of this digest."""
    one, other = _learned(model, perceived), geometric_relations.detect(perceived, geometric_relations.A9)
    return {LEARNED: one, GEOMETRIC: other, COMBINED: combination_for(digest, model.name).combine(one, other)}


def _learned(model: SkillEffectModel, perceived: Perceived) -> RelationState:
    cloud = perceived.cloud()
    if cloud.seen.any():
        return predictor.detect(model, predictor.encode_observation(model, cloud))
    return RelationState(cloud.names, np.zeros((len(cloud), len(cloud), len(BINARY))), np.zeros((len(cloud), len(UNARY))))


def noisy(perceived: Perceived, sigma: float, rng: np.random.Generator) -> Perceived:
    """Gaussian noise of `sigma` m on every point and axis of every segment."""

    def shaken(part: Segment) -> Segment:
        points = part.points + sigma * rng.standard_normal(part.points.shape)
        return replace(part, points=points.astype(np.float32))

    if sigma == 0.0:
        return perceived
    return replace(
        perceived,
        surfaces=tuple(shaken(part) for part in perceived.surfaces),
        segments=tuple(shaken(part) for part in perceived.segments),
    )


@dataclass
class Score:
    """Counts over views. Objects that were not found count as misses of all their relations, what is not there as false."""

    counts: Counts = field(default_factory=lambda: np.zeros((len(BINARY), 3), np.int64))
    matched: Counts = field(default_factory=lambda: np.zeros((len(BINARY), 3), np.int64))
    """The same between objects that were found."""
    said: NDArray[np.float64] = field(default_factory=lambda: np.zeros((BINS, 3)))
    """By how probable relations between objects found are said to be: their number, the sum of what is said of them, and
    the number of those that hold."""

    def add(self, moment: Moment, perceived: Perceived, found: RelationState) -> None:
        """One view."""
        rows, visible = _objects_of(moment, perceived, found)
        truth = np.asarray(moment.relations.binary, bool) & (visible[:, None] & visible[None])[..., None]
        said = np.asarray(found.binary, float) > 0.5
        known = rows >= 0
        pair = known[:, None] & known[None]
        true = truth[rows[:, None], rows[None]] & pair[..., None]
        hits = (said & true).sum((0, 1))
        self.counts += np.stack([hits, (said & ~true).sum((0, 1)), truth.sum((0, 1)) - hits], axis=1)
        wrong = (said & ~true & pair[..., None]).sum((0, 1))
        self.matched += np.stack([hits, wrong, (true & ~said).sum((0, 1))], axis=1)
        others = pair & ~np.eye(len(rows), dtype=bool)
        odds, holds = np.asarray(found.binary, float)[others].ravel(), true[others].ravel()
        bins = np.minimum((odds * BINS).astype(np.int64), BINS - 1)
        self.said += np.stack([np.bincount(bins, weight, BINS) for weight in (np.ones(len(odds)), odds, holds)], axis=1)

    def to_dict(self) -> dict[str, object]:
        """F1 pooled over relations, its mean over those that hold somewhere or are said to, and by relation."""
        by_relation = {name: f1(*map(int, row)) for name, row in zip(BINARY, self.counts, strict=True) if row.any()}
        return {
            "f1": f1(*map(int, self.counts.sum(axis=0))),
            "f1_mean": float(np.mean(list(by_relation.values()))) if by_relation else float("nan"),
            "f1_of_found": f1(*map(int, self.matched.sum(axis=0))),
            "by_relation": by_relation,
            "calibration_error": float(np.abs(self.said[:, 1] - self.said[:, 2]).sum() / max(self.said[:, 0].sum(), 1)),
            "reliability": [
                {"from": i / BINS, "said": float(odds / count), "holds": float(true / count), "relations": int(count)}
                for i, (count, odds, true) in enumerate(self.said)
                if count
            ],
        }


def _objects_of(moment: Moment, perceived: Perceived, found: RelationState) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The object that every found segment is (-1: none), and which objects are in view."""
    best = overlaps(moment.frame, perceived)
    visible = np.array([pixels >= FEWEST for pixels, _, _ in best], dtype=bool)
    object_of = {name: i for i, (_, name, iou) in enumerate(best) if iou > 0.5 and visible[i]}
    return np.array([object_of.get(name, -1) for name in found.names], np.int64), visible


def after_skills(simulator: Simulator, episodes: int, seed: int, noise: DepthNoise = CLEAN) -> Iterator[Moment]:
    """Every frame of so many episodes of skills on two tables, as the robot's head sees them."""
    for number in range(episodes):
        yield from episode(simulator, seed, number, noise)


def cluttered(simulator: Simulator, count: int, seed: int, noise: DepthNoise = CLEAN) -> Iterator[Moment]:
    """So many cluttered tables from anywhere around them: things touching, stacked and nested."""
    for number in range(count):
        rng = np.random.default_rng([seed, number, 17])
        scene = tabletop(rng).scene
        camera = viewpoint(rng, scene)
        now = simulator.settle(scene, camera, number)
        yield Moment(now.scene, now.relations, photograph(compile_scene(now.scene), now.scene, camera, noise, rng), {})


def study(
    model: SkillEffectModel,
    digest: str,
    segmenters: Mapping[str, Segmenter],
    scenes: Mapping[str, Iterable[Moment]],
    seed: int,
    sigmas: tuple[float, ...] = SIGMAS,
    progress: Callable[[int], None] = lambda done: None,
    **configuration: object,
) -> dict[str, object]:
    """Detection F1 by kind of scene, segmenter, detector and sigma. `configuration` goes into the provenance."""
    scores: dict[tuple[str, str, str, float], Score] = {}
    refused = dict.fromkeys(segmenters, 0)
    views = dict.fromkeys(scenes, 0)
    rng = np.random.default_rng([seed, 13])
    for kind, moment in ((kind, moment) for kind, moments in scenes.items() for moment in moments):
        for segments, segmenter in segmenters.items():
            perceived = _perceived(segmenter, moment)
            refused[segments] += perceived is NOTHING
            for sigma in sigmas:
                for name, found in detections(model, digest, noisy(perceived, sigma, rng)).items():
                    scores.setdefault((kind, segments, name, sigma), Score()).add(moment, perceived, found)
        views[kind] += 1
        progress(sum(views.values()))
    keys = ("scenes", "segments", "detector", "sigma_m")
    rows = [{**dict(zip(keys, key, strict=True)), **score.to_dict()} for key, score in scores.items()]
    origin = provenance(seed=seed, sigmas_m=sigmas, digest=digest, **configuration)
    return {"bar": BAR, "views": views, "frames_without_a_result": refused, "rows": rows, "provenance": origin}


def _perceived(segmenter: Segmenter, moment: Moment) -> Perceived:
    try:
        return seen_only(segmenter.segment(moment.frame))
    except PerceptionError:
        return NOTHING
