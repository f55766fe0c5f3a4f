"""Directions by what they mean: logits of left, right, front, behind, above and below from boxes (docs/decisions/0069).

The rule of `core.relations`, with a logit that grows with how far boxes are from where the relation turns over.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fail2progress.core.relations import BINARY, DEFAULT, Thresholds

DIRECTIONS = [BINARY.index(name) for name in ("left", "right", "front", "behind", "above", "below")]
"""Which relations these are, in this order."""
_SOFT = 0.02
"""Metres from where a direction turns over at which it is nearly sure: boxes of what moves are predicted to about as much."""
_SURE = 4.0
"""Logit of a direction that is sure."""


def directions(box: Tensor, thresholds: Thresholds = DEFAULT) -> Tensor:
    """(B, N, 2, 3) boxes in metres to (B, N, N, 6) logits: entry [i, j] is about "i is k of j"."""
    low, high = box.unbind(dim=2)
    centre = (low + high) / 2
    over = centre.unsqueeze(2) - high.unsqueeze(1)
    under = low.unsqueeze(1) - centre.unsqueeze(2)
    outside = torch.maximum(over, under)
    beside = torch.stack([outside[..., axes].amax(dim=-1) for axes in ([1, 2], [0, 2], [0, 1])], dim=-1)
    slope = math.tan(thresholds.cone)
    upward = torch.minimum(torch.minimum(over, low.unsqueeze(2) - centre.unsqueeze(1)), over * slope - beside)
    downward = torch.minimum(torch.minimum(under, centre.unsqueeze(1) - high.unsqueeze(2)), under * slope - beside)
    beyond = torch.maximum(upward, downward.transpose(1, 2))
    behind, left, above = beyond.unbind(dim=-1)
    front, right, below = beyond.transpose(1, 2).unbind(dim=-1)
    return _SURE * torch.tanh(torch.stack([left, right, front, behind, above, below], dim=-1) / _SOFT)
