"""Binary-Pred: a classifier of the relations of a pair of segments, after Paxton, Xie, Hermans and Fox (CoRL 2021).

That work classifies relations of two segmented clouds. How the paper made a skill effect model of it is not published; this
reading is ours (docs/decisions/0025): the relations after a skill follow for every ordered pair by itself, from the two segments,
from which of them the skill moves and by how much, and from the relations of the pair before. No segment hears of a third one
until fine-tuning teaches what rides along (models/riding.py), and no displacement is predicted. Over several skills the predicted
relations are chained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from fail2progress.core.relations import BINARY, UNARY
from fail2progress.core.vocabulary import Vocabulary
from fail2progress.models.base import Action, Capability, Considered, Effect, LatentState, RelationLogits
from fail2progress.models.config import ModelConfig
from fail2progress.models.features import (
    ACTION_FEATURES,
    BOX_FEATURES,
    PAIR_FEATURES,
    box_features,
    pair_features,
)
from fail2progress.models.implied import commanded, implied_motion
from fail2progress.models.layers import PairDecoder, mlp
from fail2progress.models.pointconv.encoder import WIDTH
from fail2progress.models.pointconv.model import PointConvModel
from fail2progress.models.riding import Riding, carried_over, taken_along

_SURE = 6.0
"""Logits of earlier relations are taken up to this size: certainty beyond it shall not be carried over."""


@dataclass(frozen=True)
class BinaryPredConfig(ModelConfig):
    """Width of the hidden layers of the pair classifiers; 64 in the decoders of A.11.2."""

    hidden: int = 96

    largest: ClassVar[Mapping[str, int]] = {"hidden": 2048}


class BinaryPred(PointConvModel):
    """Pair classifiers for the relations that hold now and for those after a skill, unary classifiers beside them."""

    name = "binary-pred"
    summary = "relations of every pair by itself, chained over skills; no displacement"
    Config = BinaryPredConfig
    variants: ClassVar[Mapping[str, ModelConfig]] = {"default": BinaryPredConfig()}
    capabilities = frozenset({Capability.RELATIONS, Capability.GRADIENT})
    config: BinaryPredConfig

    def __init__(self, config: BinaryPredConfig = BinaryPredConfig(), vocabulary: Vocabulary | None = None) -> None:
        super().__init__(config, vocabulary)
        hidden = config.hidden
        self.box = mlp(BOX_FEATURES, WIDTH, WIDTH)
        self.action = nn.ModuleList([mlp(ACTION_FEATURES, 128, WIDTH) for _ in self.vocabulary.skills])
        self.binary = PairDecoder(WIDTH, hidden, PAIR_FEATURES)
        self.unary = mlp(WIDTH, hidden, len(UNARY))
        self.next_binary = PairDecoder(WIDTH, hidden, 2 * PAIR_FEATURES + 2 * len(BINARY))
        self.next_unary = mlp(2 * WIDTH, hidden, len(UNARY))
        self.roles = nn.Linear(WIDTH, 3 * hidden, bias=False)
        self.kept = nn.Parameter(torch.tensor([[1.0], [0.0], [0.0]]).repeat(1, len(BINARY)))
        self.riding = Riding(len(self.vocabulary.skills))

    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        """See SkillEffectModel. Segments are not told apart by identities: a pair has two roles and no third party."""
        return LatentState(code, box, ids, mask, code + self.box(box_features(box)))

    def detect(self, state: LatentState) -> RelationLogits:
        """See SkillEffectModel. Of a predicted state, the relations that were predicted."""
        return self._now(state, _pairs(state.box)) if state.relations is None else state.relations

    def _now(self, state: LatentState, geometry: Tensor) -> RelationLogits:
        logits = self.binary.decode(state.tokens, geometry)
        return RelationLogits(self.binary.both_ways(logits, logits), self.unary(state.tokens))

    def predict(self, state: LatentState, action: Action, considered: Considered | None = None) -> Effect:
        """See SkillEffectModel."""
        geometry, command = _pairs(state.box), self.command_codes(self.action, action)
        before = self._now(state, geometry) if state.relations is None else state.relations
        chosen = torch.nn.functional.one_hot(action.object, state.box.shape[1]).to(command.dtype)
        held = torch.sigmoid(before.binary)
        evidence = torch.cat([geometry, _pairs(commanded(state, action)), held, held.transpose(1, 2)], dim=-1)
        binary = self._binary(state, before.binary, evidence, command, chosen)
        after = self._with_riders(
            state, before, RelationLogits(binary, self._unary(state, before.unary, command, chosen)), action
        )
        motion = implied_motion(state, before, after, action)
        moved = self.embed(state.code, state.box + motion.unsqueeze(-2), state.ids, state.mask)
        return Effect(None, after, None, replace(moved, relations=after))

    def adapters(self) -> dict[str, list[nn.Parameter]]:
        """See SkillEffectModel: what rides along with what is moved."""
        return self.riding.adapters()

    def _with_riders(self, state: LatentState, before: RelationLogits, after: RelationLogits, action: Action) -> RelationLogits:
        if self.riding.idle:
            return after
        places = taken_along(self.embed, state, implied_motion(state, before, after, action), action)
        rides = self.riding(state, before, action, self.own_skills(action))
        return carried_over(after, before, rides, places, action, self.binary)

    def _binary(self, state: LatentState, before: Tensor, evidence: Tensor, command: Tensor, chosen: Tensor) -> Tensor:
        """(B, N, N, 9) logits after the skill, from those before, features of the pairs, and the command by their roles."""
        roles = _roles(chosen)
        said = torch.einsum("bijr,brh->bijh", roles, self.roles(command).unflatten(-1, (3, -1)))
        logits = self.next_binary.decode(state.tokens, evidence, said)
        after = logits + (roles @ self.kept) * before.clamp(-_SURE, _SURE)
        return self.next_binary.both_ways(after, after)

    def _unary(self, state: LatentState, before: Tensor, command: Tensor, chosen: Tensor) -> Tensor:
        """(B, N, 3) logits of the unary relations after the skill."""
        own = chosen.unsqueeze(-1) * command.unsqueeze(1)
        change: Tensor = self.next_unary(torch.cat([state.tokens, own], dim=-1))
        return change + before.clamp(-_SURE, _SURE)


def _pairs(box: Tensor) -> Tensor:
    return pair_features(box.unsqueeze(2), box.unsqueeze(1))


def _roles(chosen: Tensor) -> Tensor:
    """(B, N, N, 3) whether the skill acts on neither of a pair, on the first or on the second."""
    first, second = torch.broadcast_tensors(chosen.unsqueeze(2), chosen.unsqueeze(1))
    return torch.stack([1.0 - (first + second).clamp(max=1.0), first, second], dim=-1)


MODEL = BinaryPred
