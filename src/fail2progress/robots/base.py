"""What the loop needs of a robot, simulated or real."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array
from fail2progress.skills.adjustments import AS_DEFINED, Adjustments, checked
from fail2progress.skills.base import SkillCall


class Robot(ABC):
    """Looks and acts. Clouds are in the planning frame, which stays where it is during an episode."""

    kind: str = ""
    """What the records of failures call it, as "stretch_re2"; empty: they do not know."""
    adjustments: Adjustments = AS_DEFINED
    """How skills are carried out beyond what their calls say; see `adjust`."""
    meant: Mapping[str, Array] = MappingProxyType({})
    """See `expect`."""

    def adjust(self, adjustments: Adjustments) -> None:
        """Carry skills out with these adjustments from now on. ValueError where one is out of its skill's bounds."""
        self.adjustments = checked(adjustments)

    @abstractmethod
    def observe(self) -> SegmentedCloud:
        """What is in view now; names stay with their objects."""

    def expect(self, shifts: Mapping[str, Array]) -> None:
        """Hear how far (3,) m a skill is thought to have moved what since the last look; who is told names has no use for it."""
        self.meant = shifts

    def picture(self) -> NDArray[np.uint8] | None:
        """(H, W, 3) RGB of the camera's last look, where the robot has it at hand."""
        return None

    @abstractmethod
    def execute(self, call: SkillCall) -> None:
        """Carry a skill out. RefusedError where the robot does not begin, ExecutionError where it cannot go on; whatever else it
        raises is told as a fault of it."""


class ExecutionError(RuntimeError):
    """A skill that could not be carried out, and why."""


class RefusedError(ExecutionError):
    """A skill that the robot did not begin, as it cannot carry it out from here: nothing was moved, and another one may do."""
