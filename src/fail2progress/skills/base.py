"""Skills and skill calls: phi_k(a_k) of paper section 3, with the parameter spaces of A.10."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.scene import Array


@dataclass(frozen=True)
class Parameter:
    """One continuous parameter with its unit and bounds."""

    name: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class Skill:
    """A skill primitive: its name, parameter space and what it moves."""

    name: str
    parameters: tuple[Parameter, ...]
    summary: str

    @property
    def low(self) -> Array:
        """(m,) lower bounds."""
        return np.array([parameter.low for parameter in self.parameters])

    @property
    def high(self) -> Array:
        """(m,) upper bounds."""
        return np.array([parameter.high for parameter in self.parameters])


_PI = float(np.pi)
_OFFSET = tuple(Parameter(name, "m", -2.0, 2.0) for name in ("dx", "dy", "dz"))
_DIRECTION = Parameter("direction", "rad", -_PI, _PI)

PICK_PLACE = Skill(
    "pick_place",
    (*_OFFSET, Parameter("dyaw", "rad", -_PI, _PI)),
    "grasp an object and release it at the grasp pose plus (dx, dy, dz, dyaw)",
)
PUSH = Skill(
    "push",
    (_DIRECTION, Parameter("distance", "m", 0.0, 0.4)),
    "move the closed gripper against an object along a direction, with whatever stands in the way",
)
OPEN_DRAWER = Skill("open_drawer", (_DIRECTION, Parameter("distance", "m", 0.0, 0.3)), "pull a drawer's handle")
CLOSE_DRAWER = Skill("close_drawer", (_DIRECTION, Parameter("distance", "m", 0.0, 0.3)), "push a drawer's front")

SKILLS = {skill.name: skill for skill in (PICK_PLACE, PUSH, OPEN_DRAWER, CLOSE_DRAWER)}
ACTION_SIZE = max(len(skill.parameters) for skill in SKILLS.values())
"""Length of a parameter vector after padding with zeros."""


def skill(name: str) -> Skill:
    """Look a skill up by name; ValueError names the ones that exist."""
    if name not in SKILLS:
        raise ValueError(f"unknown skill {name!r}; known: {', '.join(SKILLS)}")
    return SKILLS[name]


@dataclass(frozen=True)
class SkillCall:
    """phi_k(a_k): a skill, the object it acts on, its parameters, and the object it aims at (for people and search only)."""

    skill: str
    object: str
    parameters: tuple[float, ...]
    target: str | None = None

    def __post_init__(self) -> None:
        space = skill(self.skill)
        values = np.array(self.parameters, float)
        if values.shape != space.low.shape:
            raise ValueError(f"{self.skill} takes {len(space.low)} parameters, got {len(self.parameters)}")
        wrong = ~np.isfinite(values) | (values < space.low - 1e-9) | (values > space.high + 1e-9)
        if wrong.any():
            bad = space.parameters[int(np.argmax(wrong))]
            raise ValueError(
                f"{self.skill}: {bad.name} = {values[np.argmax(wrong)]:g} {bad.unit} is outside [{bad.low:g}, {bad.high:g}]"
            )

    def __str__(self) -> str:
        names = (parameter.name for parameter in skill(self.skill).parameters)
        values = ", ".join(f"{name}={value:+.3f}" for name, value in zip(names, self.parameters, strict=True))
        aim = f" -> {self.target}" if self.target else ""
        return f"{self.skill}({self.object}{aim}: {values})"

    @property
    def padded(self) -> Array:
        """(4,) parameters padded with zeros, as the models take them."""
        return np.pad(np.array(self.parameters, float), (0, ACTION_SIZE - len(self.parameters)))
