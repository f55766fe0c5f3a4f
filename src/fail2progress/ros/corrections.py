"""Corrections over ROS: the planner keeps them and tells them by `corrections`, which the robot's node carries skills out with.

The message is a text: JSON of {skill: {adjustable: value}}, with units and bounds of the skills' definitions. It holds until the
next one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from std_msgs.msg import String

from fail2progress.agent.correcting import Correcting
from fail2progress.failures.corrections import FILE, Corrector
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.ros.conversions.records import report_of
from fail2progress.ros.conversions.values import Refused
from fail2progress.skills.adjustments import Adjustments, checked

if TYPE_CHECKING:
    from fail2progress.ros.nodes.planner import PlannerNode

LONGEST = 65536
"""Characters of a message."""
PATIENCE = 5.0
"""Seconds to wait for a report when the task is over: the loop has waited for the lesson already."""


def adjustments_msg(adjustments: Adjustments) -> String:
    """As a message."""
    return String(data=json.dumps({skill: dict(values) for skill, values in adjustments.items()}))


def adjustments_of(message: String) -> Adjustments:
    """From a message. Refused where it is malformed, or out of a skill's bounds."""
    if len(message.data) > LONGEST:
        raise Refused("size", f"corrections of {len(message.data)} characters")
    try:
        content: Any = json.loads(message.data)
        return checked({str(skill): {str(k): float(v) for k, v in values.items()} for skill, values in content.items()})
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Refused("corrections", f"not corrections: {str(error)[:200]}") from error


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
