"""Whether a planner carries out a task with a robot just now, as the robot's node hears it. Imports no ROS."""

from __future__ import annotations

import time
from typing import Any

BEATS = 0.5
"""Seconds for which a task is taken to be under way after its planner's last heartbeat."""
LONGEST = 64
"""Characters of an episode's name."""


class Engagement:
    """What a person asks of the robot between the skills of a task would be the end of that: it has to wait."""

    def __init__(self, namespace: str) -> None:
        """namespace: where the robot's services are."""
        self._stop = f"ros2 service call {namespace.rstrip('/')}/stop_the_robot std_srvs/srv/Trigger"
        self._episode, self._heard = "", 0.0

    def hear(self, heartbeat: Any) -> None:
        """A planner's names its episode, and the last one of it says so; those that come with a single skill name none, and say
        nothing of a task."""
        episode = str(heartbeat.episode)[:LONGEST]
        if episode and not heartbeat.last:
            self._episode, self._heard = episode, time.monotonic()
        elif episode == self._episode:
            self._episode = ""

    def reason(self, episode: str = "") -> str:
        """Which task is under way, and how to end it, for what is no part of it; empty where none is."""
        if not self._episode or episode == self._episode or time.monotonic() - self._heard > BEATS:
            return ""
        return (
            f"task {self._episode} is under way: wait for its end, cancel it, or stop the robot first ({self._stop}; "
            "then resume_the_robot)"
        )
