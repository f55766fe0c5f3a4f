"""An item as a failure event: what a model expects of an execution, against what is seen when it is carried out in simulation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

import numpy as np

from fail2progress.core.memory import ObjectMemory
from fail2progress.core.relations import BINARY, RelationState
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch, event_id
from fail2progress.failures.monitor import MonitorRule
from fail2progress.failures.surprise import astray
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.prediction import detect, encode_observation, predict_effect
from fail2progress.robots.floating_hand import HAND
from fail2progress.simulation.base import Outcome, Simulator
from fail2progress.stein.concerned import seen_moving
from fail2progress.tasks.items import Item

TASK = "item"
"""What the records say where an execution belongs to no task."""
ASTRAY = 0.020
"""Metres between where something was predicted and seen to end that make a failure without a broken relation."""


class NoFailureError(ValueError):
    """An item that gives no failure: its scene is not stable, or the model predicts rightly what is seen of it."""


def item_failure(item: Item, simulator: Simulator, model: SkillEffectModel, digest: str) -> FailureEvent:
    """Carry an item out and make what went otherwise than expected a failure event. NoFailureError where nothing did."""
    outcome = simulator.execute(item.job)
    if not outcome.stable:
        raise NoFailureError(f"{item.id}: the scene is not at rest before the skill")
    return failure_of(outcome, item.id, item.job.seed, model, digest)


def failure_of(outcome: Outcome, name: str, seed: int, model: SkillEffectModel, digest: str) -> FailureEvent:
    """The failure event of an execution, by what the camera saw of it. NoFailureError where all came as expected.

    The event has no broken relation where things only ended elsewhere than predicted, by more than ASTRAY.
    """
    memory = ObjectMemory()
    before = memory.update(outcome.before.cloud)
    if not before.seen[before.names.index(outcome.call.object)]:
        raise NoFailureError(f"{name}: the camera does not see {outcome.call.object}")
    belief = encode_observation(model, before)
    expected, shift, _ = predict_effect(model, belief, outcome.call)
    after = memory.update(outcome.after.cloud, shift, outcome.call.object)
    observed = detect(model, encode_observation(model, after))
    moving = {outcome.call.object, *(before.names[row] for row in seen_moving(before, after, outcome.call.object))}
    broken = _broken(expected, observed, moving)
    if not broken and astray(before, after, shift, outcome.call.object).farthest <= ASTRAY:
        raise NoFailureError(f"{name}: the model predicts the relations and the motion of all that was seen to move")
    call = Call.of(outcome.call)
    header = Header(
        id=event_id(before, outcome.call, digest, seed, 0),
        time=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        task=TASK,
        objects=sum(spec.movable for spec in outcome.before.scene.objects),
        seed=seed,
        step=0,
        goal=(),
        call=call,
        plan=(call,),
        model=digest,
        mismatches=broken,
        names=before.names,
        categories=before.categories,
        frame=before.frame,
        stamps=(before.stamp, after.stamp),
        robot=HAND,
    )
    return FailureEvent(
        header=header,
        before=before,
        after=after,
        relations_before=detect(model, belief),
        expected=expected,
        observed=observed,
    )


def _broken(expected: RelationState, observed: RelationState, moving: set[str]) -> tuple[Mismatch, ...]:
    """Relations of what moves that came otherwise: those that both beliefs are sure of, else those they disagree on."""
    pairs = [m for m in _pairs(expected, observed) if m.subject in moving or m.other in moving]
    rule = MonitorRule()
    sure = tuple(m for m in pairs if max(m.expected, m.observed) > rule.high and min(m.expected, m.observed) < rule.low)
    return sure or tuple(m for m in pairs if (m.expected > 0.5) != (m.observed > 0.5))


def _pairs(expected: RelationState, observed: RelationState) -> Iterator[Mismatch]:
    """Both beliefs of every relation of every pair."""
    one, other = np.asarray(expected.binary, float), np.asarray(observed.binary, float)
    for i, j, k in np.argwhere(np.abs(one - other) > 1e-6):
        names = expected.names[i], expected.names[j]
        values = float(one[i, j, k]), float(other[i, j, k])
        yield Mismatch(relation=BINARY[k], subject=names[0], other=names[1], expected=values[0], observed=values[1])
