"""Motions between the cameras of depth and colour: under which names they are known, and which way they are written."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from fail2progress.perception.frames.camera_files import Calibration, parse_camera
from fail2progress.perception.frames.files import read_files
from fail2progress.perception.segmentation.base import PerceptionError

ONE = {"fx": 60.0, "fy": 61.0, "cx": 32.0, "cy": 24.0}
OTHER = {"fx": 40.0, "fy": 41.0, "cx": 31.0, "cy": 25.0}
TURN = Rotation.from_euler("xyz", (0.6, -0.2, 0.5), degrees=True).as_matrix()
MOVE = [0.015, 0.001, 0.0004]
MOTION = np.vstack([np.column_stack([TURN, MOVE]), [0, 0, 0, 1]])
IN_ROOM = [[0, -1, 0, 0.5], [-1, 0, 0, 0], [0, 0, -1, 0.9], [0, 0, 0, 1]]
BY_COLUMNS = {"rotation": TURN.T.ravel().tolist(), "translation": MOVE}
BY_ROWS = {"rotation": TURN.ravel().tolist(), "translation": MOVE}
ROWS = {"rotation": TURN.tolist(), "translation": MOVE}


def parsed(more: dict[str, object], **marks: object) -> Calibration:
    return parse_camera({"color": {**ONE, **marks}, "depth": OTHER, **more}, "camera.json", (64, 48), depth_size=(64, 48))


@pytest.mark.parametrize(
    "marks",
    [
        {"coeffs": [0.0] * 5},
        {"ppx": 32.0, "ppy": 24.0},
        {"model": "distortion.brown_conrady"},
        {"name": "Intel RealSense D435"},
        {"distortion_model": "plumb_bob", "binning_x": 0},
    ],
)
@pytest.mark.parametrize("key", ["depth_to_color", "extrinsics"])
def test_the_nine_numbers_of_realsense_go_by_columns(marks: dict[str, object], key: str) -> None:
    """As rs2_extrinsics, pyrealsense2 and the topics of its node have them; three rows are rows."""
    for written in (BY_COLUMNS, ROWS):
        found = parsed({key: written}, **marks)
        assert found.depth_to_colour == pytest.approx(MOTION) and found.by_columns is None


def test_those_of_an_azure_kinect_go_by_rows() -> None:
    found = parsed({"depth_to_color": BY_ROWS}, device="Azure Kinect")
    assert found.depth_to_colour == pytest.approx(MOTION) and found.by_columns is None


def test_where_nobody_says_both_ways_are_kept_if_they_differ() -> None:
    found = parsed({"depth_to_color": BY_ROWS})
    assert found.depth_to_colour == pytest.approx(MOTION) and found.by_columns is not None
    assert found.by_columns[:3, :3] == pytest.approx(TURN.T)
    assert parsed({"depth_to_color": {"rotation": np.eye(3).ravel().tolist(), "translation": MOVE}}).by_columns is None


@pytest.mark.parametrize("by", ["rows", "columns"])
def test_depth_is_registered_the_way_in_which_it_lies_on_its_colours(tmp_path: Path, by: str) -> None:
    """Boxes before a wall, seen by a depth camera that is turned by three degrees."""
    k = {"fx": 300.0, "fy": 300.0, "cx": 160.0, "cy": 120.0, "width": 320, "height": 240}
    turn = Rotation.from_euler("y", 3, degrees=True).as_matrix()
    rows, columns = np.mgrid[:240, :320]
    near = np.zeros((240, 320), bool)
    for row, column in ((30, 60), (50, 150), (140, 90), (120, 200), (20, 240)):
        near[row : row + 60, column : column + 40] = True
    rays = np.stack([(columns - 160) / 300, (rows - 120) / 300, np.ones((240, 320))], axis=-1) @ turn.T
    u = np.round(rays[..., 0] / rays[..., 2] * 300 + 160).astype(int).clip(0, 319)
    v = np.round(rays[..., 1] / rays[..., 2] * 300 + 120).astype(int).clip(0, 239)
    depth = np.where(near[v, u], 600, 1000).astype(np.uint16)  # of the depth camera's pixels, by where colour sees their rays
    noise = np.random.default_rng(0).integers(0, 12, (240, 320, 1))
    colour = (np.where(near[..., None], 190, 60) + noise).repeat(3, axis=2).astype(np.uint8)
    Image.fromarray(colour).save(tmp_path / "color.png")
    Image.fromarray(depth).save(tmp_path / "depth.png")
    nine = turn.ravel() if by == "rows" else turn.T.ravel()
    link = {"rotation": nine.tolist(), "translation": [0.0, 0.0, 0.0]}
    (tmp_path / "camera.json").write_text(json.dumps({"color": k, "depth": k, "depth_to_color": link}))
    read = read_files(tmp_path / "color.png", tmp_path / "depth.png", tmp_path / "camera.json")
    assert any(f"they are read by {by}, as depth lies better on its colours so" in note for note in read.notes)
    known = read.frame.depth[10:-10, 30:-30] > 0
    right = (read.frame.depth[10:-10, 30:-30] < 0.8) == near[10:-10, 30:-30]
    assert right[known].mean() > 0.97


@pytest.mark.parametrize(
    "more",
    [
        {"depth_to_color": ROWS},
        {"depth2color": MOTION[:3].ravel().tolist()},
        {"depth_to_color_extrinsics": ROWS},
        {"depthToRgb": MOTION.tolist()},
        {"d2c": ROWS},
        {"T_depth_to_color": MOTION.tolist()},
        {"extrinsics": {"depth_to_color": ROWS}},
        {"extrinsics": {"depth_to_color": ROWS, "color_to_depth": {"rotation": np.eye(3).tolist(), "translation": [0, 0, 0]}}},
        {"depth": {"intrinsics": OTHER, "extrinsics_to_color": {"R": TURN.tolist(), "t": MOVE}}},
        {"color_to_depth": np.linalg.inv(MOTION).tolist()},
        {"extrinsics": {"c2d": {"matrix": np.linalg.inv(MOTION).tolist()}}},
        {"extrinsics": ROWS},
        {"align_depth_to_color": True, "aligned_depth_to_color": {"topic": "/camera"}, "d2c": ROWS},
    ],
)
def test_a_motion_is_known_under_the_names_that_programs_give_it(more: dict[str, object]) -> None:
    found = parsed(more)
    assert found.depth is not None and found.depth.fx == 40.0 and found.unlinked == ""
    assert found.depth_to_colour == pytest.approx(MOTION)


@pytest.mark.parametrize("content", [{"camera": ONE, "depth_intrinsics": OTHER}, {"intrinsics": {"color": ONE, "depth": OTHER}}])
def test_the_depth_camera_may_lie_elsewhere(content: dict[str, object]) -> None:
    found = parse_camera({**content, "depth_to_color": ROWS}, "camera.json", (64, 48), depth_size=(64, 48))
    assert found.depth is not None and found.depth.fx == 40.0


def test_infrared_is_the_depth_camera_where_no_other_is_called_so() -> None:
    content = {"color": ONE, "ir": OTHER}
    found = parse_camera({**content, "depth_to_color": ROWS}, "camera.json", (64, 48), depth_size=(64, 48))
    assert found.depth is not None and found.depth.fx == 40.0
    unsaid = parse_camera({**content, "extrinsics": ROWS}, "camera.json", (64, 48))
    assert unsaid.unlinked == "depth_to_color for its other camera"


@pytest.mark.parametrize("place", [IN_ROOM, {"x": 1.0, "qw": 1.0}, "robot"])
def test_a_camera_s_place_in_a_room_is_no_motion_between_lenses(place: object) -> None:
    assert parsed({"extrinsics": place}).unlinked == "depth_to_color for its other camera"
    same = parse_camera({"color": ONE, "depth": ONE, "extrinsics": place}, "camera.json", (64, 48))
    assert same.depth is None and same.unlinked == ""


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"depth_to_color": {"quaternion": [0, 0, 0, 1], "xyz": MOVE}}, "depth to colour needs rotation"),
        ({"d2c": ROWS, "depth_to_color": np.eye(4).tolist()}, "d2c and depth_to_color are two motions from depth to colour"),
        ({"color_to_depth": [1, 2, 3]}, "color_to_depth must be"),
    ],
)
def test_what_is_said_to_be_one_and_is_none_is_told(more: dict[str, object], says: str) -> None:
    with pytest.raises(PerceptionError, match=says):
        parsed(more)
