"""What the loop needs of a robot, simulated or real."""

from __future__ import annotations

from abc import ABC, abstractmethod

from fail2progress.core.observation import SegmentedCloud
from fail2progress.skills.base import SkillCall


class Robot(ABC):
    """Looks and acts. Clouds are in the planning frame, which stays where it is during an episode."""

    @abstractmethod
    def observe(self) -> SegmentedCloud:
        """What is in view now; names stay with their objects."""

    @abstractmethod
    def execute(self, call: SkillCall) -> None:
        """Carry a skill out. ExecutionError where the robot cannot."""


class ExecutionError(RuntimeError):
    """A skill that could not be carried out, and why."""
