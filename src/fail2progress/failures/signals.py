"""Failures by name, each with the one bounded parameter edit that answers it, from the evidence that an event carries.

After "Capturing failure as a first-class artifact" ("The schema", "The corrective policy"). Its names belong to the
refinement of assets; those here are failures of skills (`failures.routes`, where other packages add theirs). What is edited, and
within which bounds, the skill's definition says (`SkillDefinition.adjustables`); `failures.edits` applies edits between
episodes (decision 0011).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import LONGEST, FailureClass, FailureReport, FailureSignal
from fail2progress.failures.routes import SIGNALS, route
from fail2progress.skills.adjustments import adjustable, bounded
from fail2progress.skills.registry import skill

SHARE = 0.7
"""Share of a measured error that one edit takes back, as in the document's policy: it does not overshoot."""


@dataclass(frozen=True)
class Evidence:
    """From when on something counts, in metres; `visible` is a share."""

    moved: float = 0.01
    """An object that moved less stayed where it was."""
    off: float = 0.04
    """An object that ended farther from its planned place missed it."""
    short: float = 0.08
    """An object that ended so much before the end of its planned way, seen from above, was lost on the way."""
    beside: float = 0.015
    """What was pushed or pulled and ended so much before or beyond the end of its way missed it."""
    disturbed: float = 0.03
    """Anything else that moved farther was moved."""
    severe: float = 0.2
    """This far off, or this far moved, is severity 1."""
    visible: float = 0.5
    """A segment seen less before or after says nothing about its place."""


def signals(event: FailureEvent, report: FailureReport, rule: Evidence = Evidence()) -> tuple[FailureSignal, ...]:
    """The named failures in an event, those of a skill's earlier parts first; never none.

    A surprise, which breaks no relation, is named like any other: by where things ended. A wrong prediction is answered by
    learning, so an event of that class gets the neutral `prediction_wrong` alone. Of one part, the names of other packages come
    before the more general ones of this one. ValueError where one lacks an error for an edit.
    """
    moves = _moves(event, rule)
    severity, worst = _worst(event, moves, rule)
    if report.category is FailureClass.SYMBOLIC_PREDICTION:
        return (_signal(event, "prediction_wrong", severity, f"the simulation did as the world did: {worst}"),)
    own = _own(event, moves, rule)
    found = (*_added(event, report), own, _contents(event, moves, own), _others(event, rule))
    named = sorted((one for one in found if one), key=lambda one: route(one.name).stage)
    return tuple(named) or (_signal(event, "unexplained", severity, _why(event, moves)),)


def _worst(event: FailureEvent, moves: Array, rule: Evidence) -> tuple[float, str]:
    """How bad a failure is, and in words: the relation farthest from what was expected; of a surprise, what ended farthest from
    where the skill was to bring or to leave it, as far as that was seen."""
    broken = event.header.mismatches
    if broken:
        one = max(broken, key=lambda mismatch: abs(mismatch.expected - mismatch.observed))
        return abs(one.expected - one.observed), str(one)
    call, planned = event.header.call.call(), np.zeros_like(moves)
    along = [name == call.object or _carried(event, name) for name in event.before.names]
    planned[along] = call.shift
    off = np.nan_to_num(np.linalg.norm(moves - planned, axis=1))
    row = int(off.argmax())
    return float(off[row]) / rule.severe, f"{event.before.names[row]} ended {off[row]:.3f} m from where it was to be"


def _added(event: FailureEvent, report: FailureReport) -> Iterator[FailureSignal]:
    """The failures whose definitions say themselves how they are found."""
    for name in SIGNALS.names():
        found = SIGNALS.get(name).find(event, report)
        if found is not None:
            yield _signal(event, name, found.severity, found.evidence, _measured(name, found.error))


def _measured(name: str, error: tuple[float, ...]) -> Array | None:
    edits = route(name).edits
    if error and len(error) != len(edits):
        raise ValueError(f"the signal {name!r} measured {len(error)} errors, its route has {len(edits)} edits: one for each")
    return np.array(error, float) if error else None


def _signal(event: FailureEvent, name: str, severity: float, evidence: str, error: Array | None = None) -> FailureSignal:
    """error: (3,) metres by which the object ended beside its place, where that was measured; along a push, the first counts."""
    edit = _edit(event.header.call.skill, name, error)
    return FailureSignal(name=name, severity=float(np.clip(severity, 0.0, 1.0)), evidence=evidence[:LONGEST], **edit)


def _edit(skill_name: str, name: str, error: Array | None) -> dict[str, Any]:
    """The fields of the first edit that the skill allows; of measured ones, the one with the larger error."""
    edits = route(name).edits
    values = np.zeros(len(edits)) if error is None else error[: len(edits)]
    named = ((adjustable(skill_name, edit.adjustable), edit, float(value)) for edit, value in zip(edits, values, strict=True))
    found = [(one, edit, value) for one, edit, value in named if one is not None]
    if not found:
        return {"parameter": "", "delta": 0.0, "low": 0.0, "high": 0.0}
    one, edit, value = max(found, key=lambda each: abs(each[2]))
    delta = bounded(one, 0.0, edit.change or -SHARE * value)
    return {"parameter": f"{skill_name}.{one.name}", "delta": delta, "low": one.low, "high": one.high}


