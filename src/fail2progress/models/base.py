"""Skill effect models gamma = Dec(Dyn(Enc(O), phi(a))) (paper A.11), over batches of scenes.

Shape codes see each segment in its own centred frame, and its box is embedded beside them. A rigid shift of a segment therefore
needs no second encoding, which is what planning over thousands of candidates and SVGD over poses live on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from fail2progress.models.neighbours import Neighbours


@dataclass(frozen=True)
class LatentState:
    """X_t for B scenes of up to N segments.

    code: (B, N, C) shape codes. box: (B, N, 2, 3) low and high corners of the segments' points, metres, planning frame.
    ids: (B, N) integer identities. mask: (B, N) which entries are segments. tokens: (B, N, 2 C) latent states X^i.
    """

    code: Tensor
    box: Tensor
    ids: Tensor
    mask: Tensor
    tokens: Tensor

    def expand(self, count: int) -> LatentState:
        """One scene (B = 1) repeated for `count` candidates, without copying."""
        return LatentState(*(value.expand(count, *value.shape[1:]) for value in self._values()))

    def take(self, rows: Tensor) -> LatentState:
        """Some of the scenes."""
        return LatentState(*(value[rows] for value in self._values()))

    def _values(self) -> tuple[Tensor, ...]:
        return self.code, self.box, self.ids, self.mask, self.tokens


@dataclass(frozen=True)
class Action:
    """phi(a) for B scenes: skill (B,) index into SKILLS, object (B,) index of the segment, parameters (B, 4) padded."""

    skill: Tensor
    object: Tensor
    parameters: Tensor

    def expand(self, count: int) -> Action:
        """One action for `count` scenes."""
        return Action(self.skill.expand(count), self.object.expand(count), self.parameters.expand(count, -1))


@dataclass(frozen=True)
class RelationLogits:
    """Logits of the binary (B, N, N, 9) and unary (B, N, 3) relations."""

    binary: Tensor
    unary: Tensor


@dataclass(frozen=True)
class Effect:
    """What a skill does: (B, N, 3) displacements in metres, the relations that follow, and the next state.

    `latent` is X' = X + dX, from which the relations are decoded; `state` has the boxes moved and embedded again. `growth`
    (B, N, 3): by how many metres the extents of each box grow, as those of what turns or tips do; None where a model cannot say.
    """

    displacement: Tensor
    relations: RelationLogits
    latent: Tensor
    state: LatentState
    growth: Tensor | None = None


class SkillEffectModel(nn.Module, ABC):
    """What planning, monitoring and learning need of a skill effect model."""

    name: str

    @abstractmethod
    def encode(self, points: Tensor, neighbours: Neighbours) -> Tensor:
        """(S, P, 3) centred clouds in metres to (S, C) shape codes."""

    @abstractmethod
    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        """Codes, boxes and identities to a latent state."""

    @abstractmethod
    def detect(self, state: LatentState) -> RelationLogits:
        """The relations that hold now: gamma without an action."""

    @abstractmethod
    def predict(self, state: LatentState, action: Action) -> Effect:
        """One skill ahead."""

    @abstractmethod
    def pretrained_parameters(self) -> list[nn.Parameter]:
        """What pre-training adjusts."""

    @abstractmethod
    def finetuned_parameters(self) -> list[nn.Parameter]:
        """What fine-tuning adjusts: everything but the shape encoder, so that shape codes can be computed once."""

    def adapters(self) -> dict[str, list[nn.Parameter]]:
        """Groups of what pre-training leaves without effect and fine-tuning adjusts first, the fewest weights first.

        Checkpoints may lack them: they then are what a new model has.
        """
        return {}

    def adapter_parameters(self) -> list[nn.Parameter]:
        """All groups of adapters together."""
        return [parameter for group in self.adapters().values() for parameter in group]

    def rollout(self, state: LatentState, actions: list[Action]) -> list[Effect]:
        """gamma_H o ... o gamma_1: the effect of every skill of a sequence."""
        effects = []
        for action in actions:
            effects.append(self.predict(state, action))
            state = effects[-1].state
        return effects

    def shifted(self, state: LatentState, offsets: Tensor) -> LatentState:
        """xi(s) O: every segment moved by (B, N, 3) metres, embedded again; differentiable in the offsets."""
        return self.embed(state.code, state.box + offsets.unsqueeze(-2), state.ids, state.mask)


def at_object(values: Tensor, index: Tensor) -> Tensor:
    """(B, N, ...) to (B, ...): the row of each scene's object."""
    return values[torch.arange(len(values)), index]


def with_tokens(state: LatentState, tokens: Tensor) -> LatentState:
    """The same segments with other latent states."""
    return replace(state, tokens=tokens)
