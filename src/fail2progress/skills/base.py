"""Skill calls: phi_k(a_k) of paper section 3, checked against the skill's parameter space (A.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array
from fail2progress.skills.registry import SKILLS, skill

Scalar = TypeVar("Scalar", bound=np.generic)
_ROUNDING = 1e-6
"""By how much a parameter may exceed its bounds: models compute with single precision."""


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
        wrong = ~np.isfinite(values) | (values < space.low - _ROUNDING) | (values > space.high + _ROUNDING)
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
        """(n,) parameters padded with zeros to the length that all skills share, as the models take them."""
        return padded(np.array(self.parameters, float))

    @property
    def shift(self) -> Array:
        """(3,) metres by which the call is meant to move its object."""
        return np.asarray(skill(self.skill).motion(np.array(self.parameters, float), np).shift)


def padded(parameters: NDArray[Scalar]) -> NDArray[Scalar]:
    """(..., m) parameters with as many columns as the longest skill that is registered now: zeros are added, or cut off.

    Files keep them as long as the longest skill was where they were written; other packages may have brought longer ones since.
    """
    size, width = SKILLS.action_size, parameters.shape[-1]
    more = [(0, 0)] * (parameters.ndim - 1) + [(0, max(size - width, 0))]
    return np.pad(parameters[..., :size], more)


def call_moving(name: str, shift: Array, target: str | None = None) -> SkillCall:
    """A call that moves an object by (3,) metres: of the first skill that can command that. ValueError where none can."""
    for definition in SKILLS.values():
        parameters = definition.command(shift)
        if parameters is not None:
            return SkillCall(definition.name, name, parameters, target)
    raise ValueError(f"no skill commands a shift of {np.round(shift, 3).tolist()} m; known: {', '.join(SKILLS)}")
