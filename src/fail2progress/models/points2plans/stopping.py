"""What stops at what stands fast, learnt in fine-tuning (docs/decisions/0121).

A block that is pushed against a cabinet stops there, however far it was to go, and with it all that pushes it. How far there is
room is geometry; whether things stop at all is learnt.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fail2progress.core.relations import BINARY, UNARY
from fail2progress.models.base import RelationLogits
from fail2progress.models.handing_on import HOPS, untouched
from fail2progress.models.layers import pairs_of
from fail2progress.models.points2plans.tipping import decided

_TOUCHING = 0.005
"""Metres by which boxes of things that touch may seem to reach into each other."""
_LEVEL = 0.01
"""Metres of height that two things share if one stops the other: what stands on a table is seen a little below its top."""
_FAR = 10.0
"""Metres of room where nothing is in the way."""
_EPSILON = 1e-6


class Stopping(nn.Module):
    """How far what pushes and is pushed stops at what stands fast: `strength` (skills,), as the tangent hyperbolic of it."""

    def __init__(self, skills: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(skills))

    @property
    def idle(self) -> bool:
        """See handing_on.HandedOn."""
        return untouched([self.strength])

    def forward(
        self, box: Tensor, mask: Tensor, relations: RelationLogits, skill: Tensor, command: Tensor, own: Tensor
    ) -> Tensor:
        """(B, N, 3) metres that segments move, of `own`, at most as far along the command as there is room; in predictions nearly
        none or all of what is too far is taken back.

        box (B, N, 2, 3) m; mask (B, N); skill (B,); command (B, 3) m: what lifts takes its object over what stands in the way.
        """
        ahead = command / command.norm(dim=-1, keepdim=True).clamp(min=1e-4)
        level = (command[:, 2].abs() < _EPSILON).unsqueeze(1)
        there = room(box.detach(), mask, relations, ahead[:, :2])
        beyond = ((own * ahead.unsqueeze(1)).sum(dim=-1) - there).clamp(min=0.0)
        stops = torch.tanh(self.strength[skill]).clamp(min=0.0).unsqueeze(1) * level
        taken = beyond * (stops if self.training else decided(stops))
        stopped: Tensor = own - taken.unsqueeze(-1) * ahead.unsqueeze(1)
        return stopped


def room(box: Tensor, mask: Tensor, relations: RelationLogits, ahead: Tensor) -> Tensor:
    """(B, N) metres that segments can move `ahead` (B, 2) until they, or what they push or ride on, meet what stands fast.

    box (B, N, 2, 3) m; mask (B, N). What is in something goes as far as that: a drawer takes its contents into its cabinet.
    """
    movable = relations.unary[..., UNARY.index("movable")] > 0
    inside, above, contact = (relations.binary[..., BINARY.index(name)] > 0 for name in ("inside", "above", "contact"))
    pairs = pairs_of(mask)
    inside = inside & pairs
    rides = inside | (above & contact & pairs)
    gap = torch.where(pairs & ~inside.any(dim=-1, keepdim=True), meeting(box, ahead), 2 * _FAR)
    free = torch.where(movable, _FAR, 0.0)
    for _ in range(HOPS):
        pushed = (gap + free.unsqueeze(1)).amin(dim=-1)
        carried = torch.where(rides & movable.unsqueeze(1), free.unsqueeze(1), _FAR).amin(dim=-1)
        free = torch.where(movable, torch.minimum(pushed, carried).clamp(max=_FAR), 0.0)
    return torch.where(movable, free, _FAR)


def meeting(box: Tensor, ahead: Tensor) -> Tensor:
    """(B, N, N) metres that i moves `ahead` (B, 2) until its box, of (B, N, 2, 3) m, meets that of j, as good as never where it
    does not, nor where they reach into each other at first, as a drawer and its cabinet."""
    low, high = box[:, :, 0], box[:, :, 1]
    way = torch.where(ahead.abs() < _EPSILON, _EPSILON, ahead)[:, None, None]
    one, two = (low[:, None, :, :2] - high[:, :, None, :2]) / way, (high[:, None, :, :2] - low[:, :, None, :2]) / way
    first, last = torch.minimum(one, two).amax(dim=-1), torch.maximum(one, two).amin(dim=-1)
    shared = torch.minimum(high[:, :, None, 2], high[:, None, :, 2]) - torch.maximum(low[:, :, None, 2], low[:, None, :, 2])
    meets = (first < last) & (first > -_TOUCHING) & (shared > _LEVEL)
    return torch.where(meets, first.clamp(min=0.0), 2 * _FAR)
