"""Relation detectors: from segments to the relations that hold between them (paper A.9)."""

from __future__ import annotations

from abc import ABC, abstractmethod

from fail2progress.core.observation import Observation, SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.perception.segmentation.base import Perceived


class RelationDetector(ABC):
    """Says which relations hold. Nodes, planner, monitor and commands choose one by name."""

    name: str
    """By which it is registered."""

    @classmethod
    def for_model(cls, model: object, digest: str) -> RelationDetector:
        """The detector to use beside a skill effect model (None where there is none); ValueError where it needs another."""
        return cls()

    @property
    def source(self) -> str:
        """What observations say of who detected their relations."""
        return self.name

    @abstractmethod
    def detect(self, cloud: SegmentedCloud) -> RelationState:
        """Probabilities in [0, 1] of all relations, in the order of the cloud's segments; ValueError where nothing has points."""

    def detect_perceived(self, perceived: Perceived) -> RelationState:
        """The same from a frame with all its points, in the order of `Perceived.cloud`."""
        return self.detect(perceived.cloud())

    def encoded(self, model: object, cloud: SegmentedCloud) -> object | None:
        """The cloud in a model's latent form, where detecting has made it already; None where it has not."""
        return None

    def observe(self, cloud: SegmentedCloud) -> Observation:
        """The cloud with its relations."""
        return Observation(cloud, self.detect(cloud), self.source)
