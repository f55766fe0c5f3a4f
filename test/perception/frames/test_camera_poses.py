"""Rigid motions of camera files: what is none is refused, and nothing is lost of those that are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from fail2progress.perception.frames.camera_poses import linked, rigid
from fail2progress.perception.segmentation.base import PerceptionError

VECTORS = st.tuples(*[st.floats(-3.0, 3.0)] * 3)


@given(turn=VECTORS, moved=VECTORS)
def test_a_rigid_motion_is_taken_as_it_is_written_and_refused_by_columns(
    turn: tuple[float, ...], moved: tuple[float, ...]
) -> None:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = Rotation.from_rotvec(turn).as_matrix(), moved
    found = rigid(pose.tolist(), "here", "camera_pose")
    assert found is not None and np.array_equal(found, pose)
    if np.abs(moved).max() > 1e-3:
        with pytest.raises(PerceptionError, match=r"last row of camera_pose is .* not 0 0 0 1; write it by rows"):
            rigid(pose.T.tolist(), "here", "camera_pose")


@given(VECTORS)
def test_a_mirroring_is_no_motion(turn: tuple[float, ...]) -> None:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(turn).as_matrix() @ np.diag([1.0, 1.0, -1.0])
    with pytest.raises(PerceptionError, match="must be a rotation"):
        rigid(pose.ravel().tolist(), "here", "camera_pose")


def test_a_motion_between_lenses_in_millimetres_is_told() -> None:
    turn = np.eye(3).tolist()
    assert linked({"rotation": turn, "translation": [0.015, 0.0, 0.0]}, "camera.json")[0, 3] == 0.015
    with pytest.raises(PerceptionError, match=r"camera.json: depth_to_color moves by 15 m, .*; write metres"):
        linked({"rotation": turn, "translation": [15.0, 0.0, 0.1]}, "camera.json")
