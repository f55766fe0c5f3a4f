"""Between an old model and a tuned one: weights on the line between both forget less and keep most of what was learnt.

Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".

The few weights that say what relations mean for motion are none of them: half of what makes a thing come along is half of the way
of whatever is carried, and they forget less (docs/decisions/0121). Where nothing but these was tuned they go back as well.
"""

from __future__ import annotations

import copy

import torch

from fail2progress.models.base import SkillEffectModel

SHARES = (0.9, 0.75, 0.5)
"""Of the way from the old model to the tuned one, in the order in which they are tried, until little enough is forgotten."""


@torch.no_grad()
def blended(old: SkillEffectModel, tuned: SkillEffectModel, share: float) -> SkillEffectModel:
    """A model a `share` of the way from the old one to the tuned one, with the adapters of this if it has more than
    these tuned; both are left as they are."""
    found, begin = copy.deepcopy(tuned), dict(old.named_parameters())
    adapters = {id(one) for one in found.adapter_parameters()}
    others = {name for name, weight in found.named_parameters() if id(weight) not in adapters}
    more = any(not torch.equal(begin[name], weight) for name, weight in found.named_parameters() if name in others)
    for name, weight in found.named_parameters():
        if name in others or not more:
            weight.copy_(torch.lerp(begin[name], weight, share))
    return found.eval()
