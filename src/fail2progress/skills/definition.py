"""What a skill is: one definition that planner, models, simulation, robots and learning ask (paper section 3 and A.10).

Importing a definition imports neither torch nor a simulator nor ROS: what needs those is named by reference, as
`package.module:attribute`, and imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.skills.limits import Limits
from fail2progress.skills.motion import Motion

if TYPE_CHECKING:
    from fail2progress.skills.base import SkillCall

Role = Literal["object", "target", "other"]
"""Who a lifted atom speaks of: what the skill acts on, what it aims at, or any third thing."""
Aim = Literal["bound", "other", "support", "elsewhere", "none"]
"""What a skill aims at to make an atom true: the target that the atom names; the third thing that it names; the surface that the
goal wants the object on, or that it stands on; any surface but the third thing; nothing."""


@dataclass(frozen=True)
class Parameter:
    """One continuous parameter with its unit and bounds."""

    name: str
    unit: str
    low: float
    high: float
    periodic: bool = False
    """Whether both bounds are the same, as of angles all around."""


@dataclass(frozen=True)
class Adjustable:
    """One number by which the way a skill is carried out may be corrected; 0 is the program as it was written."""

    name: str
    unit: str
    low: float
    high: float
    step: float
    """The most that one correction may change."""
    summary: str = ""


@dataclass(frozen=True)
class Lifted:
    """A relation between roles: `inside(object, target)`, or that it does not hold."""

    relation: str
    subject: Role
    other: Role | None = None
    holds: bool = True


@dataclass(frozen=True)
class Condition:
    """What must hold before the skill, for every third thing of which all of `when` is believed."""

    atom: Lifted
    when: tuple[Lifted, ...] = ()


@dataclass(frozen=True)
class Achieves:
    """An atom that the skill can make true (or false, where it does not hold), and what it then aims at."""

    atom: Lifted
    aim: Aim = "bound"


Feasibility = Callable[[Scene, "SkillCall", Limits], "str | None"]
"""Why a call cannot be carried out in a scene, or None."""


@dataclass(frozen=True)
class SkillDefinition:
    """A skill primitive phi_k: everything that others need to know of it. A skill is one folder; see docs/decisions."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    feasible: Feasibility
    motion: Motion
    """The shift (m) and the angle (rad) that parameters command for the object, of torch tensors and of numpy arrays."""
    planner: str
    """Reference to a `samplers.PlannerSampler`."""
    data: str
    """Reference to a `samplers.DataSampler`: how the skill is drawn for pre-training."""
    stein: str = "fail2progress.skills.samplers:RAW"
    """Reference to a `samplers.SteinSampler`; by default the parameters themselves, uniform within their bounds."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Reference to the program for each robot: "floating_hand", "stretch"; see `programs`."""
    adjustables: tuple[Adjustable, ...] = ()
    """What corrections may change between two episodes, and how far; see `failures.edits`."""
    preconditions: tuple[Condition, ...] = ()
    achieves: tuple[Achieves, ...] = ()
    command: Callable[[Array], tuple[float, ...] | None] = lambda shift: None
    """The parameters that command a (3,) shift in metres, or None where the skill cannot command it."""
    past: str = ""
    """The verb for what it did, "carried", before its object and "to" its target in sentences."""
    acts_on: Literal["movable", "drawer"] = "movable"
    cost: float = 1.0
    """What it counts for in a plan: a skill that costs more is used where cheaper ones do not help."""
    carries: bool = False
    """Whether it lifts its object and sets it down: what is in it comes along, everything else stays."""
    number: int | None = None
    """Its place in the vocabulary of checkpoints and data, given once; skills without one follow in the order of their names."""

    @property
    def low(self) -> Array:
        """(m,) lower bounds."""
        return np.array([parameter.low for parameter in self.parameters])

    @property
    def high(self) -> Array:
        """(m,) upper bounds."""
        return np.array([parameter.high for parameter in self.parameters])

    def program(self, robot: str) -> Any:
        """Its program for a robot. NoProgramError names the robots that have one."""
        if robot not in self.programs:
            known = ", ".join(self.programs) or "none"
            raise NoProgramError(f"the skill {self.name} has no program for the robot {robot!r}; it has one for: {known}")
        return load(self.programs[robot])


class NoProgramError(ValueError):
    """A skill that a robot has no program for."""


@lru_cache(maxsize=256)
def load(reference: str) -> Any:
    """What a reference names, imported now. ValueError where it is not written as `package.module:attribute`."""
    module, colon, attribute = reference.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"not a reference: {reference!r}; write package.module:attribute")
    return getattr(import_module(module), attribute)
