"""The fused segmenter: things of the network, joined and judged by geometry, on surfaces of geometry."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.segmentation.base import Segmenter, SegmenterOptions
from fail2progress.perception.segmentation.fused.guide import FusedGuide, FuseRules
from fail2progress.perception.segmentation.fused.joining import JoinRules
from fail2progress.perception.segmentation.fused.odds import join_rules
from fail2progress.perception.segmentation.geometric.guide import Guide
from fail2progress.perception.segmentation.geometric.regions import Window
from fail2progress.perception.segmentation.learned.guide import GuideRules
from fail2progress.perception.segmentation.learned.instances import Seen, VoteRules
from fail2progress.perception.segmentation.learned.model import SegmentModel, grainy, load_model
from fail2progress.perception.segmentation.learned.segmenter import LearnedOptions, LearnedSegmenter, seen_through


def _grainy_joins() -> JoinRules:
    return replace(join_rules(grainy()), least=math.log(6))


@dataclass(frozen=True)
class GrainyRules:
    """How far the network for depth whose noise is each pixel's own is believed, and when its things are joined. It was trained
    on many more images of its kind than the other: less of what it sees is judged by where that is (docs/decisions/0142)."""

    joins: JoinRules = field(default_factory=_grainy_joins)
    fusing: FuseRules = FuseRules(sure=0.6, object=0.3, certain=0.8, coherent=0.6, outside=1.0, over=0.0)  # noqa: RUF009 (frozen)


@dataclass(frozen=True)
class FusedSegmenter(LearnedSegmenter):
    """What the network sees as things, and geometry as one thing each. Deterministic."""

    name = "fused"
    join_rules: JoinRules = field(default_factory=join_rules)
    fuse_rules: FuseRules = field(default_factory=FuseRules)
    grainy_rules: GrainyRules = field(default_factory=GrainyRules)

    @classmethod
    def from_options(cls, options: SegmenterOptions) -> Segmenter:
        """See Segmenter. PerceptionError where the weights, or the odds beside them, cannot be read."""
        assert isinstance(options, LearnedOptions)
        if options.weights is None:
            return cls()
        return cls(model=load_model(options.weights), grainy=None, join_rules=join_rules(options.weights))

    def for_grainy(self, model: SegmentModel) -> FusedSegmenter:
        """See LearnedSegmenter; with the rules of that network."""
        return replace(self, model=model, grainy=None, join_rules=self.grainy_rules.joins, fuse_rules=self.grainy_rules.fusing)

    def guide(self, frame: RgbdFrame, window: Window) -> Guide | None:
        """See GeometricSegmenter."""
        return FusedGuide(*self.guided_by(frame, window))

    def guided_by(
        self, frame: RgbdFrame, window: Window
    ) -> tuple[Callable[[], Seen], tuple[int, int], Window, VoteRules, GuideRules, JoinRules, FuseRules]:
        """What a FusedGuide of a frame is made of."""
        look, size = partial(self.see, frame, window), self.model.size(frame.depth[window], seen_through(frame, window))
        return look, size, window, self.vote_rules, self.guide_rules, self.join_rules, self.fuse_rules
