"""The learned segmenter: things by a network trained on rendered scenes alone; surfaces, and what it misses, by geometry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from fail2progress.perception.segmentation.base import Perceived, Segmenter, SegmenterOptions
from fail2progress.perception.segmentation.geometric.guide import Guide
from fail2progress.perception.segmentation.geometric.regions import Window
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.perception.segmentation.learned.grain import GrainRules, grain
from fail2progress.perception.segmentation.learned.guide import GuideRules, LearnedGuide
from fail2progress.perception.segmentation.learned.instances import Seen, VoteRules
from fail2progress.perception.segmentation.learned.model import SegmentModel, grainy, load_model, packaged


class LearnedOptions(SegmenterOptions):
    """weights: a file that `train-segmenter` wrote; None for those that travel with the package."""

    weights: Path | None = None


@dataclass(frozen=True)
class LearnedSegmenter(GeometricSegmenter):
    """Things of the network, and those of geometry beside them, on surfaces of geometry. Deterministic.

    grainy: the network that is asked in place of `model` where the noise of depth is each pixel's own; None for the same one.
    """

    name = "learned"
    guided = True
    options = LearnedOptions
    model: SegmentModel = field(default_factory=lambda: load_model(packaged()))
    grainy: SegmentModel | None = field(default_factory=lambda: load_model(grainy()))
    grain_rules: GrainRules = field(default_factory=GrainRules)
    vote_rules: VoteRules = field(default_factory=VoteRules)
    guide_rules: GuideRules = field(default_factory=GuideRules)

    @classmethod
    def from_options(cls, options: SegmenterOptions) -> Segmenter:
        """See Segmenter. PerceptionError where the weights cannot be read."""
        assert isinstance(options, LearnedOptions)
        return cls(model=load_model(options.weights), grainy=None) if options.weights else cls()

    def segment(self, frame: RgbdFrame) -> Perceived:
        """See Segmenter."""
        if self.grainy is not None and grain(frame.depth).own(self.grain_rules):
            return self.for_grainy(self.grainy).segment(frame)
        return super().segment(frame)

    def for_grainy(self, model: SegmentModel) -> LearnedSegmenter:
        """The same segmenter with the network for depth whose noise is each pixel's own."""
        return replace(self, model=model, grainy=None)

    def guide(self, frame: RgbdFrame, window: Window) -> Guide | None:
        """See GeometricSegmenter."""
        return LearnedGuide(self.see(frame, window), window, self.vote_rules, self.guide_rules)

    def see(self, frame: RgbdFrame, window: Window) -> Seen:
        """What the network makes of a window alone, so that it sees far tables as large as near ones."""
        return self.model.see(frame.colour[window], frame.depth[window], seen_through(frame, window))


def seen_through(frame: RgbdFrame, window: Window) -> Intrinsics:
    """The camera of a window of a frame."""
    k, (rows, columns) = frame.intrinsics, window
    height, width = frame.depth[window].shape
    return replace(k, width=width, height=height, cx=k.cx - columns.start, cy=k.cy - rows.start)
