"""What things do when a neighbour goes, learnt in fine-tuning (docs/decisions/0098).

A board falls when what it leaned on is carried away. No share of the neighbour's motion says that (handing_on.py): it falls
towards where the neighbour was, wherever that goes. So it is said in the frame of the pair: along the line from one middle to
the other, across it, and upwards. Turned with the pair it is the same, and twenty executions that point every way tell one thing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fail2progress.core.relations import BINARY
from fail2progress.models.handing_on import HIDDEN, fixed_start, untouched

_OUTPUTS = 5
"""Shift along and upwards, and growth along, across and upwards, in heights of the thing: larger ones fall farther."""
_LENGTHS = 14
"""What a pair looks like in its own frame, in metres; see _pair_frame."""
_GOES = 0.02
"""Metres of motion of one against the other from which it counts as gone."""


class Yielding(nn.Module):
    """Shift and growth (B, N, 3) in metres of every segment for what its neighbours do, zero until fine-tuning."""

    def __init__(self, skills: int) -> None:
        super().__init__()
        self.skills = skills
        with fixed_start(4):
            inputs = 2 * len(BINARY) + 2 * _LENGTHS + skills
            self.network = nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, _OUTPUTS))
        for parameter in self.network[-1].parameters():
            nn.init.zeros_(parameter)

    @property
    def idle(self) -> bool:
        """See handing_on.HandedOn."""
        return untouched(list(self.network[-1].parameters()))

    def forward(self, box: Tensor, relations: Tensor, skill: Tensor, moved: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """box (B, N, 2, 3) m; relations (B, N, N, 9) probabilities; skill (B,); moved (B, N, 3) m without this; pairs (B, N, N):
        which i may do something when which j goes."""
        moved = moved.detach()
        way, lengths = _pair_frame(box, moved)
        both = torch.cat([relations, relations.transpose(1, 2)], dim=-1)
        kind = nn.functional.one_hot(skill, self.skills).to(box.dtype)[:, None, None].expand(*both.shape[:3], -1)
        said = self.network(torch.cat([both, torch.tanh(10 * lengths), torch.tanh(60 * lengths), kind], dim=-1))
        apart = (moved.unsqueeze(1) - moved.unsqueeze(2)).norm(dim=-1)
        height = (box[:, :, 1, 2] - box[:, :, 0, 2]).unsqueeze(2)
        along, up, grows, wide, high = ((height * torch.tanh(apart / _GOES) * pairs).unsqueeze(-1) * said).split(1, dim=-1)
        ahead = way.abs()
        shift = torch.cat([along * way, up], dim=-1).sum(dim=2)
        return shift, torch.cat([ahead * grows + ahead.flip(-1) * wide, high], dim=-1).sum(dim=2)


def _pair_frame(box: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
    """(B, N, N, 2) unit vectors from the middle of i to that of j as seen from above, and (B, N, N, _LENGTHS) metres: how they
    lie to each other, their halves along, across and up, and how they move in that frame."""
    centre, half = box.mean(dim=2), (box[:, :, 1] - box[:, :, 0]) / 2
    apart = centre.unsqueeze(1) - centre.unsqueeze(2)
    distance = apart[..., :2].norm(dim=-1, keepdim=True)
    way = apart[..., :2] / distance.clamp(min=1e-4)
    ahead, count = way.abs(), box.shape[1]
    own, other = (part.expand(-1, count, count, -1) for part in (half.unsqueeze(2), half.unsqueeze(1)))
    reach = [(side[..., :2] * axis).sum(dim=-1) for side in (own, other) for axis in (ahead, ahead.flip(-1))]
    goes = [part.expand(-1, count, count, -1) for part in (moved.unsqueeze(2), moved.unsqueeze(1))]
    motion = [value for one in goes for value in ((one[..., :2] * way).sum(dim=-1), one[..., 2])]
    sideways = (goes[1][..., :2] - (goes[1][..., :2] * way).sum(dim=-1, keepdim=True) * way).norm(dim=-1)
    gap = distance.squeeze(-1) - reach[0] - reach[2]
    level = own[..., 2] + other[..., 2] - apart[..., 2].abs()
    lengths = [gap, level, apart[..., 2], *reach, own[..., 2], other[..., 2], *motion, sideways]
    return way, torch.stack(lengths, dim=-1)
