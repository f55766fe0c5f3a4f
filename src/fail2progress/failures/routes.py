"""Failures of skills by name, and where each goes: the names of this package, and those that other packages add.

Another package adds one by an entry point of the group `fail2progress.signals`, whose value is a `SignalDefinition`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fail2progress.core.registry import Registry, instance_of
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureReport


@dataclass(frozen=True)
class Edit:
    """A way to answer a named failure: an adjustable of the failed skill, and by how much it changes."""

    adjustable: str
    change: float = 0.0
    """In the adjustable's unit; 0: by what the evidence measured, turned round."""


@dataclass(frozen=True)
class Route:
    """Where a named failure goes."""

    edits: tuple[Edit, ...] = ()
    """In the order in which they are tried; none where nothing is to blame."""
    repeats: int = 1
    """Failures in a row that it takes: what happens by chance is not to be corrected."""
    stage: int = 0
    """Which part of a skill it belongs to: one that appears later than the one that was corrected was hidden by that."""


@dataclass(frozen=True)
class Finding:
    """A named failure in an event."""

    severity: float
    """From 0, as good as nothing, to 1; what is beyond counts as these."""
    evidence: str
    """What was measured, in a sentence for people."""
    error: tuple[float, ...] = ()
    """By how much each edit of the route is off, in its adjustable's unit; empty where nothing was measured."""


def _found_elsewhere(event: FailureEvent, report: FailureReport) -> Finding | None:
    return None


@dataclass(frozen=True)
class SignalDefinition:
    """A failure of skills that goes by the name it is registered by: the edits that answer it, and how it is found.

    `find` is asked of every failure in which the world did otherwise than the simulation, of whichever skill. It gets the event
    and the report, as far as that is made, and answers None where the event is no failure of this name. Default: the package's
    own names, which `failures.signals` finds together.
    """

    route: Route = Route()
    find: Callable[[FailureEvent, FailureReport], Finding | None] = _found_elsewhere


SIGNALS: Registry[SignalDefinition] = Registry("signal", "fail2progress.signals", form=instance_of(SignalDefinition))
for _name, _route in {
    # A miss does not say to which side: each is tried. Thrice, since each try would miss where the hand was right.
    "grasp_missed": Route(
        (Edit("grasp_x", 0.03), Edit("grasp_x", -0.03), Edit("grasp_y", 0.03), Edit("grasp_y", -0.03)), repeats=3, stage=0
    ),
    "grasp_slipped": Route((Edit("grip", 0.5),), stage=1),
    "placement_off": Route((Edit("place_x"), Edit("place_y")), repeats=2, stage=2),
    "not_reached": Route((Edit("reach"),), repeats=2, stage=2),
    "overshot": Route((Edit("reach"),), repeats=2, stage=2),
    # Fast containers throw out what is in them (skills/limits).
    "contents_lost": Route((Edit("slower", 0.2),), stage=2),
    "disturbed": Route((Edit("clearance", 0.03),), repeats=2, stage=3),
    # Answered by learning.
    "prediction_wrong": Route(),
    # The evidence names no failure.
    "unexplained": Route(),
}.items():
    SIGNALS.register(_name, SignalDefinition(_route))


def route(name: str) -> Route:
    """Where the failure of a name goes. RegistryError, a ValueError, names those that there are."""
    return SIGNALS.get(name).route
