"""A base for models whose shape codes come from PointConv: neighbourhoods prepared once, an encoder that others can take over."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from fail2progress.core.vocabulary import Vocabulary
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.config import ModelConfig
from fail2progress.models.pointconv.encoder import PointConvEncoder
from fail2progress.models.pointconv.neighbours import Neighbours, neighbours


class PointConvModel(SkillEffectModel):
    """Everything but the encoder is adjusted by fine-tuning."""

    def __init__(self, config: ModelConfig | None = None, vocabulary: Vocabulary | None = None) -> None:
        super().__init__(config, vocabulary)
        self.encoder = PointConvEncoder()

    def prepare(self, points: Tensor) -> dict[str, Tensor]:
        """See SkillEffectModel: the neighbours of every point (`pointconv.neighbours.Neighbours`)."""
        return {key: value for key, value in vars(neighbours(points)).items() if value is not None}

    def encode(self, points: Tensor, prepared: Mapping[str, Tensor]) -> Tensor:
        """See SkillEffectModel."""
        code: Tensor = self.encoder(points, Neighbours(**prepared))
        return code

    def take_encoder(self, other: SkillEffectModel) -> None:
        """See SkillEffectModel."""
        if not isinstance(other, PointConvModel):
            super().take_encoder(other)
        else:
            self.encoder.load_state_dict(other.encoder.state_dict())

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """See SkillEffectModel."""
        fresh = {id(parameter) for parameter in self.adapter_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in fresh]

    def finetuned_parameters(self) -> list[nn.Parameter]:
        """See SkillEffectModel."""
        fixed = {id(parameter) for parameter in self.encoder.parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in fixed]
