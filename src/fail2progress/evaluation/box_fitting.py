"""Fits the laws of the boxes around all of a thing (see `perception.box_laws`) to the meshes of rendered crowded scenes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.stats import t as student

from fail2progress.core.executor import Executor
from fail2progress.core.scene import Array
from fail2progress.evaluation.box_measures import BoxScore
from fail2progress.evaluation.clutter_truth import snapshot
from fail2progress.perception.box_laws import KINDS, Law
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.registry import segmenter

_TAILS = 4.0
"""Degrees of freedom of the errors that laws are fitted for: some boxes are far off."""
_COVERED = 0.96
"""Share of the sides fitted to that lie within two deviations: of others one in a hundred fewer do, so that 95 do."""
_STARTS = 3
_LEAST = 24
"""Sides of a kind to fit its six numbers to, at least."""
Sides = dict[str, Array]
"""By what was seen of a side, (n, 3): scale and missing (see `amodal.Evidence`), and metres by which the true side lies beyond
where the readings end."""


def sides_of(names: Sequence[str], seed: int, number: int) -> tuple[int, dict[str, list[tuple[float, float, float]]]]:
    """The number of a scene, and the sides of its things as each of some segmenters finds them."""
    shot, score = snapshot(seed, number), BoxScore()
    for name in names:
        try:
            score.add(shot, segmenter(name).segment(shot.frame))
        except PerceptionError:
            continue  # no support in view
    return number, {kind: [row[:3] for row in rows] for kind, rows in score.sides.items()}


def gathered(
    look: Callable[[int], tuple[int, Mapping[str, list[tuple[float, float, float]]]]],
    scenes: int,
    workers: Executor,
    say: Callable[[int], None],
) -> tuple[Sides, Sides]:
    """Sides of the even scenes, and those of the odd ones."""
    halves: tuple[dict[int, Mapping[str, list[tuple[float, float, float]]]], ...] = ({}, {})
    for number, sides in workers.map_unordered(look, range(scenes)):
        halves[number % 2][number] = sides
        say(len(halves[0]) + len(halves[1]))
    even, odd = (_stacked([half[number] for number in sorted(half)]) for half in halves)
    return even, odd


def together(one: Sides, other: Sides) -> Sides:
    """Both."""
    return {kind: np.concatenate([part[kind] for part in (one, other) if kind in part]) for kind in {**one, **other}}


def fitted(sides: Sides) -> dict[str, Law]:
    """The laws under which these sides are likeliest, their deviations such that 96 % lie within two. ValueError where there are
    too few of a kind."""
    few = next((kind for kind in KINDS if len(sides.get(kind, ())) < _LEAST), None)
    if few is not None:
        raise ValueError(f"{len(sides.get(few, ()))} sides of the kind {few!r} are too few to fit a law")
    return {kind: _law(sides[kind]) for kind in KINDS}


def within(laws: Mapping[str, Law], sides: Sides) -> dict[str, float]:
    """Shares of sides within one and two deviations."""
    errors = np.concatenate([np.abs(_errors(laws[kind], rows)) for kind, rows in sides.items()])
    return {"within_1": float((errors <= 1).mean()), "within_2": float((errors <= 2).mean())}


def _errors(law: Law, rows: Array) -> Array:
    """(n,) by how many deviations sides lie off."""
    at = np.array([law.at(scale, missing) for scale, missing, _ in rows.tolist()]).reshape(-1, 2)
    return np.asarray((rows[:, 2] - at[:, 0]) / at[:, 1])


def _law(rows: Array) -> Law:
    terms, excess = np.column_stack([np.ones(len(rows)), rows[:, :2]]), rows[:, 2]

    def loss(values: Array) -> float:
        scale = terms @ np.abs(values[3:]) + 0.0005
        return float(-student.logpdf((excess - terms @ values[:3]) / scale, _TAILS).sum() + np.log(scale).sum())

    best = np.array([np.median(excess), 0.0, 0.0, 0.005, 0.05, 0.1])
    for _ in range(_STARTS):  # a simplex shrinks early: begun again from where it ended, it goes on
        best = minimize(loss, best, method="Nelder-Mead", options={"maxiter": 6000, "maxfev": 6000, "xatol": 1e-5}).x
    likeliest = _rounded(best[:3], np.abs(best[3:]))
    wider = max(float(np.quantile(np.abs(_errors(likeliest, rows)), _COVERED)) / 2, 0.5)
    return _rounded(best[:3], wider * np.abs(best[3:]))


def _rounded(mean: Array, deviation: Array) -> Law:
    (a, b, c), (d, e, f) = (np.round(part, 4).tolist() for part in (mean, deviation))
    return Law(mean=(a, b, c), deviation=(d, e, f))


def _stacked(scenes: list[Mapping[str, list[tuple[float, float, float]]]]) -> Sides:
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for sides in scenes:
        for kind, rows in sides.items():
            found[kind] += rows
    return {kind: np.array(rows, float) for kind, rows in found.items()}
