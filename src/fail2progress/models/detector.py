"""The relation detector of a skill effect model: gamma without an action."""

from __future__ import annotations

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.combination import combination_for
from fail2progress.models.prediction import Belief, detect, encode_observation
from fail2progress.perception.relations.base import RelationDetector
from fail2progress.perception.relations.registry import GEOMETRIC, relation_detector


class LearnedDetector(RelationDetector):
    """Detects with a model. The last observation stays encoded, so that who plans from it need not encode it again."""

    name = "learned"

    def __init__(self, model: SkillEffectModel, digest: str) -> None:
        self.model, self.digest = model, digest
        self._last: tuple[SegmentedCloud, Belief] | None = None

    @classmethod
    def for_model(cls, model: object, digest: str) -> LearnedDetector:
        """See RelationDetector."""
        if not isinstance(model, SkillEffectModel):
            raise ValueError("it needs a skill effect model")
        return cls(model, digest)

    @property
    def source(self) -> str:
        """The model's digest."""
        return self.digest

    def encode(self, cloud: SegmentedCloud) -> Belief:
        """The latent state of an observation; computed once for the last one."""
        if self._last is None or self._last[0] is not cloud:
            self._last = cloud, encode_observation(self.model, cloud)
        return self._last[1]

    def encoded(self, model: object, cloud: SegmentedCloud) -> Belief | None:
        """See RelationDetector."""
        return self.encode(cloud) if model is self.model else None

    def detect(self, cloud: SegmentedCloud) -> RelationState:
        """See RelationDetector."""
        return detect(self.model, self.encode(cloud))


class CombinedDetector(LearnedDetector):
    """The model and geometry together, each believed as far as it was found to be right (docs/decisions/0015, 0056)."""

    name = "combined"

    def __init__(self, model: SkillEffectModel, digest: str) -> None:
        super().__init__(model, digest)
        self._geometric = relation_detector(GEOMETRIC)
        self._combination = combination_for(digest, model.name)

    @property
    def source(self) -> str:
        """Its name, and the beginning of the model's digest."""
        return f"{self.name} {self.digest[:12]}"

    def detect(self, cloud: SegmentedCloud) -> RelationState:
        """See RelationDetector."""
        return self._combination.combine(super().detect(cloud), self._geometric.detect(cloud))
