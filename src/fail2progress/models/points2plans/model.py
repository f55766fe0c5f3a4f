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

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from fail2progress.core.relations import BINARY, UNARY
from fail2progress.core.vocabulary import Vocabulary
from fail2progress.models.base import (
    Action,
    Considered,
    Effect,
    Falls,
    LatentState,
    RelationLogits,
    at_object,
)
from fail2progress.models.config import ModelConfig
from fail2progress.models.features import (
    ACTION_FEATURES,
    BOX_FEATURES,
    PAIR_FEATURES,
    box_features,
    identity_code,
    pair_features,
    translation,
    turn,
)
from fail2progress.models.handing_on import HandedOn, decided, fixed_start, spread, whole
from fail2progress.models.layers import PairDecoder, attended, mlp, pairs_of, zero
from fail2progress.models.pointconv.encoder import WIDTH
from fail2progress.models.pointconv.model import PointConvModel
from fail2progress.models.points2plans.falling import Falling, fallen, left_at, pushes
from fail2progress.models.points2plans.stopping import Stopping
from fail2progress.models.points2plans.tipping import Tipping, quarter_turn, rest
from fail2progress.models.points2plans.yielding import Yielding
from fail2progress.models.riding import none_or_all, turned_about

_OBEYS = 4.0
"""Logit with which, before anything is learnt, the object of a skill follows the command and everything else does not."""


@dataclass(frozen=True)
class Points2PlansConfig(ModelConfig):
    """Sizes of A.11.2; `feedforward` is 2048 in the reference code, 512 serves as well at a quarter of the time."""

    relational: bool = False
    code: int = 128
    identity: int = 128
    layers: int = 2
    heads: int = 2
    feedforward: int = 512
    hidden: int = 64

    largest: ClassVar[Mapping[str, int]] = {
        "code": WIDTH,
        "identity": 1024,
        "layers": 32,
        "heads": 32,
        "feedforward": 8192,
        "hidden": 2048,
    }

    def check(self) -> None:
        """See ModelConfig."""
        super().check()
        if self.code != WIDTH or self.identity % 2 or (self.code + self.identity) % self.heads:
            found = f"code = {self.code}, identity = {self.identity}, heads = {self.heads}"
            raise ValueError(f"{found}: code must be {WIDTH}, identity even, and heads divide their sum")


