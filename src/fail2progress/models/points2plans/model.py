"""Points2Plans (paper A.11) in two configurations.

plain: A.11 with the changes that made it train (docs/decisions/0001): box beside a centred cloud, random identities, the action
also added to the moved object's token.
relational: detected relations and the geometry of pairs enter the dynamics and the decoders, and what moves along is a gate on
the commanded shift (docs/decisions/0002). What relations say to that gate is zero until fine-tuning, and so is what segments hand
on to each other (motion.py). X' is the state embedded again where its boxes are predicted to be, plus a correction: what rides
along keeps its relations without learning them again.
Both predict how the box of a segment grows, which says what turns or tips; zero until fine-tuning (docs/decisions/0012).
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from fail2progress.core.relations import BINARY, UNARY
from fail2progress.models.base import (
    Action,
    Effect,
    LatentState,
    RelationLogits,
    SkillEffectModel,
    at_object,
    with_tokens,
)
from fail2progress.models.neighbours import Neighbours
from fail2progress.models.points2plans.encoder import PointConvEncoder
from fail2progress.models.points2plans.features import (
    ACTION_FEATURES,
    BOX_FEATURES,
    PAIR_FEATURES,
    action_features,
    box_features,
    identity_code,
    pair_features,
    translation,
)
from fail2progress.models.points2plans.motion import HandedOn, fixed_start, spread
from fail2progress.skills.base import SKILLS

_OBEYS = 4.0
"""Logit with which, before anything is learnt, the object of a skill follows the command and everything else does not."""


@dataclass(frozen=True)
class Points2PlansConfig:
    """Sizes of A.11.2; `feedforward` is 2048 in the reference code, 512 serves as well at a quarter of the time."""

    relational: bool = False
    code: int = 128
    identity: int = 128
    layers: int = 2
    heads: int = 2
    feedforward: int = 512
    hidden: int = 64

    def to_dict(self) -> dict[str, object]:
        """For the checkpoint."""
        return asdict(self)


class Points2Plans(SkillEffectModel):
    """Encoder, identity codes, per-skill action codes, delta dynamics, and position, unary and binary decoders."""

    name = "points2plans"

    def __init__(self, config: Points2PlansConfig = Points2PlansConfig()) -> None:
        super().__init__()
        self.config = config
        width = config.code + config.identity
        self.encoder = PointConvEncoder()
        self.box = _mlp(BOX_FEATURES, config.code, config.code)
        self.action = nn.ModuleList([_mlp(ACTION_FEATURES, 128, config.code) for _ in SKILLS])
        self.binding = nn.Linear(config.code, width)
        layer = nn.TransformerEncoderLayer(
            width, config.heads, config.feedforward, dropout=0.0, batch_first=True, norm_first=True
        )
        self.dynamics = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.delta = nn.Linear(width, width)
        self.position = _mlp(width, config.hidden, config.hidden, 3)
        self.unary = _mlp(width, config.hidden, len(UNARY))
        self.binary = PairDecoder(width, config.hidden, PAIR_FEATURES if config.relational else 0)
        if config.relational:
            self.messages = RelationMessages(config.code, width)
            self.gate = nn.Linear(width, 1)
            self.correction = nn.Linear(width, width)
            _zero(self.gate)
            _zero(self.correction)
            _zero(self.position[-1])
            self.handed_on = HandedOn()
        with fixed_start(2):
            self.growth = _mlp(width, config.hidden, 3)
        _zero(self.growth[-1])

    def encode(self, points: Tensor, neighbours: Neighbours) -> Tensor:
        """See SkillEffectModel."""
        code: Tensor = self.encoder(points, neighbours)
        return code

    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        """See SkillEffectModel."""
        shape = code + self.box(box_features(box))
        tokens = torch.cat([shape, identity_code(ids, self.config.identity)], dim=-1)
        return LatentState(code, box, ids, mask, tokens)

    def detect(self, state: LatentState) -> RelationLogits:
        """See SkillEffectModel."""
        return self._decode(state.tokens, state.box)

    def predict(self, state: LatentState, action: Action) -> Effect:
        """See SkillEffectModel."""
        command = self._command(action)
        tokens = self._bound(state, action, command)
        sequence = torch.cat([tokens, self._skill_token(state, action, command).unsqueeze(1)], dim=1)
        present = torch.cat([state.mask, torch.ones_like(state.mask[:, :1])], dim=1)
        hidden: Tensor = self.dynamics(sequence, src_key_padding_mask=~present)[:, :-1]
        change = self.delta(hidden)
        displacement, growth = self._displacement(state, change, action), self.growth(change)
        sides = torch.stack([-growth, growth], dim=-2) / 2
        moved = self.embed(state.code, state.box + displacement.unsqueeze(-2) + sides, state.ids, state.mask)
        latent = moved.tokens + self.correction(hidden) if self.config.relational else state.tokens + change
        return Effect(displacement, self._decode(latent, moved.box), latent, moved, growth)

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """See SkillEffectModel."""
        fresh = {id(parameter) for parameter in self.adapter_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in fresh]

    def adapters(self) -> dict[str, list[nn.Parameter]]:
        """See SkillEffectModel: what relations say about motion; the small networks for it and for growing boxes."""
        if not self.config.relational:
            return {"networks": list(self.growth.parameters())}
        return {
            "relations": [self.messages.along, self.handed_on.by_relation],
            "networks": [*self.handed_on.by_motion.parameters(), *self.growth.parameters()],
        }

    def finetuned_parameters(self) -> list[nn.Parameter]:
        """See SkillEffectModel."""
        fixed = {id(parameter) for parameter in self.encoder.parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in fixed]

    def _decode(self, tokens: Tensor, box: Tensor) -> RelationLogits:
        return RelationLogits(self.binary(tokens, box), self.unary(tokens))

    def _command(self, action: Action) -> Tensor:
        """(B, C) MLP_para(a), one network per skill."""
        features = action_features(action.skill, action.parameters)
        codes = torch.stack([network(features) for network in self.action], dim=1)
        return at_object(codes, action.skill)

    def _bound(self, state: LatentState, action: Action, command: Tensor) -> Tensor:
        """(B, N, W) tokens with the action added to the object that it acts on, and messages where they are configured."""
        chosen = torch.nn.functional.one_hot(action.object, state.tokens.shape[1]).to(command.dtype)
        tokens: Tensor = state.tokens + chosen.unsqueeze(-1) * self.binding(command).unsqueeze(1)
        if not self.config.relational:
            return tokens
        messages: Tensor = self.messages(state, action, command, chosen)
        return tokens + messages

    def _skill_token(self, state: LatentState, action: Action, command: Tensor) -> Tensor:
        """(B, W) AL = MLP_para(a) + ID of the object."""
        identity = identity_code(at_object(state.ids, action.object), self.config.identity)
        return torch.cat([command, identity], dim=-1)

    def _displacement(self, state: LatentState, change: Tensor, action: Action) -> Tensor:
        residual: Tensor = self.position(change)
        if not self.config.relational:
            return residual
        chosen = torch.nn.functional.one_hot(action.object, change.shape[1]).to(change.dtype).unsqueeze(-1)
        relations = self.detect(state).binary
        along = self.messages.moves_along(action, relations)
        share = torch.sigmoid(self.gate(change) + along + _OBEYS * (2 * chosen - 1))
        command = translation(action.skill, action.parameters)
        own = residual + share * command.unsqueeze(1)
        if self.handed_on.idle:
            return own
        present = state.mask.unsqueeze(1) & state.mask.unsqueeze(2) & ~torch.eye(state.mask.shape[1], dtype=torch.bool)
        takes = present & (chosen < 0.5)
        shares = self.handed_on(state.box, torch.sigmoid(relations.detach()), action.skill, command, takes)
        return spread(own, shares, takes)


class PairDecoder(nn.Module):
    """Dec_b: (X^i, X^j), and the geometry of the pair where configured, to 9 logits; three layers."""

    def __init__(self, width: int, hidden: int, geometry: int) -> None:
        super().__init__()
        self.subject = nn.Linear(width, hidden)
        self.other = nn.Linear(width, hidden, bias=False)
        self.geometry = nn.Linear(geometry, hidden, bias=False) if geometry else None
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, len(BINARY)))

    def forward(self, tokens: Tensor, box: Tensor) -> Tensor:
        """(B, N, W) tokens and (B, N, 2, 3) boxes to (B, N, N, 9): entry [i, j] is about "i is k of j"."""
        first = self.subject(tokens).unsqueeze(2) + self.other(tokens).unsqueeze(1)
        if self.geometry is not None:
            first = first + self.geometry(pair_features(box.unsqueeze(2), box.unsqueeze(1)))
        logits: Tensor = self.rest(first)
        return logits


class RelationMessages(nn.Module):
    """What the segments tell each other about the one that is acted on.

    The geometry of each segment to it, where it is and where the command would put it, goes both ways. `along` (skills, 9) is how
    much each detected relation to it says about moving along with it; zero until fine-tuning.
    """

    def __init__(self, code: int, width: int) -> None:
        super().__init__()
        self.along = nn.Parameter(torch.zeros(len(SKILLS), len(BINARY)))
        self.geometry = nn.Linear(2 * PAIR_FEATURES + code, 128)
        self.to_each = nn.Sequential(nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, width))
        self.to_moved = nn.Sequential(nn.ReLU(), nn.Linear(128, 128), nn.ReLU())
        self.moved = nn.Linear(128, width)

    def forward(self, state: LatentState, action: Action, command: Tensor, chosen: Tensor) -> Tensor:
        """(B, N, W) additions to the tokens; `command` (B, C) is the action's code, `chosen` (B, N) one-hot of its object."""
        here = at_object(state.box, action.object).unsqueeze(1)
        there = here + translation(action.skill, action.parameters)[:, None, None]
        pairs = torch.cat([pair_features(state.box, here), pair_features(state.box, there)], dim=-1)
        hidden = self.geometry(torch.cat([pairs, command.unsqueeze(1).expand(-1, pairs.shape[1], -1)], dim=-1))
        gathered = self.to_moved(hidden).masked_fill(~state.mask.unsqueeze(-1), 0.0).amax(dim=1)
        other = state.mask.to(command.dtype).unsqueeze(-1) * (1.0 - chosen.unsqueeze(-1))
        mixed: Tensor = other * self.to_each(hidden) + chosen.unsqueeze(-1) * self.moved(gathered).unsqueeze(1)
        return mixed

    def moves_along(self, action: Action, relations: Tensor) -> Tensor:
        """(B, N, 1) added to the gate: sum_k sigmoid(R_k(i, moved)) along_k; relations (B, N, N, 9) are logits."""
        believed = torch.sigmoid(relations[torch.arange(len(relations)), :, action.object])
        return (believed * self.along[action.skill].unsqueeze(1)).sum(dim=-1, keepdim=True)


def _zero(layer: nn.Module) -> None:
    """Start a linear layer at zero, so that what it adds to is undisturbed at first."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _mlp(*sizes: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.ReLU()] if i else []
        layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers)


def latent_tokens(effect: Effect) -> LatentState:
    """The predicted state with X' in place of the embedded boxes: the paper's purely latent rollout."""
    return with_tokens(effect.state, effect.latent)
