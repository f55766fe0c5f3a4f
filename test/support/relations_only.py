"""A model from another package: it predicts relations alone, brings its own encoding of points, gives no gradient.

The text of this module is installed as a package of its own by tests (`support.plugins`); nothing in `src` knows of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from fail2progress.core.relations import BINARY, UNARY
from fail2progress.core.vocabulary import Vocabulary
from fail2progress.models.base import Action, Capability, Effect, LatentState, RelationLogits, SkillEffectModel
from fail2progress.models.config import ModelConfig
from fail2progress.models.implied import commanded, implied_motion


@dataclass(frozen=True)
class RelationsOnlyConfig(ModelConfig):
    hidden: int = 32
    slope: float = 20.0
    """Per metre: at which differences of corners are told apart."""


class RelationsOnly(SkillEffectModel):
    """Shape codes are radii of a cloud by octant; relations follow from the boxes of a pair, before a skill and as commanded."""

    name = "relations-only"
    summary = "a small classifier of box pairs"
    Config = RelationsOnlyConfig
    capabilities = frozenset({Capability.RELATIONS})

    def __init__(self, config: RelationsOnlyConfig = RelationsOnlyConfig(), vocabulary: Vocabulary | None = None) -> None:
        super().__init__(config, vocabulary)
        self.scale = nn.Parameter(torch.ones(8))
        self.now = self._classifier(0)
        self.after = self._classifier(12 + len(BINARY))
        self.single = nn.Linear(8, len(UNARY))

    def _classifier(self, more: int) -> nn.Sequential:
        hidden = self.config.hidden
        return nn.Sequential(nn.Linear(12 + 16 + more, hidden), nn.ReLU(), nn.Linear(hidden, len(BINARY)))

    def prepare(self, points: Tensor) -> dict[str, Tensor]:
        return {"octant": ((points > 0) * torch.tensor([1, 2, 4])).sum(dim=2)}

    def encode(self, points: Tensor, prepared: Mapping[str, Tensor]) -> Tensor:
        radii = torch.zeros(len(points), 8).scatter_reduce(1, prepared["octant"], points.norm(dim=2), "amax")
        return radii * self.scale

    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        return LatentState(code, box.detach(), ids, mask, code)

    def detect(self, state: LatentState) -> RelationLogits:
        if state.relations is not None:
            return state.relations
        return RelationLogits(self.now(self._pairs(state, state.box)), self.single(state.tokens))

    def predict(self, state: LatentState, action: Action) -> Effect:
        self.own_skills(action)
        before, boxes = self.detect(state), commanded(state, action).detach()
        evidence = [self._pairs(state, boxes), self._gaps(state.box), torch.sigmoid(before.binary)]
        after = RelationLogits(self.after(torch.cat(evidence, dim=-1)), before.unary)
        box = state.box + implied_motion(state, before, after, action).unsqueeze(-2)
        return Effect(None, after, None, replace(self.embed(state.code, box, state.ids, state.mask), relations=after))

    def _pairs(self, state: LatentState, box: Tensor) -> Tensor:
        count = box.shape[1]
        one = state.tokens.unsqueeze(2).expand(-1, -1, count, -1)
        return torch.cat([self._gaps(box), one, one.transpose(1, 2)], dim=-1)

    def _gaps(self, box: Tensor) -> Tensor:
        one, other = box.unsqueeze(2), box.unsqueeze(1)
        return torch.tanh(self.config.slope * torch.cat([one - other, one - other.flip(-2)], dim=-2).flatten(-2))

    def pretrained_parameters(self) -> list[nn.Parameter]:
        return list(self.parameters())

    def finetuned_parameters(self) -> list[nn.Parameter]:
        return [parameter for name, parameter in self.named_parameters() if name != "scale"]
