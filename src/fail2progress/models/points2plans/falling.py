"""What loses its support falls to what is below, or to the floor; learnt in fine-tuning (docs/decisions/0012).

A block that topples at a table's edge, or is put half over it, ends on the floor. Whether something falls is learnt from how far
its middle lies within what it would stand on; where it then lies is geometry. That takes it where the skill leaves it: a network
that foresees a fall itself puts it onto the floor already, where no edge is near (docs/decisions/0069).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fail2progress.models.base import Falls, RelationLogits
from fail2progress.models.directions import DIRECTIONS, directions
from fail2progress.models.handing_on import untouched
from fail2progress.models.points2plans.tipping import decided

_LEVEL = 0.06
"""Metres by which a thing may be above a surface and still be said to stand on it: it is let go a little above."""
_SINKS = 0.01
"""Metres downwards that are a fall where a skill lifts and lets go of nothing; by which a surface is below another one."""
_FLAT = 1e-4
"""Metres of a command upwards or downwards that count as none."""
_FLOOR = 0.0
"""Height of the floor in the planning frame (m)."""
_SOFT = 0.008
"""Metres of room over which a thing begins to fall."""
_LIKELY = 0.5
"""How far a thing falls that more likely falls than not."""
_GOING = 0.001
"""Metres of motion from which something can fall."""
_STEP = 0.01
"""Metres of a command's way across the floor that count as none."""
_TABLE = 0.5
"""Metres of a fall for which `travel` says how far outward it goes; of what is pushed, others go by the root of their height."""
_DEEP = 0.1
"""Metres down that are a fall by which an edge can be told."""
_GOES = 0.02
"""Metres of motion from which it can be."""
_NOWHERE = 0.3
"""Metres beyond its edge that stand for no surface at all."""


def pushes(command: Tensor) -> Tensor:
    """(B,) whether commands (B, 3), m, neither lift nor lower."""
    return command[:, 2].abs() < _FLAT


def left_at(own: Tensor, command: Tensor) -> Tensor:
    """(B, N, 3) motion without a fall: own (B, N, 3), but what ends far below where the skill takes it ends there; where it lifts
    nothing, what ends below at all.

    command (B, 3): shift that the skill commands, m. What goes along its way is taken to be raised or lowered by it as well.
    """
    below = torch.where(pushes(command), _SINKS, _LEVEL).unsqueeze(1)
    ground, way = own[..., :2], command[:, None, :2]
    along = ((ground * way).sum(dim=-1) / (way.square().sum(dim=-1) + _STEP**2)).clamp(0.0, 1.0)
    height = along * command[:, 2:]
    return torch.cat([ground, torch.where(own[..., 2] < height - below, height, own[..., 2]).unsqueeze(-1)], dim=-1)


@dataclass(frozen=True)
class Support:
    """What carries each segment.

    room (B, N): metres from its middle to the nearest edge of what it stands on, negative beyond it. outward (B, N, 2): unit
    vector across that edge, 0 where there is none. drop (B, N): metres down to what is under its middle otherwise.
    """

    room: Tensor
    outward: Tensor
    drop: Tensor


def support(box: Tensor, mask: Tensor) -> Support:
    """Of boxes (B, N, 2, 3) in metres, those in mask (B, N)."""
    low, high, middle = box[:, :, 0], box[:, :, 1], box.mean(dim=2)
    over = middle[:, :, None, :2] - high[:, None, :, :2]
    under = low[:, None, :, :2] - middle[:, :, None, :2]
    beyond, side = torch.cat([over, under], dim=-1).max(dim=-1)
    others = mask.unsqueeze(1) & ~torch.eye(mask.shape[1], dtype=torch.bool)
    lower = others & (low[:, None, :, 2] < low[:, :, None, 2] + 0.01)
    top = torch.minimum(high[:, None, :, 2], low[:, :, None, 2])
    level = lower & (low[:, :, None, 2] - top < _LEVEL)
    # A drawer below the top of its cabinet does not carry what stands half on that: it catches what falls.
    below = level & (high[:, None, :, 2] < low[:, :, None, 2] + _SINKS) & _meet(low, high)
    highest = torch.where(below, top, -torch.inf).amax(dim=-1, keepdim=True)
    level &= top > highest - _SINKS
    room, which = (-beyond).masked_fill(~level, -torch.inf).max(dim=-1)
    edge = side.gather(2, which.unsqueeze(-1)).squeeze(-1)
    outward = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])[edge] * level.any(dim=-1, keepdim=True)
    catches = torch.where(lower & ~level & (beyond < 0), top, _FLOOR).amax(dim=-1)
    return Support(room.clamp(min=-_NOWHERE), outward, low[..., 2] - catches)


