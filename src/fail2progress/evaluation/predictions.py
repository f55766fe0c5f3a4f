"""How well a model predicts the executions of an item file: relations, what moves along, what stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from fail2progress.core.relations import BINARY, SUPPORT, UNARY, Mask, RelationState
from fail2progress.core.scene import Array
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.simulation.base import Outcome, Simulator
from fail2progress.tasks.items import Item

STILL = 0.005
"""Metres below which an object counts as not moved."""
ALONG = 0.020
"""Metres above which an object other than the skill's counts as moved along."""
CLOSE = 0.040
"""Metres within which the end of what moved must be predicted for an item to be correct."""
CHECKED = (*SUPPORT, "contact")
"""The relations of what is concerned that must be right for an item to be correct."""


@dataclass(frozen=True)
class ItemResult:
    """One item: errors (m) of the predicted displacements, and relations as true positives, false positives and misses."""

    id: str
    stable: bool
    moved: tuple[float, ...] = ()
    """Of the object that the skill acts on."""
    along: tuple[float, ...] = ()
    """Of other objects that moved by over ALONG; of those that the camera saw, as `still`."""
    still: tuple[float, ...] = ()
    pairs: tuple[int, int, int] = (0, 0, 0)
    """Over all pairs with something that moved, what the camera did not see included: there the model misses what holds."""
    correct: bool = False
    """Support, containment and contact of everything concerned, the state of drawers, and within 4 cm what moved."""

    def to_dict(self) -> dict[str, object]:
        """For --json; NaN where there was nothing of the kind."""
        return {
            "id": self.id,
            "stable": self.stable,
            "f1": f1(*self.pairs),
            "along_mm": 1000 * _statistic(np.median, self.along),
            "moved_mm": 1000 * _statistic(np.median, self.moved),
            "still_p90_mm": 1000 * _p90(self.still),
            "correct": self.correct,
        }


@dataclass(frozen=True)
class Benchmark:
    """All items under one model. Figures are over the stable ones; unstable scenes say nothing about a model."""

    results: tuple[ItemResult, ...] = field(default=())

    def to_dict(self) -> dict[str, object]:
        """For --json: medians and the 90th percentile over all objects of all items, F1 over all pairs, the share correct."""
        good = [result for result in self.results if result.stable]
        pairs = np.array([result.pairs for result in good], int).reshape(-1, 3).sum(axis=0)
        along, moved, still = ([value for r in good for value in getattr(r, key)] for key in ("along", "moved", "still"))
        return {
            "items": len(self.results),
            "stable": len(good),
            "f1": f1(*map(int, pairs)),
            "along_mm": 1000 * _statistic(np.median, along),
            "moved_mm": 1000 * _statistic(np.median, moved),
            "still_p90_mm": 1000 * _p90(still),
            "correct": _statistic(np.mean, [float(result.correct) for result in good]),
        }


def run_items(items: Sequence[Item], model: SkillEffectModel, simulator: Simulator) -> Iterator[ItemResult]:
    """Execute the items one after the other and compare with what the model says."""
    for item, outcome in zip(items, simulator.execute_all([item.job for item in items]), strict=True):
        yield compare(item.id, outcome, model)


def from_row(row: Mapping[str, Any]) -> ItemResult:
    """A result from its fields, read back from JSON. KeyError where one is missing."""
    values = {each.name: row[each.name] for each in fields(ItemResult)}
    exact: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return ItemResult(**exact)


def compare(name: str, outcome: Outcome, model: SkillEffectModel) -> ItemResult:
    """One execution against the model's prediction from the observation before it."""
    if not outcome.stable:
        return ItemResult(name, False)
    said, shift = _predicted(outcome, model)
    error = np.linalg.norm(shift - outcome.displacements, axis=1)
    way = np.linalg.norm(outcome.displacements, axis=1)
    own = np.array([each == outcome.call.object for each in said.names])
    other = outcome.before.cloud.seen & ~own
    return ItemResult(
        name,
        True,
        moved=tuple(error[own].tolist()),
        along=tuple(error[other & (way > ALONG)].tolist()),
        still=tuple(error[other & (way < STILL)].tolist()),
        pairs=_pairs(said, outcome.after.relations, way > STILL),
        correct=_correct(said, outcome, error, way),
    )


def _predicted(outcome: Outcome, model: SkillEffectModel) -> tuple[RelationState, Array]:
    """Relations and (N, 3) displacements (m). Of what was not seen nothing is said: no relation, no motion."""
    cloud, call = outcome.before.cloud, outcome.call
    n = len(cloud)
    if not cloud.seen[cloud.names.index(call.object)]:
        return RelationState(cloud.names, np.zeros((n, n, len(BINARY))), np.zeros((n, len(UNARY)))), np.zeros((n, 3))
    said, shift, _ = predict_effect(model, encode_observation(model, cloud), call)
    return said, np.where(cloud.seen[:, None], shift, 0.0)


def _pairs(said: RelationState, true: RelationState, moved: Mask) -> tuple[int, int, int]:
    """Relations of all pairs with something that moved: true positives, false positives, misses."""
    pairs = moved[:, None] | moved[None]
    believed, holds = _holds(said.binary[pairs]), _holds(true.binary[pairs])
    return int((believed & holds).sum()), int((believed & ~holds).sum()), int((~believed & holds).sum())


def _correct(said: RelationState, outcome: Outcome, error: Array, way: Array) -> bool:
    rows = np.flatnonzero(concerned(outcome))
    cells = np.ix_(rows, rows, np.array([BINARY.index(relation) for relation in CHECKED]))
    true = outcome.after.relations
    believed, holds = (np.concatenate([_holds(one.binary[cells]), _holds(one.unary[rows])]) for one in (said, true))
    return np.array_equal(believed, holds) and bool((error[way > STILL] <= CLOSE).all())


def _holds(values: Array | Mask) -> Mask:
    return np.asarray(values, float).ravel() > 0.5


def concerned(outcome: Outcome) -> Mask:
    """(N,) what moved, the skill's object and target, and what any of these touches, holds or lies in, before or after."""
    names, way = outcome.before.scene.names, np.linalg.norm(outcome.displacements, axis=1)
    core = (way > STILL) | np.array([name in (outcome.call.object, outcome.call.target) for name in names])
    ties = np.zeros((len(names),) * 2, bool)
    for relations in (outcome.before.relations, outcome.after.relations):
        for relation in ("contact", "inside"):
            ties |= _holds(relations.binary[..., BINARY.index(relation)]).reshape(ties.shape)
    return np.asarray(core | ((ties | ties.T) & core[None]).any(axis=1))


def f1(true: int, false: int, missed: int) -> float:
    """From true positives, false positives and misses; NaN where nothing was there and nothing was said."""
    return 2 * true / (2 * true + false + missed) if true + false + missed else float("nan")


def _statistic(of: Callable[[Sequence[float]], object], values: Sequence[float]) -> float:
    return float(of(values)) if len(values) else float("nan")  # type: ignore[arg-type]


def _p90(values: Sequence[float]) -> float:
    return float(np.percentile(values, 90)) if len(values) else float("nan")
