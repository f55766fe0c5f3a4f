"""Skill effect models gamma = Dec(Dyn(Enc(O), phi(a))) (paper A.11), over batches of scenes.

Shape codes see each segment in its own centred frame, and its box is embedded beside them. A rigid shift of a segment therefore
needs no second encoding, which is what planning over thousands of candidates and SVGD over poses live on.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import ClassVar

import torch
from torch import Tensor, nn

from fail2progress.core.vocabulary import Vocabulary, VocabularyError
from fail2progress.models.config import ModelConfig
from fail2progress.models.features import action_features
from fail2progress.skills.vocabulary import current


class Capability(str, Enum):
    """What a model can do; others look at it and say what they use instead."""

    RELATIONS = "predicts relations"
    DISPLACEMENT = "predicts displacement"
    """Otherwise the motion that relations imply is expected (`models.implied`)."""
    LATENT = "predicts latent state"
    """Otherwise there is no latent loss."""
    GRADIENT = "has gradient"
    """Of its relations with regard to positions and parameters; otherwise particles are drawn by rejection sampling."""


ALL = frozenset(Capability)


@dataclass(frozen=True)
class RelationLogits:
    """Logits of the binary (B, N, N, 9) and unary (B, N, 3) relations."""

    binary: Tensor
    unary: Tensor

    def expand(self, count: int) -> RelationLogits:
        """One scene (B = 1) repeated, without copying."""
        return RelationLogits(*(value.expand(count, *value.shape[1:]) for value in (self.binary, self.unary)))

    def take(self, rows: Tensor) -> RelationLogits:
        """Some of the scenes."""
        return RelationLogits(self.binary[rows], self.unary[rows])


@dataclass(frozen=True)
class LatentState:
    """X_t for B scenes of up to N segments.

    code: (B, N, C) shape codes. box: (B, N, 2, 3) low and high corners of the segments' points, metres, planning frame.
    ids: (B, N) integer identities. mask: (B, N) which entries are segments. tokens: (B, N, W) latent states X^i.
    relations: what an earlier prediction said of this state, kept by models that chain relations; otherwise None.
    """

    code: Tensor
    box: Tensor
    ids: Tensor
    mask: Tensor
    tokens: Tensor
    relations: RelationLogits | None = None

    def expand(self, count: int) -> LatentState:
        """One scene (B = 1) repeated for `count` candidates, without copying."""
        relations = self.relations.expand(count) if self.relations is not None else None
        code, box, ids, mask, tokens = (value.expand(count, *value.shape[1:]) for value in self._values())
        return LatentState(code, box, ids, mask, tokens, relations)

    def take(self, rows: Tensor) -> LatentState:
        """Some of the scenes."""
        relations = self.relations.take(rows) if self.relations is not None else None
        code, box, ids, mask, tokens = (value[rows] for value in self._values())
        return LatentState(code, box, ids, mask, tokens, relations)

    def _values(self) -> tuple[Tensor, ...]:
        return self.code, self.box, self.ids, self.mask, self.tokens


@dataclass(frozen=True)
class Action:
    """phi(a) for B scenes: skill (B,) in the current vocabulary, object (B,) row of the segment, parameters (B, n) padded."""

    skill: Tensor
    object: Tensor
    parameters: Tensor

    def expand(self, count: int) -> Action:
        """One action for `count` scenes."""
        return Action(self.skill.expand(count), self.object.expand(count), self.parameters.expand(count, -1))


@dataclass(frozen=True)
class Falls:
    """What loses its support, of B scenes of N segments.

    share (B, N): how far each falls, from 0 to 1. short (B, N): metres by which its middle is beyond where things begin to fall,
    negative where it stays. half (B, N): metres of motion upwards below which it has fallen and not stayed. open (B, N): which
    ones move and can fall, since what is under them otherwise lies lower.
    """

    share: Tensor
    short: Tensor
    half: Tensor
    open: Tensor


@dataclass(frozen=True)
class Effect:
    """What a skill does: the relations that follow, and the next state.

    `displacement` is (B, N, 3) metres, None of a model that does not predict it. `latent` is X' (B, N, W), from which relations
    are decoded, None of a model that has none. `state` has the boxes where they are expected to be, whatever says so. `growth`
    (B, N, 3): by how many metres the extents of each box grow, as those of what turns or tips do; None where a model cannot say.
    `detected`: the relations before the skill, of a model that works them out on the way. `falls`: of a model that has learnt of
    falls.
    """

    displacement: Tensor | None
    relations: RelationLogits
    latent: Tensor | None
    state: LatentState
    growth: Tensor | None = None
    detected: RelationLogits | None = None
    falls: Falls | None = None


@dataclass(frozen=True)
class Considered:
    """What a model works out on the way to an effect before its adapters have a part in it: (B, N, W) hidden features of the
    segments and their change, and the relations before the skill."""

    hidden: Tensor
    change: Tensor
    detected: RelationLogits | None


def expected_motion(before: LatentState, effect: Effect) -> Tensor:
    """(B, N, 3) metres by which every segment is expected to move: the displacement, or else how far its box is moved."""
    if effect.displacement is not None:
        return effect.displacement
    return (effect.state.box - before.box).mean(dim=-2)


class SkillEffectModel(nn.Module, ABC):
    """What planning, monitoring and learning need of a skill effect model.

    A model is registered by its class (`models.registry`): name, class of its configuration, named configurations of it, and what
    it can do. It numbers skills by a vocabulary of its own; calls come in the numbers of `skills.vocabulary.current`.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    Config: ClassVar[type[ModelConfig]] = ModelConfig
    variants: ClassVar[Mapping[str, ModelConfig]] = {}
    """Named configurations; the first one is the default."""
    capabilities: ClassVar[frozenset[Capability]] = ALL

    def __init__(self, config: ModelConfig | None = None, vocabulary: Vocabulary | None = None) -> None:
        super().__init__()
        self.config = config if config is not None else self.Config()
        self.vocabulary = vocabulary if vocabulary is not None else current()

    @classmethod
    def from_config(cls, config: ModelConfig, vocabulary: Vocabulary) -> SkillEffectModel:
        """An untrained model."""
        return cls(config, vocabulary)

    def prepare(self, points: Tensor) -> dict[str, Tensor]:
        """What the encoder needs of (S, P, 3) centred clouds beside the points; training computes it once. S rows each."""
        return {}

    def prepare_thinned(self, points: Tensor) -> dict[str, Tensor]:
        """The same for rougher codes that cost less, for the first epochs of a training. Default: the same codes."""
        return self.prepare(points)

    @abstractmethod
    def encode(self, points: Tensor, prepared: Mapping[str, Tensor]) -> Tensor:
        """(S, P, 3) centred clouds in metres, with what `prepare` gave for them, to (S, C) shape codes."""

    @abstractmethod
    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        """Codes, boxes and identities to a latent state."""

    @abstractmethod
    def detect(self, state: LatentState) -> RelationLogits:
        """The relations that hold now: gamma without an action."""

    def considered(self, state: LatentState, action: Action) -> Considered | None:
        """What of a prediction no adapter has a part in: training of adapters alone works it out beforehand, without gradients.
        Default: nothing."""
        return None

    @abstractmethod
    def predict(self, state: LatentState, action: Action, considered: Considered | None = None) -> Effect:
        """One skill ahead. `considered`: what the method of that name gave for these, where it has been called."""

    @abstractmethod
    def pretrained_parameters(self) -> list[nn.Parameter]:
        """What pre-training adjusts."""

    @abstractmethod
    def finetuned_parameters(self) -> list[nn.Parameter]:
        """What fine-tuning adjusts: everything but the shape encoder, so that shape codes can be computed once."""

    def encoder_digest(self) -> str:
        """SHA-256 of the shape encoder's weights: models with the same encode clouds alike."""
        tuned, digest = {id(parameter) for parameter in self.finetuned_parameters()}, hashlib.sha256()
        for name, parameter in self.named_parameters():
            if id(parameter) not in tuned:
                digest.update(name.encode() + parameter.detach().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def take_encoder(self, other: SkillEffectModel) -> None:
        """Take the shape encoder of another model over, as it is. ValueError where the two have none in common."""
        raise ValueError(f"{self.name} cannot take the shape encoder of {other.name}")

    def own_skills(self, action: Action) -> Tensor:
        """(B,) the skills by the numbers of the model's own vocabulary. VocabularyError for one that it was not trained with."""
        known, mine = current().names, self.vocabulary.names
        own = torch.tensor([mine.index(name) if name in mine else -1 for name in known])[action.skill]
        if bool((own < 0).any()):
            name = known[int(action.skill[own < 0][0])]
            raise VocabularyError(
                f"{self.name} was not trained with the skill {name!r}; it knows: {', '.join(mine)}. Weights that know it "
                "are made by fail2progress generate and train, where its package is installed"
            )
        return own

    def command_codes(self, networks: nn.ModuleList, action: Action) -> Tensor:
        """(B, C) MLP_para(a): the skills' parameters, coded by one network for each skill of the model's own vocabulary."""
        features = action_features(action.skill, action.parameters)
        codes = torch.stack([network(features) for network in networks], dim=1)
        return at_object(codes, self.own_skills(action))

    def adapters(self) -> dict[str, list[nn.Parameter]]:
        """Groups of what pre-training leaves without effect and fine-tuning adjusts first, the fewest weights first.

        Those of "relations" have a row for every skill of the model's vocabulary, which executions of other skills do not use.
        Checkpoints may lack them: they then are what a new model has.
        """
        return {}

    def adapter_parameters(self) -> list[nn.Parameter]:
        """All groups of adapters together."""
        return [parameter for group in self.adapters().values() for parameter in group]

    def shifted(self, state: LatentState, offsets: Tensor) -> LatentState:
        """xi(s) O: every segment moved by (B, N, 3) metres, embedded again; differentiable in the offsets."""
        return self.embed(state.code, state.box + offsets.unsqueeze(-2), state.ids, state.mask)


def at_object(values: Tensor, index: Tensor) -> Tensor:
    """(B, N, ...) to (B, ...): the row of each scene's object."""
    return values[torch.arange(len(values)), index]


def with_tokens(state: LatentState, tokens: Tensor) -> LatentState:
    """The same segments with other latent states."""
    return replace(state, tokens=tokens)