def _meet(low: Tensor, high: Tensor) -> Tensor:
    """(B, N, N) which boxes from low to high (B, N, 3), m, overlap as seen from above."""
    least, most = torch.maximum(low.unsqueeze(1), low.unsqueeze(2)), torch.minimum(high.unsqueeze(1), high.unsqueeze(2))
    return (most - least)[..., :2].amin(dim=-1) > 0


class Falling(nn.Module):
    """Where segments lie that have lost their support. Nothing falls until fine-tuning.

    `strength` (skills,): how far things beyond their edge fall, as the tangent hyperbolic of it. `verge` (skills,):
    centimetres by which a thing's middle may be short of the edge and it still falls, since what topples or slides goes on.
    `travel` (skills,): tenths of a metre outward for every metre down, from a table. Few weights, so that a failure or two tell
    them.
    """

    def __init__(self, skills: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(skills))
        self.verge = nn.Parameter(torch.zeros(skills))
        self.travel = nn.Parameter(torch.zeros(skills))

    @property
    def idle(self) -> bool:
        """See handing_on.HandedOn."""
        return untouched([self.strength])

    def learnt(self, skill: Tensor, pushed: Tensor) -> Tensor:
        """(B, 1) how far falls are learnt of skills (B,) where things are `pushed` (B,), 0 elsewhere: as far it is by support
        alone whether things fall, and a network that foresees a fall of what is carried does not count."""
        return (torch.tanh(self.strength[skill]) * pushed).clamp(min=0.0).unsqueeze(1)

    def forward(
        self, box: Tensor, mask: Tensor, skill: Tensor, going: Tensor, pushed: Tensor, raised: Tensor
    ) -> tuple[Falls, Tensor]:
        """What falls, in predictions nearly all the way or not at all, and the shift (B, N, 3), m, of what falls all the way.

        box (B, N, 2, 3): where things would end if nothing fell, m; mask (B, N); skill (B,); going (B, N): metres that each moves
        by itself, since what does not move does not fall. pushed (B,): whether the skill lifts nothing: then things fall from the
        edge, and no hand takes them on beyond it. raised (B, N): metres up to where the skill leaves each.
        """
        # Falls are half a metre: their gradient would drown what says where things end.
        found = support(box.detach(), mask)
        short = 0.01 * self.verge[skill].unsqueeze(1) - found.room
        falls = torch.tanh(self.strength[skill]).unsqueeze(1) * torch.sigmoid(short / _SOFT) * torch.tanh(going / _GOING)
        drop = found.drop.clamp(min=0.0).unsqueeze(-1)
        beyond = (-found.room).clamp(min=0.0) * pushed.unsqueeze(1)
        height = torch.where(pushed[:, None, None], (_TABLE * drop).sqrt(), drop)
        outward = found.outward * (0.1 * self.travel[skill][:, None, None] * height - beyond.unsqueeze(-1))
        share, half = falls if self.training else decided(falls), (raised - 0.5 * drop.squeeze(-1)).detach()
        open_ = (drop.squeeze(-1) > _DEEP) & (going > _GOES)
        return Falls(share, short, half, open_), torch.cat([outward, -drop], dim=-1)


def fallen(relations: RelationLogits, box: Tensor, falls: Tensor) -> RelationLogits:
    """Relations of boxes (B, N, 2, 3) in metres of which some fall, by falls (B, N): their directions by what these mean.

    Hardly an execution of pre-training ends on the floor, and what a decoder says of directions there is worth little. What less
    likely falls than not is left to the decoder: half of a fall is no place.
    """
    likely = falls * (falls > _LIKELY)
    share = torch.maximum(likely.unsqueeze(1), likely.unsqueeze(2)).detach().unsqueeze(-1)
    own = relations.binary[..., DIRECTIONS]
    mixed = own + share * (directions(box) - own)
    return RelationLogits(relations.binary.index_copy(-1, torch.tensor(DIRECTIONS), mixed), relations.unary)
