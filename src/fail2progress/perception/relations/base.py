"""Relation detectors: from segments to the relations that hold between them (paper A.9)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from fail2progress.core.objects import is_container
from fail2progress.core.observation import Observation, SegmentedCloud
from fail2progress.core.parts import PartError, guarded, told_part
from fail2progress.core.relations import BINARY, RelationState
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
        """What this detector believes: probabilities in [0, 1] of all relations, in the order of the cloud's segments; ValueError
        where nothing has points. Those who use it ask `observe` or `perceived`, which look at what it gives."""

    def detect_perceived(self, perceived: Perceived) -> RelationState:
        """The same from a frame with all its points, in the order of `Perceived.cloud`. Nothing is inside what has no measured
        cavity, where that was looked for."""
        hollow = [part.hollow for part in (*perceived.surfaces, *perceived.segments)]
        cloud = perceived.cloud()
        return only_in_hollow(checked(self, lambda: self.detect(cloud), cloud.names), hollow)

    def perceived(self, frame: Perceived) -> RelationState:
        """`detect_perceived`, looked at; see `checked`."""
        return checked(self, lambda: self.detect_perceived(frame), tuple(p.id for p in (*frame.surfaces, *frame.segments)))

    def encoded(self, model: object, cloud: SegmentedCloud) -> object | None:
        """The cloud in a model's latent form, where detecting has made it already; None where it has not."""
        return None

    def observe(self, cloud: SegmentedCloud) -> Observation:
        """The cloud with its relations. Nothing is inside what is no container, whatever a detector believes."""
        containers = [is_container(category) for category in cloud.categories]
        return Observation(cloud, only_in_hollow(checked(self, lambda: self.detect(cloud), cloud.names), containers), self.source)


def checked(detector: RelationDetector, ask: Callable[[], RelationState], names: tuple[str, ...]) -> RelationState:
    """What a detector says when it is asked, looked at: comparisons with NaN are false without a word. PartError, which names the
    detector, where it raises, or gives no relations of the segments of these names in their order."""
    with guarded("relation detector", detector, detector.name):
        state: object = ask()
    told = told_part("relation detector", detector, detector.name)
    if not isinstance(state, RelationState):
        raise PartError(f"{told} gave {type(state).__name__}, it must give a RelationState")
    if tuple(state.names) != names:
        raise PartError(
            f"{told} gave relations of {', '.join(state.names) or 'nothing'}; they must be of the segments that it sees, "
            f"in their order: {', '.join(names)}"
        )
    return state


def only_in_hollow(state: RelationState, hollow: Sequence[bool]) -> RelationState:
    """The state with nothing inside what is not hollow; hollow: one for each of its objects."""
    binary = np.asarray(state.binary, float).copy()
    binary[:, ~np.asarray(hollow, bool), BINARY.index("inside")] = 0.0
    return RelationState(state.names, binary, state.unary)