def _places(cloud: SegmentedCloud, rule: Evidence) -> Array:
    """(N, 2, 3) boxes of the segments; NaN where too little was seen."""
    visible = cloud.seen & (cloud.visibility >= rule.visible)
    return np.where(visible[:, None, None], cloud.bounds(), np.nan)


def _moves(event: FailureEvent, rule: Evidence) -> Array:
    """(N, 3) how far the segments' centres moved; NaN where that was not seen."""
    return np.asarray((_places(event.after, rule) - _places(event.before, rule)).mean(axis=1))


def _own(event: FailureEvent, moves: Array, rule: Evidence) -> FailureSignal | None:
    """Where an object ended, against its planned displacement."""
    call = event.header.call
    if not skill(call.skill).carries:
        return _along(event, moves, rule)
    planned, move = call.call().shift, moves[event.before.index(call.object)]
    length, moved = float(np.linalg.norm(planned)), float(np.linalg.norm(move))
    off = float(np.linalg.norm(planned - move))
    if not off > rule.off:  # nor where it is not a number
        return None
    severity, name = off / rule.severe, call.object
    if moved < rule.moved:
        return _signal(event, "grasp_missed", severity, f"{name} moved {moved:.3f} m, planned were {length:.3f} m")
    way = float(np.linalg.norm(planned[:2]))
    short = way - float(planned[:2] @ move[:2]) / max(way, 1e-9)
    if short > rule.short:
        return _signal(event, "grasp_slipped", severity, f"{name} ended {short:.3f} m before the end of its {way:.3f} m way")
    return _signal(event, "placement_off", severity, f"{name} ended {off:.3f} m from its planned place", move - planned)


def _along(event: FailureEvent, moves: Array, rule: Evidence) -> FailureSignal | None:
    """How far along its planned way an object came that was pushed or pulled."""
    planned, move = event.header.call.call().shift, moves[event.before.index(event.header.call.object)]
    length = float(np.linalg.norm(planned))
    if not length > 0.0 or not np.isfinite(move).all():
        return None
    beyond = float(planned @ move) / length - length
    if abs(beyond) <= rule.beside:
        return None
    name = "not_reached" if beyond < 0 else "overshot"
    side = "before" if beyond < 0 else "beyond"
    text = f"{event.header.call.object} ended {abs(beyond):.3f} m {side} the end of its {length:.3f} m way"
    return _signal(event, name, abs(beyond) / rule.severe, text, np.array([beyond, 0.0, 0.0]))


def _contents(event: FailureEvent, moves: Array, own: FailureSignal | None) -> FailureSignal | None:
    """What was in the object, should have stayed there, and did not; an object that went astray explains that by itself."""
    carrier = event.header.call.object
    if own is not None or not np.isfinite(moves[event.before.index(carrier)]).all():
        return None
    held = [n for n in event.before.names if n != carrier and event.relations_before.value("inside", n, carrier) > 0.5]
    broken = event.header.mismatches
    lost = {m.subject for m in broken if m.relation == "inside" and m.other == carrier and m.expected > m.observed}
    gone = [name for name in held if name in lost]
    text = f"no longer in {carrier}: {', '.join(gone)}"
    return _signal(event, "contents_lost", len(gone) / len(held), text) if gone else None


def _others(event: FailureEvent, rule: Evidence) -> FailureSignal | None:
    """What was moved farthest of the things that were neither to be moved nor carried along; pushes may move others."""
    call, before = event.header.call, event.relations_before
    if not skill(call.skill).carries:
        return None
    first, last = _places(event.before, rule), _places(event.after, rule)
    distances = {
        name: float(np.linalg.norm(_shift(first[row], last[row])))
        for row, name in enumerate(event.before.names)
        if name != call.object and before.value("movable", name) > 0.5 and not _carried(event, name)
    }
    worst = max((name for name in distances if distances[name] > rule.disturbed), key=distances.__getitem__, default=None)
    if worst is None:
        return None
    return _signal(event, "disturbed", distances[worst] / rule.severe, f"{worst} was moved {distances[worst]:.3f} m")


def _carried(event: FailureEvent, name: str) -> bool:
    """Whether something was in or on the object of the call."""
    before, carrier = event.relations_before, event.header.call.object
    on = before.value("above", name, carrier) > 0.5 and before.value("contact", name, carrier) > 0.5
    return on or before.value("inside", name, carrier) > 0.5


def _shift(before: Array, after: Array) -> Array:
    """(3,) movement of a box (2, 3) on which both its corners agree: what is merely hidden moves one side only."""
    low, high = after - before
    return np.where(low * high < 0, 0.0, np.sign(low) * np.minimum(np.abs(low), np.abs(high)))


def _why(event: FailureEvent, moves: Array) -> str:
    """Why nothing could be named."""
    name = event.header.call.object
    if not np.isfinite(moves[event.before.index(name)]).all():
        return f"too little of {name} was in view to tell where it ended"
    return f"{name} ended at its planned place and nothing else was seen to move"
