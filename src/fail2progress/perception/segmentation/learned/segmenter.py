"""The learned segmenter: things by a network trained on rendered scenes alone; surfaces, edges and what it misses by geometry."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.segmentation.base import Segmenter, SegmenterOptions
from fail2progress.perception.segmentation.geometric.guide import Guide
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.perception.segmentation.learned.guide import GuideRules, LearnedGuide
from fail2progress.perception.segmentation.learned.instances import VoteRules
from fail2progress.perception.segmentation.learned.model import SegmentModel, load_model, packaged


class LearnedOptions(SegmenterOptions):
    """weights: a file that `train-segmenter` wrote; None for those that travel with the package."""

    weights: Path | None = None


@dataclass(frozen=True)
class LearnedSegmenter(GeometricSegmenter):
    """Things of the network at the edges that geometry finds, on surfaces of geometry. Deterministic."""

    name = "learned"
    options = LearnedOptions
    model: SegmentModel = field(default_factory=lambda: load_model(packaged()))
    vote_rules: VoteRules = field(default_factory=VoteRules)
    guide_rules: GuideRules = field(default_factory=GuideRules)

    @classmethod
    def from_options(cls, options: SegmenterOptions) -> Segmenter:
        """See Segmenter. PerceptionError where the weights cannot be read."""
        assert isinstance(options, LearnedOptions)
        return cls(model=load_model(options.weights or packaged()))

    def guide(self, frame: RgbdFrame) -> Guide | None:
        """See GeometricSegmenter."""
        seen = self.model.see(frame.colour, frame.depth, frame.intrinsics)
        return LearnedGuide(seen, self.vote_rules, self.guide_rules)
