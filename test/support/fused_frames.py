"""What a fused segmenter makes of a frame of 640 x 480 pixels, of which a network tells what is said here."""

import numpy as np

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.segmentation.fused.guide import FusedGuide, FuseRules
from fail2progress.perception.segmentation.fused.odds import join_rules
from fail2progress.perception.segmentation.geometric.guide import Guide
from fail2progress.perception.segmentation.geometric.regions import Window
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.perception.segmentation.learned.guide import GuideRules
from fail2progress.perception.segmentation.learned.instances import Seen, VoteRules

WHOLE = (slice(0, 480), slice(0, 640))
USUAL = FuseRules()


def seen(parts: tuple[Mask, ...], depths: tuple[float, ...], sure: float = 1.0) -> Seen:
    """What a network says of parts (480, 640) that point to places so far apart in the third direction."""
    small = [part[::2, ::2] for part in parts]
    thing = sure * np.any(small, axis=0).astype(np.float32)
    places = np.zeros((3, *thing.shape), np.float32)
    for part, depth in zip(small, depths, strict=True):
        places[2][part] = depth
    return Seen(thing, 1 - thing, places, np.zeros_like(thing), np.any(small, axis=0).astype(np.float32))


def found(
    frame: RgbdFrame,
    told: Seen,
    given: list[np.ndarray] | None = None,
    outsiders: tuple[np.ndarray, ...] = (),
    stacks: tuple[list[np.ndarray], ...] = (),
    fusing: FuseRules = USUAL,
) -> list[np.ndarray]:
    """Pixels of the segments; given: in place of geometry's objects, with what it takes for none and for stacks."""
    guide = FusedGuide(lambda: told, told.thing.shape, WHOLE, VoteRules(), GuideRules(), join_rules(), fusing)

    class Guided(GeometricSegmenter):
        guided = True

        def guide(self, frame: RgbdFrame, window: Window) -> Guide:
            return guide

        def _objects(self, *what: object) -> tuple[list[np.ndarray], list[np.ndarray], list[list[np.ndarray]]]:
            return super()._objects(*what) if given is None else (given, list(outsiders), list(stacks))  # type: ignore[arg-type]

    return [segment.pixels for segment in Guided().segment(frame).segments]
