"""Where up was told and no table is level by it, the message says by what it was told and how far that is off."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.learning.segmentation.meshes import box
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from support.tabletop_frames import frame_of

FRAME = frame_of([(box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105))], (0.0, -0.85, 0.62), (0.0, 0.0, 0.03))
TURNED = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


def test_up_along_gravity_is_doubted() -> None:
    up = GeometricSegmenter().segment(FRAME).way_up.direction
    with pytest.raises(PerceptionError, match=r"up by the IMU is 180 degrees off what the planes in view say: check it"):
        GeometricSegmenter().segment(replace(FRAME, up=-up, up_source="the IMU"))


def test_a_pose_by_which_the_table_stands_on_edge_is_doubted() -> None:
    pose = TURNED @ GeometricSegmenter().segment(FRAME).pose
    with pytest.raises(PerceptionError, match=r"up by the camera's pose is 90 degrees off.*from the camera to the world"):
        GeometricSegmenter().segment(replace(FRAME, pose=pose))


def test_where_nothing_in_view_says_otherwise_up_is_not_doubted() -> None:
    far = replace(FRAME, depth=np.full_like(FRAME.depth, 5.3), pose=np.eye(4))
    with pytest.raises(PerceptionError, match="no table found") as raised:
        GeometricSegmenter().segment(far)
    assert "up by" not in str(raised.value)
