"""Fits how two relation detectors are combined: logistic regression on their log-odds, for each relation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from fail2progress.core.memory import ObjectMemory
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.core.scene import Array
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.combination import Combination, Weights, log_odds
from fail2progress.models.prediction import detect, encode_observation, predict_effect
from fail2progress.perception.relations.registry import GEOMETRIC, relation_detector
from fail2progress.simulation.base import Job, Outcome, Simulator

_RIDGE = 1.0
"""Weight of the squared distance from equal weights: a relation that seldom holds says little."""


@dataclass(frozen=True)
class Reading:
    """One observation as both detectors read it, and what is true of those of its segments that have points (N,)."""

    learned: RelationState
    geometric: RelationState
    truth: RelationState
    seen: NDArray[np.bool_]


def readings(jobs: Iterable[Job], simulator: Simulator, model: SkillEffectModel) -> Iterator[list[Reading]]:
    """Of each job, what is read before and after it, hidden things remembered; nothing where the scene was not at rest."""
    for outcome in simulator.execute_all(jobs):
        visible = outcome.before.cloud.seen[outcome.before.cloud.index(outcome.call.object)]
        yield _of(outcome, model) if outcome.stable and visible else []


def _of(outcome: Outcome, model: SkillEffectModel) -> list[Reading]:
    geometric, memory = relation_detector(GEOMETRIC), ObjectMemory()

    def read(cloud: SegmentedCloud, truth: RelationState) -> Reading:
        learned = detect(model, encode_observation(model, cloud))
        return Reading(learned, geometric.detect(cloud), truth.of(cloud.names), cloud.seen)

    before = memory.update(outcome.before.cloud)
    _, shift, _ = predict_effect(model, encode_observation(model, before), outcome.call)
    after = memory.update(outcome.after.cloud, shift, outcome.call.object)
    return [read(before, outcome.before.relations), read(after, outcome.after.relations)]


def fit(found: Sequence[Reading], digest: str, executions: int) -> Combination:
    """The weights that make the truth of the readings most probable."""
    return Combination(model=digest, relations={name: _fitted(name, found) for name in (*BINARY, *UNARY)}, executions=executions)


def _fitted(name: str, found: Sequence[Reading]) -> Weights:
    rows = [_pairs(name, one) for one in found]
    inputs, truth = np.concatenate([row[0] for row in rows]), np.concatenate([row[1] for row in rows])
    inputs, equal = np.column_stack([log_odds(inputs), np.ones(len(inputs))]), np.array([0.5, 0.5, 0.0])

    def loss(theta: Array) -> tuple[float, Array]:
        odds = inputs @ theta
        value = np.logaddexp(0.0, np.where(truth, -odds, odds)).sum() + _RIDGE * ((theta - equal) ** 2).sum()
        return float(value), inputs.T @ (expit(odds) - truth) + 2 * _RIDGE * (theta - equal)

    best = minimize(loss, equal, jac=True, bounds=[(0.0, None), (0.0, None), (None, None)]).x
    learned, geometric, bias = np.round(best, 4).tolist()
    return Weights(learned=learned, geometric=geometric, bias=bias)


def _pairs(name: str, one: Reading) -> tuple[Array, NDArray[np.bool_]]:
    """(n, 2) probabilities of both detectors of one relation, and (n,) whether it holds, of what has points."""
    if name in UNARY:
        k, mask = UNARY.index(name), one.seen
        states = [np.asarray(state.unary, float)[:, k] for state in (one.learned, one.geometric, one.truth)]
    else:
        k, mask = BINARY.index(name), one.seen[:, None] & one.seen[None] & ~np.eye(len(one.seen), dtype=bool)
        states = [np.asarray(state.binary, float)[..., k] for state in (one.learned, one.geometric, one.truth)]
    learned, geometric, truth = (state[mask] for state in states)
    return np.stack([learned, geometric], axis=1), truth > 0.5
