"""What a robot has refused to do from where things are now, and what a plan does about it: other numbers, then other skills."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import skill
from fail2progress.skills.samplers import Step

TRIES = 4
"""How often a skill on a thing, to the same target, is asked for with ever more different parameters before it is given up."""
MOST = 10
"""Refusals without a motion between them after which a robot is taken to refuse everything."""
_ALIKE = 0.03
"""Share of each parameter's range within which a call counts as the one that was refused once; doubled with each refusal."""


@dataclass(frozen=True)
class Refusals:
    """Calls that were refused since things last moved, in their order, and why. They bind the first skill of a plan alone: what
    is done before it may be what brings it into reach."""

    calls: tuple[SkillCall, ...] = ()
    reasons: tuple[str, ...] = ()
    given_up: frozenset[tuple[str, str, str | None]] = frozenset()
    """Skill, thing and target of steps for which there are no other parameters."""

    def __post_init__(self) -> None:
        assert len(self.calls) == len(self.reasons), "a refusal without its reason"

    def __bool__(self) -> bool:
        return bool(self.calls)

    def adding(self, call: SkillCall, reason: str) -> Refusals:
        """With one more."""
        return replace(self, calls=(*self.calls, call), reasons=(*self.reasons, reason))

    def giving_up(self, step: Step, names: tuple[str, ...]) -> Refusals:
        """Without a step, whatever its parameters."""
        return replace(self, given_up=self.given_up | {_asked(step, names)})

    @property
    def enough(self) -> bool:
        """Whether there is no use in asking for anything else."""
        return len(self.calls) >= MOST

    def forbid(self, step: Step, names: tuple[str, ...]) -> bool:
        """Whether a plan must not begin with a step, whatever its parameters."""
        return _asked(step, names) in self.given_up or len(self._like(step, names)) >= TRIES

    def near(self, step: Step, parameters: Tensor, names: tuple[str, ...]) -> Tensor:
        """(B,) which parameters (B, m) of a step are too much like those that were refused."""
        like = self._like(step, names)
        if not like or not parameters.shape[1]:
            return torch.full((len(parameters),), bool(like))
        definition = skill(step.skill)
        span = torch.tensor(definition.high - definition.low, dtype=parameters.dtype).clamp_min(1e-9)
        periodic = torch.tensor([parameter.periodic for parameter in definition.parameters])
        asked = torch.tensor([call.parameters for call in like], dtype=parameters.dtype)
        apart = (parameters.unsqueeze(1) - asked).abs() / span
        apart = torch.where(periodic, torch.minimum(apart, 1 - apart), apart).amax(dim=2)
        return (apart <= _ALIKE * 2.0 ** (len(like) - 1)).any(dim=1)

    def _like(self, step: Step, names: tuple[str, ...]) -> list[SkillCall]:
        """Refused calls of a step: the same skill, on the same thing, to the same target."""
        asked = _asked(step, names)
        return [call for call in self.calls if (call.skill, call.object, call.target) == asked]


def _asked(step: Step, names: tuple[str, ...]) -> tuple[str, str, str | None]:
    return step.skill, names[step.object], None if step.target is None else names[step.target]


NOTHING_REFUSED = Refusals()
