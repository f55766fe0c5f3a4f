"""What planning knows of predicted contents without a model: what is inside something and moves as that does, stays inside."""

from __future__ import annotations

import torch
from torch import Tensor

from fail2progress.core.relations import BINARY
from fail2progress.models.base import RelationLogits

_INSIDE = BINARY.index("inside")
_APART = 0.03
"""Metres by which two predicted motions may differ to be the same: half a cup, and what models are off for things that ride."""
_SPREAD = 0.01
_SUREST = 4.0
"""Log-odds from which the certainty of either counts no more."""
_MODEL, _MOTION = 0.5, 1.5
"""How much the model's log-odds and those of the motion count: as for what is seen (decision 0056)."""


def with_contents(relations: RelationLogits, before: RelationLogits, motion: Tensor) -> RelationLogits:
    """The relations of B predicted scenes after a skill, by those before it and the predicted motion (B, N, 3), metres.

    Only in favour of what was inside: that something is lost is for the model to say.
    """
    now, then = relations.binary[..., _INSIDE], before.binary[..., _INSIDE]
    apart = (motion.unsqueeze(2) - motion.unsqueeze(1)).norm(dim=-1)
    together = ((_APART - apart) / _SPREAD).clamp(-_SUREST, _SUREST)
    both = _MODEL * now.clamp(-_SUREST, _SUREST) + _MOTION * together
    stays = torch.where((then > 0) & (apart < _APART), torch.maximum(now, both), now)
    binary = relations.binary.clone()
    binary[..., _INSIDE] = stays
    return RelationLogits(binary, relations.unary)