class Points2Plans(PointConvModel):
    """Encoder, identity codes, per-skill action codes, delta dynamics, and position, unary and binary decoders."""

    name = "points2plans"
    summary = "transformer over segment tokens (paper A.11), plain or with relations in the dynamics"
    Config = Points2PlansConfig
    variants: ClassVar[Mapping[str, ModelConfig]] = {
        "relational": Points2PlansConfig(relational=True),
        "plain": Points2PlansConfig(relational=False),
    }
    config: Points2PlansConfig

    def __init__(self, config: Points2PlansConfig = Points2PlansConfig(), vocabulary: Vocabulary | None = None) -> None:
        super().__init__(config, vocabulary)
        width = config.code + config.identity
        skills = len(self.vocabulary.skills)
        self.box = mlp(BOX_FEATURES, config.code, config.code)
        self.action = nn.ModuleList([mlp(ACTION_FEATURES, 128, config.code) for _ in range(skills)])
        self.binding = nn.Linear(config.code, width)
        layer = nn.TransformerEncoderLayer(
            width, config.heads, config.feedforward, dropout=0.0, batch_first=True, norm_first=True
        )
        self.dynamics = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.delta = nn.Linear(width, width)
        self.position = mlp(width, config.hidden, config.hidden, 3)
        self.unary = mlp(width, config.hidden, len(UNARY))
        self.binary = PairDecoder(width, config.hidden, PAIR_FEATURES if config.relational else 0)
        if config.relational:
            self.messages = RelationMessages(config.code, width, skills)
            self.gate = nn.Linear(width, 1)
            self.correction = nn.Linear(width, width)
            zero(self.gate)
            zero(self.correction)
            zero(self.position[-1])
            self.handed_on = HandedOn(skills)
            self.tipping = Tipping(skills)
            self.falling = Falling(skills)
            self.stopping = Stopping(skills)
            self.yielding = Yielding(skills)
        with fixed_start(2):
            self.growth = mlp(width, config.hidden, 3)
        zero(self.growth[-1])

    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        """See SkillEffectModel."""
        shape = code + self.box(box_features(box))
        tokens = torch.cat([shape, identity_code(ids, self.config.identity)], dim=-1)
        return LatentState(code, box, ids, mask, tokens)

    def detect(self, state: LatentState) -> RelationLogits:
        """See SkillEffectModel."""
        return self._decode(state.tokens, state)

    def considered(self, state: LatentState, action: Action) -> Considered:
        """See SkillEffectModel."""
        command = self.command_codes(self.action, action)
        tokens = self._bound(state, action, command)
        sequence = torch.cat([tokens, self._skill_token(state, action, command).unsqueeze(1)], dim=1)
        present = torch.cat([state.mask, torch.ones_like(state.mask[:, :1])], dim=1)
        hidden = attended(self.dynamics, sequence, present)[:, :-1]
        return Considered(hidden, self.delta(hidden), self.detect(state) if self.config.relational else None)

    def predict(self, state: LatentState, action: Action, considered: Considered | None = None) -> Effect:
        """See SkillEffectModel."""
        known = considered or self.considered(state, action)
        displacement, growth, falls = self._motion(state, action, known.change, known.detected)
        moved = self.embed(state.code, _moved(state.box, displacement, growth), state.ids, state.mask)
        change = self.correction(known.hidden) if self.config.relational else known.change
        latent = (moved if self.config.relational else state).tokens + change
        relations = self._decode(latent, moved)
        relations = relations if falls is None else fallen(relations, moved.box, falls.share)
        return Effect(displacement, relations, latent, moved, growth, known.detected, falls)

    def adapters(self) -> dict[str, list[nn.Parameter]]:
        """See SkillEffectModel: what relations say about motion; the small networks for it and for growing boxes; yielding.py."""
        if not self.config.relational:
            return {"networks": list(self.growth.parameters())}
        return {
            "relations": [self.messages.along, self.handed_on.by_relation, *self.falling.parameters(), self.stopping.strength],
            "networks": [weight for part in self._effects() for weight in part.parameters()],
            "neighbours": list(self.yielding.parameters()),
        }

    def _effects(self) -> list[nn.Module]:
        """The small networks that say what a shift cannot."""
        return [self.handed_on.by_motion, self.tipping, self.growth]

    def _decode(self, tokens: Tensor, state: LatentState) -> RelationLogits:
        """In training pairs that count for nothing are left out: those with padding and of things with themselves."""
        return RelationLogits(self.binary(tokens, state.box, state.mask if self.training else None), self.unary(tokens))

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

    def _displacement(self, state: LatentState, change: Tensor, action: Action, detected: RelationLogits | None) -> Tensor:
        residual: Tensor = self.position(change)
        if detected is None:
            return residual
        chosen = torch.nn.functional.one_hot(action.object, change.shape[1]).to(change.dtype).unsqueeze(-1)
        relations, skill = detected.binary, self.own_skills(action)
        along = self.messages.moves_along(skill, action.object, relations) * (1 - chosen)
        share = torch.sigmoid(self.gate(change) + along + _OBEYS * (2 * chosen - 1))
        command = translation(action.skill, action.parameters)
        own = residual + share * command.unsqueeze(1)
        if self.handed_on.idle:
            return own
        takes = pairs_of(state.mask) & (chosen < 0.5)
        shares = whole(self.handed_on(state.box, decided(relations.detach()), skill, command, takes))
        angle = turn(action.skill, action.parameters)
        if not angle.any():
            return spread(own, shares, takes)
        # How much of the turn each takes over is handed on as motion is: what is in a cup on a turned board goes round with both.
        moved = spread(torch.cat([own, torch.maximum(share, chosen)], dim=-1), shares, takes)
        return moved[..., :3] + none_or_all(moved[..., 3:]) * turned_about(state.box, action.object, angle)

    def _motion(
        self, state: LatentState, action: Action, change: Tensor, detected: RelationLogits | None
    ) -> tuple[Tensor, Tensor, Falls | None]:
        """(B, N, 3) displacement and growth, with what falls over its leading edge and what then falls down; what falls, None of
        a model that has not learnt that."""
        own: Tensor = self._displacement(state, change, action, detected)
        growth: Tensor = self.growth(change)
        if detected is not None and not self.yielding.idle:
            own, growth = self._yielded(state, action, detected, own, growth)
        command, skill = translation(action.skill, action.parameters), self.own_skills(action)
        if detected is not None and not self.stopping.idle:
            own = self.stopping(state.box, state.mask, detected, skill, command, own)
        if detected is None or (self.tipping.idle and self.falling.idle):
            return own, growth, None
        tips = self.tipping(state.box, skill, command, own).unsqueeze(-1)
        shift, grown = quarter_turn(state.box, command)
        going = own.norm(dim=-1) * torch.sigmoid(detected.unary[..., UNARY.index("movable")])
        # Half a turn is no place to fall from: what more likely tips than not is taken to lie.
        lies = (tips > 0.5).to(tips.dtype)
        left = left_at(own, command)
        end, pushed = _moved(state.box, left + lies * shift, growth + lies * grown), pushes(command)
        falls, down = self.falling(end, state.mask, skill, going, pushed, left[..., 2])
        share = falls.share.unsqueeze(-1)
        known = torch.maximum(share, self.falling.learnt(skill, pushed).unsqueeze(-1))
        stood = _moved(state.box, own, growth).detach()
        shift = shift + rest(stood, tips.squeeze(-1), state.mask, command)
        return own + tips * shift + known * (left - own) + share * down, growth + tips * grown, falls

    def _yielded(
        self, state: LatentState, action: Action, detected: RelationLogits, own: Tensor, growth: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, N, 3) displacement and growth, with what all but the skill's object do when a neighbour goes."""
        chosen = torch.nn.functional.one_hot(action.object, state.mask.shape[1]).bool()
        pairs = pairs_of(state.mask) & ~chosen.unsqueeze(-1)
        believed = torch.sigmoid(detected.binary.detach())
        shift, grown = self.yielding(state.box, believed, self.own_skills(action), own, pairs)
        return own + shift, growth + grown


def _moved(box: Tensor, displacement: Tensor, growth: Tensor) -> Tensor:
    """(B, N, 2, 3) boxes shifted and grown about their middle."""
    return box + displacement.unsqueeze(-2) + torch.stack([-growth, growth], dim=-2) / 2


class RelationMessages(nn.Module):
    """What the segments tell each other about the one that is acted on.

    The geometry of each segment to it, where it is and where the command would put it, goes both ways. `along` (skills, 9) is how
    much each detected relation to it says about moving along with it; zero until fine-tuning.
    """

    def __init__(self, code: int, width: int, skills: int) -> None:
        super().__init__()
        self.along = nn.Parameter(torch.zeros(skills, len(BINARY)))
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

    def moves_along(self, skill: Tensor, moved: Tensor, relations: Tensor) -> Tensor:
        """(B, N, 1) added to the gate: sum_k P_k(i, moved) along_k, P as decided; relations (B, N, N, 9) are logits."""
        believed = decided(relations[torch.arange(len(relations)), :, moved])
        return (believed * self.along[skill].unsqueeze(1)).sum(dim=-1, keepdim=True)


MODEL = Points2Plans
