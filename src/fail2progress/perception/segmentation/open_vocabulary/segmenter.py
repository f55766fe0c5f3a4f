"""The labeller as a segmenter: what things are called by phrases, and where they are by geometry or by its masks."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.segmentation.base import Perceived, Segmenter, SegmenterOptions
from fail2progress.perception.segmentation.open_vocabulary.labeller import (
    PROMPTS,
    Labeller,
    OpenVocabularyLabeller,
    with_semantics,
)
from fail2progress.perception.segmentation.registry import GEOMETRIC, LABEL_IMAGE, segmenter


class OpenVocabularyOptions(SegmenterOptions):
    """Folders as `save_pretrained` writes them, what to look for, and where segments come from."""

    detector: Path
    """Of Grounding DINO with its processor."""
    fill: Path
    """Of SAM with its processor."""
    prompts: dict[str, str] = Field(default_factory=lambda: dict(PROMPTS))
    """Phrases, and the category that each stands for."""
    least_score: float = 0.3
    most_overlap: float = 0.7
    device: str = "cpu"
    segments: Literal["geometry", "masks"] = "geometry"
    """geometry: every segment that geometry finds, named where a mask covers it. masks: the labeller's own, which need the
    camera's pose."""


class OpenVocabularySegmenter(Segmenter):
    """Segments with categories, from colours and depth, where the user has weights."""

    name = "open-vocabulary"
    options = OpenVocabularyOptions

    def __init__(self, labeller: Labeller, masks: bool = False) -> None:
        self.labeller, self.masks = labeller, masks
        self._geometry: Segmenter = segmenter(LABEL_IMAGE if masks else GEOMETRIC)

    @classmethod
    def from_options(cls, options: SegmenterOptions) -> OpenVocabularySegmenter:
        """See Segmenter. PerceptionError where the package or weights are missing."""
        assert isinstance(options, OpenVocabularyOptions)
        labeller = OpenVocabularyLabeller(
            options.detector, options.fill, options.prompts, options.least_score, options.most_overlap, options.device
        )
        return cls(labeller, options.segments == "masks")

    def segment(self, frame: RgbdFrame) -> Perceived:
        """See Segmenter."""
        started = time.perf_counter()
        labels = self.labeller.label(frame.colour)
        spent = time.perf_counter() - started
        if self.masks:
            found = self._geometry.segment(replace(frame, labels=labels))
        else:
            found = with_semantics(self._geometry.segment(frame), labels)
        seconds = {**found.seconds, "labels": spent}
        seconds["total"] = found.seconds.get("total", 0.0) + spent
        return replace(found, seconds=seconds)
