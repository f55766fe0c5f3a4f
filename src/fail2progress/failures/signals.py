"""Failures by name, each with the one bounded parameter edit that answers it, from the evidence that an event carries.

After "Capturing failure as a first-class artifact" ("The schema", "The corrective policy"). Its names belong to the
refinement of assets; those here are failures of skills. Nothing applies an edit by itself (decision 0011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport, FailureSignal
from fail2progress.skills.registry import skill


@dataclass(frozen=True)
class Route:
    """Where a named failure goes: a parameter by its dotted path in the package, a step and bounds in its unit."""

    parameter: str = ""
    """Empty where no parameter is to blame."""
    delta: float = 0.0
    low: float = 0.0
    high: float = 0.0


ROUTES: dict[str, Route] = {
    # Wide objects are missed first. The lower bound leaves most of what stretch_body states for the gripper (0.125 m).
    "grasp_missed": Route("skills.limits.Limits.gripper_opening", -0.01, 0.10, 0.16),
    # Per cent of stretch_body's gripper; its joint ends at -60.
    "grasp_slipped": Route("robots.stretch.real.joints.SQUEEZE", -5.0, -60.0, -40.0),
    # What is let go higher up bounces and rolls further.
    "placement_off": Route("skills.placement.RELEASE", -0.002, 0.004, 0.02),
    # Fast containers throw out what is in them (skills/limits).
    "contents_lost": Route("skills.limits.Limits.speed", -0.2, 0.4, 1.0),
    "disturbed": Route("robots.stretch.body.CLEARANCE", 0.01, 0.04, 0.08),
    "prediction_wrong": Route(),
    "unexplained": Route(),
}
"""`prediction_wrong` is answered by learning; `unexplained` says that the evidence names no failure."""

LONGEST = 256
"""Characters of evidence that are kept; messages take no longer texts."""


@dataclass(frozen=True)
class Evidence:
    """From when on something counts, in metres; `visible` is a share."""

    moved: float = 0.02
    """An object that moved less stayed where it was."""
    off: float = 0.04
    """An object that ended farther from its planned place missed it."""
    short: float = 0.08
    """An object that ended so much before the end of its planned way, seen from above, was lost on the way."""
    disturbed: float = 0.03
    """Anything else that moved farther was moved."""
    severe: float = 0.2
    """This far off, or this far moved, is severity 1."""
    visible: float = 0.5
    """A segment seen less before or after says nothing about its place."""


def signals(event: FailureEvent, report: FailureReport, rule: Evidence = Evidence()) -> tuple[FailureSignal, ...]:
    """The named failures in an event, the moved object's own first; none where nothing was expected otherwise.

    A wrong prediction is answered by learning, so an event of that class gets the neutral `prediction_wrong` alone.
    """
    broken = event.header.mismatches
    if not broken:
        return ()
    worst = max(broken, key=lambda mismatch: abs(mismatch.expected - mismatch.observed))
    severity = abs(worst.expected - worst.observed)
    if report.category is FailureClass.SYMBOLIC_PREDICTION:
        return (_signal("prediction_wrong", severity, f"the simulation did as the world did: {worst}"),)
    moves = _moves(event, rule)
    own = _own(event, moves, rule)
    found = (own, _contents(event, moves, own), _others(event, rule))
    return tuple(one for one in found if one) or (_signal("unexplained", severity, _why(event, moves)),)


def bounded(value: float, signal: FailureSignal) -> float:
    """A parameter's value after the edit, within the signal's bounds; ValueError where it was not within them before."""
    if not signal.parameter:
        return value
    if not signal.low <= value <= signal.high:
        raise ValueError(f"{signal.parameter} = {value:g} is outside [{signal.low:g}, {signal.high:g}]: set it within")
    return float(np.clip(value + signal.delta, signal.low, signal.high))


def _signal(name: str, severity: float, evidence: str) -> FailureSignal:
    route = ROUTES[name]
    return FailureSignal(
        name=name,
        severity=float(np.clip(severity, 0.0, 1.0)),
        parameter=route.parameter,
        delta=route.delta,
        low=route.low,
        high=route.high,
        evidence=evidence[:LONGEST],
    )


def _places(cloud: SegmentedCloud, rule: Evidence) -> Array:
    """(N, 2, 3) boxes of the segments; NaN where too little was seen."""
    visible = cloud.seen & (cloud.visibility >= rule.visible)
    return np.where(visible[:, None, None], cloud.bounds(), np.nan)


def _moves(event: FailureEvent, rule: Evidence) -> Array:
    """(N, 3) how far the segments' centres moved; NaN where that was not seen."""
    return np.asarray((_places(event.after, rule) - _places(event.before, rule)).mean(axis=1))


def _own(event: FailureEvent, moves: Array, rule: Evidence) -> FailureSignal | None:
    """Where an object that was carried ended, against its planned displacement."""
    call = event.header.call
    if not skill(call.skill).carries:
        return None
    planned, move = call.call().shift, moves[event.before.index(call.object)]
    length, moved = float(np.linalg.norm(planned)), float(np.linalg.norm(move))
    off = float(np.linalg.norm(planned - move))
    if not off > rule.off:  # nor where it is not a number
        return None
    severity, name = off / rule.severe, call.object
    if moved < rule.moved:
        return _signal("grasp_missed", severity, f"{name} moved {moved:.3f} m, planned were {length:.3f} m")
    way = float(np.linalg.norm(planned[:2]))
    short = way - float(planned[:2] @ move[:2]) / max(way, 1e-9)
    if short > rule.short:
        return _signal("grasp_slipped", severity, f"{name} ended {short:.3f} m before the end of its {way:.3f} m way")
    return _signal("placement_off", severity, f"{name} ended {off:.3f} m from its planned place")


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
    return _signal("contents_lost", len(gone) / len(held), text) if gone else None


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
    return _signal("disturbed", distances[worst] / rule.severe, f"{worst} was moved {distances[worst]:.3f} m")


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
    if not skill(event.header.call.skill).carries:
        return f"{event.header.call.skill} has no named failure"
    return f"{name} ended at its planned place and nothing else was seen to move"
