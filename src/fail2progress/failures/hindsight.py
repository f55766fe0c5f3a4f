"""A failure as it is known afterwards: with what the skill revealed put where it was before (docs/decisions/0056)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.memory import gone
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import SUPPORT, RelationState
from fail2progress.core.scene import Scene
from fail2progress.failures.event import FailureEvent, Mismatch
from fail2progress.failures.monitor import MonitorRule
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.simulation.base import Simulator
from fail2progress.simulation.reconstruction import rebuild
from fail2progress.simulation.reconstruction.hindsight import from_both, in_hindsight
from fail2progress.simulation.reconstruction.rebuild import too_little_seen


def known_afterwards(event: FailureEvent, model: SkillEffectModel, simulator: Simulator, seed: int = 0) -> FailureEvent:
    """The event with what it revealed: seen before, believed by the model, and asked of it; without broken relations of what went
    out of sight, which nobody observed. The same event where it is nothing.

    Nothing was expected of what was not seen. What the model would have expected decides which relations count as broken.
    Relations before are those of the rebuilt scene: a detector sees no walls around what lies deep in a drawer.
    """
    event, call = _without_gone(event), event.header.call.call()
    before = in_hindsight(event.before, event.after, call, simulator, event.relations_before, seed)
    if before is event.before:
        return event
    shown = too_little_seen(event.before) & ~too_little_seen(before)
    expected = _replaced(event.expected, predict_effect(model, encode_observation(model, before), call)[0], shown)
    names = {name for name, new in zip(before.names, shown, strict=True) if new}
    header = event.header.model_copy(update={"mismatches": tuple(_broken(event, expected, names))})
    settled = simulator.settle(rebuilt_before(event.model_copy(update={"before": before})), Camera(), seed)
    relations = _replaced(event.relations_before, settled.relations.of(before.names), shown)
    return event.model_copy(update={"header": header, "before": before, "expected": expected, "relations_before": relations})


def _without_gone(event: FailureEvent) -> FailureEvent:
    """The event without broken relations that name what went out of sight: memory has that where the model expected it to end."""
    lost = gone(event.before, event.after, event.header.call.object)
    away = {name for name, one in zip(event.before.names, lost, strict=True) if one}
    observed = tuple(m for m in event.header.mismatches if not away & set(m.names))
    if len(observed) == len(event.header.mismatches):
        return event
    return event.model_copy(update={"header": event.header.model_copy(update={"mismatches": observed})})


def rebuilt_before(event: FailureEvent) -> Scene:
    """O_F as a scene: extents of what it shows little of from both observations."""
    cloud: SegmentedCloud = from_both(event.before, event.after, event.header.call.call())
    return rebuild(cloud, event.relations_before).scene


def _replaced(old: RelationState, new: RelationState, rows: np.ndarray) -> RelationState:
    """`old` with the relations of some rows (N,) from `new`."""
    either = rows[:, None] | rows[None]
    binary = np.where(either[..., None], np.asarray(new.binary, float), np.asarray(old.binary, float))
    return RelationState(old.names, binary, np.where(rows[:, None], np.asarray(new.unary, float), np.asarray(old.unary, float)))


def _broken(event: FailureEvent, expected: RelationState, shown: set[str]) -> Iterator[Mismatch]:
    """The event's broken relations; of what was revealed, those that would have been expected otherwise."""
    rule, asked = MonitorRule(), {(m.relation, m.subject, m.other) for m in event.header.mismatches}
    yield from (m for m in event.header.mismatches if not shown & set(m.names))
    pairs = [(k, one, other) for one in expected.names for other in expected.names if one != other for k in SUPPORT]
    for key in dict.fromkeys((*sorted(asked), *pairs)):
        relation, subject, other = key
        if not shown & {subject, other}:
            continue
        values = expected.value(relation, subject, other or None), event.observed.value(relation, subject, other or None)
        sure = max(values) > rule.high and min(values) < rule.low
        if sure or (key in asked and (values[0] > 0.5) != (values[1] > 0.5)):
            yield Mismatch(relation=relation, subject=subject, other=other, expected=values[0], observed=values[1])
