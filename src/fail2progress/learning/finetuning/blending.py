"""Between an old model and a tuned one: weights on the line between both forget less and keep most of what was learnt.

Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".
"""

from __future__ import annotations

import copy

import torch

from fail2progress.models.base import SkillEffectModel

SHARES = (0.9, 0.75, 0.5)
"""Of the way from the old model to the tuned one, in the order in which they are tried, until little enough is forgotten."""


@torch.no_grad()
def blended(old: SkillEffectModel, tuned: SkillEffectModel, share: float) -> SkillEffectModel:
    """A model a `share` of the way from the old one to the tuned one; both are left as they are."""
    found, begin, end = copy.deepcopy(tuned), old.state_dict(), tuned.state_dict()
    between = {name: torch.lerp(begin[name], end[name], share) if end[name].is_floating_point() else end[name] for name in end}
    found.load_state_dict(between)
    return found.eval()
