"""A base for models whose shape codes come from PointConv: neighbourhoods prepared once, an encoder that others can take over."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from fail2progress.core.vocabulary import Vocabulary
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.config import ModelConfig
from fail2progress.models.pointconv.encoder import PointConvEncoder
from fail2progress.models.pointconv.neighbours import NEAREST_2, Neighbours, neighbours


class PointConvModel(SkillEffectModel):
    """Everything but the encoder is adjusted by fine-tuning."""

    def __init__(self, config: ModelConfig | None = None, vocabulary: Vocabulary | None = None) -> None:
        super().__init__(config, vocabulary)
        self.encoder = PointConvEncoder()

    def prepare(self, points: Tensor) -> dict[str, Tensor]:
        """See SkillEffectModel: the neighbours of every point (`pointconv.neighbours.Neighbours`)."""
        return _prepared(neighbours(points))

    def prepare_thinned(self, points: Tensor) -> dict[str, Tensor]:
        """See SkillEffectModel: half of the points are encoded."""
        return _prepared(neighbours(points, kept=max(points.shape[1] // 2, NEAREST_2)))

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


def _prepared(found: Neighbours) -> dict[str, Tensor]:
    return {key: value for key, value in vars(found).items() if value is not None}
