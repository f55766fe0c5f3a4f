"""Stow-GNN: message passing over segments, after Chen, Niu, Hong, Liu, Wang, Li and Driggs-Campbell (CoRL 2023).

That work predicts rigid motions of objects in a graph of particles: encoders of nodes and edges, two rounds of messages, and a
decoder for each object. How the paper made it predict relations is not published; this reading is ours (docs/decisions/0025):
nodes are segments with their shape codes, every ordered pair is an edge, the command enters where the tool's motion did, and
relations are decoded from pairs of nodes, where their boxes are predicted to be. What rides along with what is moved is learnt by
fine-tuning (models/riding.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from fail2progress.core.relations import UNARY
from fail2progress.core.vocabulary import Vocabulary
from fail2progress.models.base import Action, Capability, Considered, Effect, LatentState, RelationLogits, at_object
from fail2progress.models.config import ModelConfig
from fail2progress.models.features import (
    ACTION_FEATURES,
    BOX_FEATURES,
    PAIR_FEATURES,
    box_features,
    pair_features,
    translation,
)
from fail2progress.models.implied import commanded, settling
from fail2progress.models.layers import PairDecoder, mlp, zero
from fail2progress.models.pointconv.encoder import WIDTH
from fail2progress.models.pointconv.model import PointConvModel
from fail2progress.models.riding import Riding, carried_over, none_or_all, taken_along


@dataclass(frozen=True)
class StowGNNConfig(ModelConfig):
    """`width` of nodes and edges and the number of `rounds` as in the particle graph; `hidden` of the decoders as in A.11.2."""

    width: int = 150
    rounds: int = 2
    hidden: int = 64

    largest: ClassVar[Mapping[str, int]] = {"width": 2048, "rounds": 16, "hidden": 2048}


class StowGNN(PointConvModel):
    """Displacements and relations from nodes after some rounds of messages along all edges."""

    name = "stow-gnn"
    summary = "message passing over a complete graph of segments"
    Config = StowGNNConfig
    variants: ClassVar[Mapping[str, ModelConfig]] = {"default": StowGNNConfig()}
    capabilities = frozenset({Capability.RELATIONS, Capability.DISPLACEMENT, Capability.GRADIENT})
    config: StowGNNConfig

    def __init__(self, config: StowGNNConfig = StowGNNConfig(), vocabulary: Vocabulary | None = None) -> None:
        super().__init__(config, vocabulary)
        width, hidden = config.width, config.hidden
        self.box = mlp(BOX_FEATURES, WIDTH, WIDTH)
        self.action = nn.ModuleList([mlp(ACTION_FEATURES, 128, WIDTH) for _ in self.vocabulary.skills])
        self.node = nn.Sequential(mlp(2 * WIDTH + 1, width, width, width), nn.ReLU())
        self.edge = nn.Sequential(mlp(2 * PAIR_FEATURES + 2, width, width, width), nn.ReLU())
        self.message = Message(width)
        self.update = nn.Linear(2 * width, width)
        self.position = mlp(width, width, width, 3)
        zero(self.position[-1])
        self.binary = PairDecoder(WIDTH, hidden, PAIR_FEATURES)
        self.unary = mlp(WIDTH, hidden, len(UNARY))
        self.next_binary = PairDecoder(width, hidden, PAIR_FEATURES)
        self.next_unary = mlp(width, hidden, len(UNARY))
        self.riding = Riding(len(self.vocabulary.skills))

    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        """See SkillEffectModel. Edges say who is who, so nodes have no identities."""
        return LatentState(code, box, ids, mask, code + self.box(box_features(box)))

    def detect(self, state: LatentState) -> RelationLogits:
        """See SkillEffectModel. Of a predicted state, the relations that were predicted."""
        if state.relations is not None:
            return state.relations
        present = state.mask if self.training else None
        return RelationLogits(self.binary(state.tokens, state.box, present), self.unary(state.tokens))

    def predict(self, state: LatentState, action: Action, considered: Considered | None = None) -> Effect:
        """See SkillEffectModel."""
        chosen = torch.nn.functional.one_hot(action.object, state.box.shape[1]).to(state.box.dtype).unsqueeze(-1)
        nodes = self._nodes(state, action, chosen)
        command = translation(action.skill, action.parameters).unsqueeze(1)
        displacement = chosen * command + self.position(nodes)
        moved = self.embed(state.code, state.box + displacement.unsqueeze(-2), state.ids, state.mask)
        relations = RelationLogits(
            self.next_binary(nodes, moved.box, state.mask if self.training else None), self.next_unary(nodes)
        )
        if not self.training:
            displacement = self._at_rest(state, displacement, relations, action)
            moved = self.embed(state.code, state.box + displacement.unsqueeze(-2), state.ids, state.mask)
        effect = Effect(displacement, relations, None, replace(moved, relations=relations))
        return effect if self.riding.idle else self._with_riders(state, effect, displacement, action)

    def adapters(self) -> dict[str, list[nn.Parameter]]:
        """See SkillEffectModel: what rides along with what is moved."""
        return self.riding.adapters()

    @staticmethod
    def _at_rest(state: LatentState, displacement: Tensor, relations: RelationLogits, action: Action) -> Tensor:
        """(B, N, 3) m with the skill's object on what it is predicted to rest on: the decoder says next to nothing of a fall."""
        command, fall = commanded(state, action) - state.box, settling(state, relations, action)
        lower = torch.where(fall[..., 2] != 0.0, command[:, :, 0, 2] + fall[..., 2], displacement[..., 2])
        chosen = torch.nn.functional.one_hot(action.object, state.box.shape[1]).to(torch.bool)
        upward = torch.where(chosen, lower, displacement[..., 2])
        return torch.cat([displacement[..., :2], upward.unsqueeze(-1)], dim=-1)

    def _with_riders(self, state: LatentState, effect: Effect, own: Tensor, action: Action) -> Effect:
        """The same effect with what rides along, from the displacements (B, N, 3) m that segments have of their own."""
        before = self.detect(state)
        rides = self.riding(state, before, action, self.own_skills(action))
        places = taken_along(self.embed, state, own, action)
        relations = carried_over(effect.relations, before, rides, places, action, self.binary)
        share = rides if self.training else none_or_all(rides)
        displacement = own + share.unsqueeze(-1) * (at_object(own, action.object).unsqueeze(1) - own)
        moved = self.embed(state.code, state.box + displacement.unsqueeze(-2), state.ids, state.mask)
        return Effect(displacement, relations, None, replace(moved, relations=relations))

    def _nodes(self, state: LatentState, action: Action, chosen: Tensor) -> Tensor:
        """(B, N, width) nodes after all rounds of messages; what is masked sends none."""
        command = self.command_codes(self.action, action).unsqueeze(1).expand(-1, chosen.shape[1], -1)
        nodes: Tensor = self.node(torch.cat([state.tokens, command, chosen], dim=-1))
        edges = self._edges(state, action, chosen)
        sends = (state.mask.unsqueeze(1) & ~torch.eye(chosen.shape[1], dtype=torch.bool)).unsqueeze(-1)
        edges = self.message.edge(edges)
        hidden = nodes
        for _ in range(self.config.rounds):
            gathered = (self.message(edges, hidden) * sends).sum(dim=2)
            hidden = torch.relu(self.update(torch.cat([nodes, gathered], dim=-1)))
        return hidden

    def _edges(self, state: LatentState, action: Action, chosen: Tensor) -> Tensor:
        """(B, N, N, width) edges: how receiver and sender lie now and as commanded, and which of them the skill acts on."""
        boxes = commanded(state, action)
        now, then = (pair_features(box.unsqueeze(2), box.unsqueeze(1)) for box in (state.box, boxes))
        receiver, sender = torch.broadcast_tensors(chosen.unsqueeze(2), chosen.unsqueeze(1))
        edges: Tensor = self.edge(torch.cat([now, then, receiver, sender], dim=-1))
        return edges


class Message(nn.Module):
    """ReLU of a linear map of an edge and its two nodes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.edge = nn.Linear(width, width)
        self.receiver = nn.Linear(width, width, bias=False)
        self.sender = nn.Linear(width, width, bias=False)

    def forward(self, edges: Tensor, nodes: Tensor) -> Tensor:
        """(B, N, N, W) edges, mapped by `edge`, and (B, N, W) nodes to (B, N, N, W): entry [i, j] goes from j to i."""
        return torch.relu(edges + self.receiver(nodes).unsqueeze(2) + self.sender(nodes).unsqueeze(1))


MODEL = StowGNN
