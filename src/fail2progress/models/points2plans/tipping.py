"""What tips over when it is pushed, learnt in fine-tuning (docs/decisions/0012)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fail2progress.models.handing_on import HIDDEN, SHY, STILL, fixed_start, untouched
from fail2progress.models.layers import pairs_of

_GOES = 0.02
"""Metres of motion from which a thing may fall over: it falls or does not, however much less than the hand it moves."""
_LEAST = 0.005
"""Metres that an arm is long at least."""
_SAME = 0.02
"""Metres by which the foot of what lies in the way may be above that of what falls."""
_SHARP = 16.0
"""How much nearer to none and all predictions are than what is fitted: as long as it is learnt, a half must have a slope."""


class Tipping(nn.Module):
    """Which segments fall over their leading edge, (B, N) from 0 to 1, zero until fine-tuning.

    A small network sees the extents of a box upwards and sideways, the length of the commanded motion, and the skill. What a
    quarter turn does to a box is geometry and need not be learnt.
    """

    def __init__(self, skills: int) -> None:
        super().__init__()
        self.skills = skills
        with fixed_start(3):
            self.network = nn.Sequential(nn.Linear(5 + skills, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        for parameter in self.network[-1].parameters():
            nn.init.zeros_(parameter)

    @property
    def idle(self) -> bool:
        """See handing_on.HandedOn."""
        return untouched(list(self.network[-1].parameters()))

    def forward(self, box: Tensor, skill: Tensor, command: Tensor, moved: Tensor) -> Tensor:
        """(B, N) how far each falls: while it is fitted any part of a quarter turn, in predictions nearly none or all of it. box
        (B, N, 2, 3), command (B, 3), moved (B, N, 3) m; what does not move does not fall."""
        half = (box[:, :, 1] - box[:, :, 0]) / 2
        length = command[:, :2].norm(dim=-1).clamp(min=1e-4)
        thick = _thickness(half)
        height = half[..., 2]
        slim = height / (height + thick).clamp(min=1e-4)
        sides = torch.stack([10 * height, 10 * thick, slim, 4 * (slim - 0.7), 10 * length.unsqueeze(1).expand_as(height)], dim=-1)
        kind = nn.functional.one_hot(skill, self.skills).to(sides.dtype).unsqueeze(1).expand(-1, half.shape[1], -1)
        score = self.network(torch.cat([sides, kind], dim=-1)).squeeze(-1)
        going = (moved[..., :2].square().sum(dim=-1) + STILL**2).sqrt()
        falls: Tensor = (torch.sigmoid(score + SHY) - torch.sigmoid(torch.tensor(SHY))) * (going / _GOES).clamp(max=1.0)
        return falls if self.training else decided(falls)


def quarter_turn(box: Tensor, command: Tensor) -> tuple[Tensor, Tensor]:
    """What falling over the leading edge does: (B, N, 3) shift of the middle and growth of the extents, metres."""
    half = (box[:, :, 1] - box[:, :, 0]) / 2
    thick, height = _thickness(half), half[..., 2]
    ahead = command[:, :2] / command[:, :2].norm(dim=-1, keepdim=True).clamp(min=1e-4)
    forward = ahead.unsqueeze(1) * (thick + height).unsqueeze(-1)
    across = ahead.abs().unsqueeze(1)
    flat = across * height.unsqueeze(-1) + across.flip(-1) * thick.unsqueeze(-1)
    lying = torch.cat([flat, thick.unsqueeze(-1)], dim=-1)
    return torch.cat([forward, (thick - height).unsqueeze(-1)], dim=-1), 2 * (lying - half)


def rest(stood: Tensor, tips: Tensor, mask: Tensor, command: Tensor) -> Tensor:
    """(B, N, 3) metres upwards by which the middles of what tips over lie higher, where it comes down on what stands in its way,
    or on what tips before it and lies there then, as one domino on the next.

    stood (B, N, 2, 3): boxes where the skill leaves them, upright, m; tips (B, N). What covers the middle carries all of it, and
    what lies farther on or less far one end, while the other is on the ground.
    """
    half = (stood[:, :, 1] - stood[:, :, 0]) / 2
    ahead = (command[:, :2] / command[:, :2].norm(dim=-1, keepdim=True).clamp(min=1e-4)).unsqueeze(1)
    foot = (stood.mean(dim=2)[..., :2] + ahead * _thickness(half).unsqueeze(-1)).unsqueeze(2)
    way = torch.where(ahead.abs() < 1e-6, 1e-6, ahead).unsqueeze(1)
    over, grown = quarter_turn(stood, command)
    lying, tipped = stood + over.unsqueeze(2) + torch.stack([-grown, grown], dim=2) / 2, (tips >= 0.5).unsqueeze(-1)
    ends = torch.where(tipped.unsqueeze(-1), lying, stood).unsqueeze(1)
    one, two = ((ends[..., side, :2] - foot) / way for side in (0, 1))
    near, far = torch.minimum(one, two).amax(dim=-1), torch.maximum(one, two).amin(dim=-1)
    middle, length = half[..., 2].unsqueeze(2), 2 * half[..., 2].unsqueeze(2)
    low, high = (ends[..., side, 2] - stood[:, :, None, 0, 2] for side in (0, 1))
    below = pairs_of(mask) & (low < _SAME) & (high > 0) & (high < length)
    before = torch.where(tipped.transpose(1, 2), (near > 0) & tipped, near + far > 0)
    meets = below & before & (near < far) & (near < length)
    part = torch.minimum(middle / near.clamp(min=_LEAST), middle / (length - far).clamp(min=_LEAST)).clamp(max=1.0)
    rise = torch.where(meets, high * part, 0.0).amax(dim=-1)
    return torch.stack([torch.zeros_like(rise), torch.zeros_like(rise), rise], dim=-1)


def _thickness(half: Tensor) -> Tensor:
    """(B, N) half the side of boxes with half extents (B, N, 3), taken as square from above: a turned box looks larger."""
    return half[..., :2].amin(dim=-1)


def decided(falls: Tensor) -> Tensor:
    """How far things fall (B, N), nearer to none and all: half a turn is no place to lie."""
    none = torch.sigmoid(torch.tensor(-0.5 * _SHARP))
    sharp = (torch.sigmoid(_SHARP * (falls - 0.5)) - none) / (1.0 - 2.0 * none)
    return sharp.clamp(min=0.0)
