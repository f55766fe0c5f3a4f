"""A guide of the geometric segmenter that is told what belongs together, as a network tells it in earnest."""

from collections.abc import Sequence

import numpy as np

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.segmentation.base import Perceived
from fail2progress.perception.segmentation.geometric.guide import Geometry, Guide, Thing
from fail2progress.perception.segmentation.geometric.regions import Numbers, Window
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter


def coloured(frame: RgbdFrame, colour: Sequence[int]) -> Numbers:
    """Pixels whose colour points the way of one."""
    seen = frame.colour.reshape(-1, 3).astype(float)
    cosine = seen @ np.array(colour) / (np.linalg.norm(seen, axis=1) * np.linalg.norm(colour))
    return np.flatnonzero((cosine > 0.995) & (frame.depth.ravel() > 0))


class Knowing(Guide):
    """Sure of some pixels each, of which it tells those that are over a surface."""

    def __init__(self, known: list[Numbers]) -> None:
        self.known, self.looks = known, 0

    def sure(self, geometry: Geometry) -> list[Numbers]:
        return [pixels[geometry.scan.inverted.ravel()[pixels] > 0] for pixels in self.known]

    def objects(self, geometry: Geometry) -> list[Thing]:
        self.looks += 1
        return [Thing(pixels) for pixels in self.sure(geometry) if geometry.over(pixels) > 0.5]


def seen(frame: RgbdFrame, known: list[Numbers]) -> Perceived:
    guide = Knowing(known)

    class Guided(GeometricSegmenter):
        guided = True

        def guide(self, frame: RgbdFrame, window: Window) -> Guide:
            return guide

    found = Guided().segment(frame)
    assert guide.looks == 1
    return found
