"""What rides along with what a skill moves, learnt in fine-tuning, and the relations that follow (docs/decisions/0025).

No execution of the pre-training moves something loaded. A model whose dynamics must work out all by itself then learns from 20
executions that a cup's content ends near the cup, and not that it is still in it. Here a few weights say which detected relations
make a segment ride along, and the model's own detector says which relations hold where it is then.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fail2progress.models.base import Action, LatentState, RelationLogits, at_object
from fail2progress.models.features import pair_features, translation
from fail2progress.models.handing_on import NEARLY, HandedOn, decided
from fail2progress.models.layers import PairDecoder, pairs_of

HOPS = 3
"""How often riding is handed on: a capsule in a box in a bag."""
SURE = 6.0
"""Logits of what is more likely to ride than not are mixed up to this size: certainty that it stays shall not outweigh that."""


class Riding(nn.Module):
    """Shares (B, N) of the motion of the skill's object that the others take over, zero until fine-tuning."""

    def __init__(self, skills: int) -> None:
        super().__init__()
        self.handed_on = HandedOn(skills)

    @property
    def idle(self) -> bool:
        """Whether it has no effect and nothing is about to change that."""
        return self.handed_on.idle

    def adapters(self) -> dict[str, list[nn.Parameter]]:
        """See SkillEffectModel.adapters."""
        return {"relations": [self.handed_on.by_relation], "networks": list(self.handed_on.by_motion.parameters())}

    def forward(self, state: LatentState, relations: RelationLogits, action: Action, skill: Tensor) -> Tensor:
        """(B, N) shares, 1 at the object itself. `skill` (B,): by the numbers of the model's own vocabulary.

        Someone who rides on one of several things that ride does so if one of them does: shares are joined like chances.
        """
        count = state.mask.shape[1]
        chosen = nn.functional.one_hot(action.object, count).to(state.box.dtype)
        takes = pairs_of(state.mask) & (chosen < 0.5).unsqueeze(-1)
        command = translation(action.skill, action.parameters)
        believed = decided(relations.binary.detach())
        shares = self.handed_on(state.box, believed, skill, command, takes)
        rides = chosen
        for _ in range(HOPS):
            rides = chosen + (1.0 - chosen) * (1.0 - (1.0 - shares * rides.unsqueeze(1)).prod(dim=-1))
        return rides


def none_or_all(rides: Tensor) -> Tensor:
    """(B, N) shares with none and all, which no sigmoid says: 2 % less of a metre are 2 cm, and rigid things keep none."""
    return ((rides - NEARLY) / (1.0 - 2.0 * NEARLY)).clamp(0.0, 1.0)


def turned_about(box: Tensor, centre: Tensor, angle: Tensor) -> Tensor:
    """(B, N, 3) metres that the middles of boxes (B, N, 2, 3) move if all turn by `angle` (B,) in radians about the vertical axis
    of the one in row `centre` (B,)."""
    middle = box.mean(dim=2)[..., :2]
    x, y = (middle - at_object(middle, centre).unsqueeze(1)).unbind(dim=-1)
    cos, sin = angle.cos().unsqueeze(1), angle.sin().unsqueeze(1)
    return torch.stack([cos * x - sin * y - x, sin * x + cos * y - y, torch.zeros_like(x)], dim=-1)


Embed = Callable[[Tensor, Tensor, Tensor, Tensor], LatentState]


def carried_over(
    after: RelationLogits,
    before: RelationLogits,
    rides: Tensor,
    places: tuple[LatentState, LatentState],
    action: Action,
    decoder: PairDecoder,
) -> RelationLogits:
    """Predicted relations with those of what rides along.

    Two that ride together keep their relations. Of one that rides and one that does not, the `decoder` of relations says what
    holds where the first has been taken. `places`: all as expected without riding, and all as if they rode. The rest stays.
    """
    chosen = nn.functional.one_hot(action.object, rides.shape[1]).to(rides.dtype)
    first, second = rides.unsqueeze(2).unsqueeze(-1), rides.unsqueeze(1).unsqueeze(-1)
    own, other = chosen.unsqueeze(2).unsqueeze(-1), chosen.unsqueeze(1).unsqueeze(-1)
    stays, goes = places
    pairs = first * second * (1.0 - own * other), first * (1.0 - second) * (1.0 - own), second * (1.0 - first) * (1.0 - other)
    leaving, left = _between(decoder, goes, stays), _between(decoder, stays, goes)
    found = before.binary, decoder.both_ways(leaving, left), decoder.both_ways(left, leaving)
    rest = 1.0 - sum(pairs, start=torch.zeros(()))
    known = sum((part * value.clamp(-SURE, SURE) for part, value in zip(pairs, found, strict=True)), start=torch.zeros(()))
    mild = after.binary.clamp(-SURE, SURE)
    return RelationLogits(known + rest * mild + (2.0 * rest - 1.0).clamp(min=0.0) * (after.binary - mild), after.unary)


def _between(decoder: PairDecoder, one: LatentState, other: LatentState) -> Tensor:
    """(B, N, N, 9) logits of segments at one's places to segments at the other's."""
    return decoder.decode(one.tokens, pair_features(one.box.unsqueeze(2), other.box.unsqueeze(1)), others=other.tokens)


def taken_along(embed: Embed, state: LatentState, motion: Tensor, action: Action) -> tuple[LatentState, LatentState]:
    """`places` of `carried_over`: segments moved by (B, N, 3) metres, and all of them by the motion of the skill's object."""
    shifts = motion, at_object(motion, action.object).unsqueeze(1).expand_as(motion)
    here, there = (embed(state.code, state.box + shift.unsqueeze(-2), state.ids, state.mask) for shift in shifts)
    return here, there
