"""Executions seen in a mirror: to the left of the robot things happen as they do to its right (docs/decisions/0061)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.relations import BINARY
from fail2progress.core.scene import Array
from fail2progress.models.training.transitions import Transitions
from fail2progress.skills.definition import SkillDefinition
from fail2progress.skills.registry import SKILLS, skill
from fail2progress.skills.vocabulary import current

_FLIP = torch.tensor([1.0, -1.0, 1.0])
_TRIES = 4


def copies(source: Transitions, mirror: bool) -> list[Transitions]:
    """The executions, and what they are in a mirror."""
    other = mirrored(source) if mirror else None
    return [source] if other is None else [source, other]


def mirrored(source: Transitions) -> Transitions | None:
    """The same executions with y turned round; None where one is of a skill whose parameters do not say what that is."""
    numbers = {current().index(name): name for name in SKILLS}
    found = [signs(numbers[int(number)]) if int(number) in numbers else None for number in source.skill]
    if any(sign is None for sign in found):
        return None
    factors = torch.tensor([[*sign, *[1.0] * (SKILLS.action_size - len(sign))] for sign in found if sign is not None])
    box = source.box * _FLIP
    return replace(
        source,
        points=source.points * _FLIP,
        box=torch.stack([box.amin(dim=1), box.amax(dim=1)], dim=1),
        shift=source.shift * _FLIP,
        binary=source.binary[..., _columns()],
        parameters=source.parameters * factors,
        prepared={},
        codes={},
    )


@lru_cache(maxsize=32)
def signs(name: str) -> tuple[float, ...] | None:
    """What a skill's parameters are multiplied by, so that the motion it commands is mirrored. None where no signs do that."""
    definition, rng = skill(name), np.random.default_rng(0)
    ranges = definition.parameters
    values = rng.uniform([p.low for p in ranges], [p.high for p in ranges], (_TRIES, len(ranges)))
    for flips in itertools.product((1.0, -1.0), repeat=len(ranges)):
        if all(_mirrors(definition, one, one * np.array(flips)) for one in values):
            return flips
    return None


def _mirrors(definition: SkillDefinition, one: Array, other: Array) -> bool:
    first, second = definition.motion(one, np), definition.motion(other, np)
    shifts = np.asarray(first.shift, float) * [1, -1, 1], np.asarray(second.shift, float)
    turned = np.array([first.angle + second.angle, first.turn + second.turn], float)
    return bool(np.allclose(*shifts, atol=1e-6) and np.allclose(turned, 0.0, atol=1e-6))


def _columns() -> Tensor:
    """Which relation each one is in a mirror."""
    swapped = {"left": "right", "right": "left"}
    return torch.tensor([BINARY.index(swapped.get(name, name)) for name in BINARY])
