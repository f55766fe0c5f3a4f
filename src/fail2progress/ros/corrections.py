"""Corrections over ROS: the planner keeps them and tells them by `corrections`, which the robot's node carries skills out with.

Names, units and bounds are those of the skills' definitions. A message holds until the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fail2progress_msgs.msg import Correction, Corrections

from fail2progress.agent.correcting import Correcting
from fail2progress.failures.corrections import FILE, Corrector
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.ros.conversions.records import report_of
from fail2progress.ros.conversions.values import SCHEMA, Refused, check_schema, check_texts
from fail2progress.skills.adjustments import Adjustments, checked

if TYPE_CHECKING:
    from fail2progress.ros.nodes.planner import PlannerNode

MOST = 256
"""Corrections in one message."""
PATIENCE = 5.0
"""Seconds to wait for a report when the task is over: the loop has waited for the lesson already."""


def adjustments_msg(adjustments: Adjustments) -> Corrections:
    """As a message."""
    pairs = ((skill, name, value) for skill, values in adjustments.items() for name, value in values.items())
    made = [Correction(skill=skill, parameter=name, value=float(value)) for skill, name, value in pairs]
    return Corrections(schema_version=SCHEMA, corrections=made)


def adjustments_of(message: Corrections) -> Adjustments:
    """From a message. Refused where it is malformed, or out of a skill's bounds."""
    check_schema(message)
    if len(message.corrections) > MOST:
        raise Refused("count", f"{len(message.corrections)} corrections; at most {MOST} are taken")
    found: dict[str, dict[str, float]] = {}
    for one in message.corrections:
        check_texts(one.skill, one.parameter)
        found.setdefault(one.skill, {})[one.parameter] = one.value
    try:
        return checked(found)
    except ValueError as error:
        raise Refused("corrections", str(error)) from error


def remote_correcting(node: PlannerNode) -> Correcting:
    """Kept beside the failures; the classifier's node says what a failure was, and is waited for as a lesson is."""

    def classify(event: FailureEvent) -> FailureReport:
        seconds = min(float(node.param("learn_timeout")), PATIENCE)
        found = node.await_news(lambda: node.heard.get(("report", event.id)), seconds)
        return report_of(found) if found is not None else _unknown(event)

    return Correcting(Corrector(node.state_dir / FILE), classify)


def _unknown(event: FailureEvent) -> FailureReport:
    return FailureReport(
        failure=event.id,
        category=FailureClass.UNDECIDED,
        confidence=0.0,
        repetitions=0,
        differences=(),
        rebuilt=(),
        reason="no report of the classifier in time",
    )
