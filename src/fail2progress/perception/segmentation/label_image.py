"""Segments from a label image: what a simulator, or a detector with names, says that every pixel belongs to."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.objects import category
from fail2progress.core.rgbd import Labels, RgbdFrame
from fail2progress.core.scene import pose
from fail2progress.perception.colours import Light, colour_word, light_of
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segment, Segmenter

STEP = 0.02
"""Metres of depth between neighbouring pixels from which one hides the other."""
SAMPLED = 2000
"""Pixels by which a segment's colour is told."""


@dataclass(frozen=True)
class LabelledSegmenter(Segmenter):
    """Trusts the frame's labels. Every name gets a segment; one that is not in view has no points and visibility 0."""

    name = "label-image"
    needs_labels = True

    def segment(self, frame: RgbdFrame) -> Perceived:
        """See Segmenter. PerceptionError where the frame has no labels or the camera's pose is not known."""
        started = time.perf_counter()
        if frame.labels is None:
            raise PerceptionError("the frame has no labels; use another segmenter or run a labeller first")
        if frame.pose is None:
            raise PerceptionError("the pose of the camera is not known: labelled segments need it")
        points = (frame.points() @ frame.pose[:3, :3].T + frame.pose[:3, 3]).astype(np.float32).reshape(-1, 3)
        hidden = _hidden(frame, frame.labels)
        colours, light = frame.colour.reshape(-1, 3), light_of(frame.colour)
        parts = [
            _segment(name, kind, np.flatnonzero(frame.labels.image == i + 1), points, hidden, colours, light)
            for i, (name, kind) in enumerate(zip(frame.labels.names, frame.labels.categories, strict=True))
        ]
        fixed = [part for part in parts if not category(part.category).movable]
        loose = [part for part in parts if category(part.category).movable]
        seconds = {"total": time.perf_counter() - started}
        size = frame.intrinsics
        return Perceived(tuple(loose), tuple(fixed), frame.pose, size.width, size.height, seconds, frame.frame, frame.stamp)


def _segment(
    name: str,
    kind: str,
    pixels: NDArray[np.int64],
    points: NDArray[np.float32],
    hidden: NDArray[np.int8],
    colours: NDArray[np.uint8],
    light: Light,
) -> Segment:
    pixels = pixels[np.isfinite(points[pixels, 0])]
    own, border = points[pixels], hidden[pixels]
    low, high = (own.min(axis=0), own.max(axis=0)) if len(own) else (np.zeros(3), np.zeros(3))
    outline = (border > 0).sum()
    visibility = 0.0 if not len(own) else 1.0 - float((border == 2).sum()) / max(float(outline), 1.0)
    centre = (low.astype(float) + high) / 2
    word = colour_word(colours[pixels[:: 1 + len(own) // SAMPLED]], light) if len(own) else ""
    return Segment(name, kind, category(kind).shape, own, pixels, pose(*centre), np.asarray(high - low, float), visibility, word)


def _hidden(frame: RgbdFrame, labels: Labels) -> NDArray[np.int8]:
    """(H * W,) 0 inside segments, 1 on an outline against what is further away, 2 against something nearer."""
    depth = np.where(frame.depth > 0, frame.depth, np.float32(np.inf))
    height, width = depth.shape
    around, away = np.pad(labels.image, 1, mode="edge"), np.pad(depth, 1, constant_values=np.float32(np.inf))
    result = np.zeros(depth.shape, np.int8)
    for down, across in ((0, 1), (2, 1), (1, 0), (1, 2)):
        beside = slice(down, down + height), slice(across, across + width)
        border = around[beside] != labels.image
        nearer = border & (away[beside] < depth - STEP)
        result = np.maximum(result, np.where(nearer, 2, border).astype(np.int8))
    return result.ravel()
