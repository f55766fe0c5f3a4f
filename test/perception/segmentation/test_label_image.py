"""Segments by label images: what hides what ends where the image ends."""

import numpy as np

from fail2progress.core.rgbd import Intrinsics, Labels, RgbdFrame
from fail2progress.perception.picture import draw
from fail2progress.perception.segmentation.label_image import LabelledSegmenter

CAMERA = Intrinsics(80, 60, 60.0, 60.0, 39.5, 29.5)


def frame_with(labels: np.ndarray, depth: np.ndarray) -> RgbdFrame:
    named = Labels(labels.astype(np.uint16), ("table", "can", "out_of_view"), ("table", "cuboid", "cuboid"))
    return RgbdFrame(np.full((60, 80, 3), 90, np.uint8), depth.astype(np.float32), CAMERA, np.eye(4), named)


def test_what_is_near_at_the_lower_border_hides_nothing_at_the_upper_one() -> None:
    labels = np.ones((60, 80))
    labels[:20, 30:50] = 2
    depth = np.broadcast_to(np.linspace(2.0, 0.6, 60)[:, None], (60, 80)).copy()
    depth[:20, 30:50] = 1.2
    (can,) = (part for part in LabelledSegmenter().segment(frame_with(labels, depth)).segments if part.id == "can")
    assert can.visibility == 1.0


def test_what_has_no_pixels_has_no_box_and_is_not_drawn() -> None:
    frame = frame_with(np.ones((60, 80)), np.full((60, 80), 1.0))
    found = LabelledSegmenter().segment(frame)
    hidden = next(part for part in found.segments if part.id == "out_of_view")
    assert hidden.box_px(found.width) is None
    assert draw(frame.colour, found, []).size == (80, 60)
