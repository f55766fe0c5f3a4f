"""How a skill is carried out beyond what its call says: small bounded changes that hold from one episode to the next.

A call says what shall come about; an adjustment, how this robot must move for that. Zero is the program as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from fail2progress.skills.definition import Adjustable
from fail2progress.skills.registry import SKILLS

Adjustments = Mapping[str, Mapping[str, float]]
"""By skill and name of the adjustable, in its unit; what is not named is 0."""
AS_DEFINED: Adjustments = MappingProxyType({})


def adjustable(skill: str, name: str) -> Adjustable | None:
    """What a skill lets be adjusted by that name, None where it does not."""
    found = SKILLS[skill].adjustables if skill in SKILLS else ()
    return next((one for one in found if one.name == name), None)


def checked(adjustments: Adjustments) -> Adjustments:
    """The same, after a check. ValueError: a skill without that adjustable, or a value out of its bounds."""
    for skill, values in adjustments.items():
        for name, value in values.items():
            one = adjustable(skill, name)
            if one is None:
                raise ValueError(f"{skill} has no adjustable {name!r}")
            if not one.low - 1e-9 <= value <= one.high + 1e-9:
                raise ValueError(f"{skill}.{name} = {value:g} {one.unit} is outside [{one.low:g}, {one.high:g}]")
    return MappingProxyType({skill: MappingProxyType(dict(values)) for skill, values in adjustments.items()})


def bounded(one: Adjustable, value: float, change: float) -> float:
    """A value after one change: no larger than a step, and within the bounds."""
    return float(np.clip(value + np.clip(change, -one.step, one.step), one.low, one.high))
