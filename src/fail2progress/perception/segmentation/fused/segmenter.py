"""The fused segmenter: things of the network, joined and judged by geometry, on surfaces of geometry."""

from __future__ import annotations

from dataclasses import dataclass, field

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.segmentation.fused.guide import FusedGuide, FuseRules
from fail2progress.perception.segmentation.fused.joining import JoinRules
from fail2progress.perception.segmentation.geometric.guide import Guide, Window
from fail2progress.perception.segmentation.learned.segmenter import LearnedSegmenter


@dataclass(frozen=True)
class FusedSegmenter(LearnedSegmenter):
    """What the network sees as things, and geometry as one thing each. Deterministic."""

    name = "fused"
    join_rules: JoinRules = field(default_factory=JoinRules)
    fuse_rules: FuseRules = field(default_factory=FuseRules)

    def guide(self, frame: RgbdFrame, window: Window) -> Guide | None:
        """See GeometricSegmenter."""
        seen = self.see(frame, window)
        return FusedGuide(seen, window, self.vote_rules, self.guide_rules, self.join_rules, self.fuse_rules)
