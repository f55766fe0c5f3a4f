"""Cameras under whatever keys: which is that of the colour image, which that of depth, and what is said where nobody can tell."""

import json
from pathlib import Path

import pytest

from fail2progress.perception.frames.camera_files import holds_a_camera, parse_camera, read_camera
from fail2progress.perception.frames.files import read_files
from fail2progress.perception.segmentation.base import PerceptionError

ONE = {"fx": 60.0, "fy": 61.0, "cx": 32.0, "cy": 24.0}
OTHER = {"fx": 40.0, "fy": 41.0, "cx": 31.0, "cy": 25.0}
K = [[60.0, 0, 32.0], [0, 61.0, 24.0], [0, 0, 1]]
NO_MATRIX = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    "content",
    [
        *({key: K} for key in ("camera_intrinsics", "cam_intr", "intrinsics", "intrinsic", "INTRINSICS", "cameraMatrix", "mtx")),
        *({key: K} for key in ("cameraIntrinsics", "matrix_K", "camMat", "K_rgb", "anything")),
        {"INTRINSICS": [60.0, 0.0, 32.0, 0.0, 61.0, 24.0, 0.0, 0.0, 1.0]},
        {"cameraMatrix": {"rows": 3, "cols": 3, "data": [60.0, 0, 32.0, 0, 61.0, 24.0, 0, 0, 1]}},
        *({key: ONE} for key in ("color_intrinsics", "colorIntrinsicParams", "rgb_intrinsics", "projection_parameters")),
        {"camera_fx": 60.0, "camera_fy": 61.0, "camera_cx": 32.0, "camera_cy": 24.0},
        {"f_x": 60.0, "f_y": 61.0, "c_x": 32.0, "c_y": 24.0},
        {"FX": 60.0, "FY": 61.0, "CX": 32.0, "CY": 24.0},
        {"focal_length": [60.0, 61.0], "principal_point": [32.0, 24.0]},
        {"Dataset": {"path": "here", "Calibration": ONE}},
        {"camera_settings": [{"id": "", "intrinsic_settings": {**ONE, "s": 0}}]},
        {
            "frames": [
                {"file_path": "rgb/0.png", "transform_matrix": [[1, 0, 0, 2], [0, 1, 0, 3], [0, 0, 1, 4], [0, 0, 0, 1]], **ONE}
            ]
        },
        {"K": K, "projection_matrix": [[50.0, 0, 30.0, 0], [0, 50.0, 20.0, 0], [0, 0, 1, 0]], "rotation": NO_MATRIX},
        {"focal_length": 4.0, "K": K},
        {"color": ONE, "ir": OTHER, "right": OTHER},
        {"left": ONE, "right": OTHER},
        {**OTHER, "rgb": ONE},
        [{"name": "depth", **OTHER}, {"name": "color", **ONE}],
        {"streams": {"color": {"intrinsics": ONE}, "depth": {"intrinsics": OTHER}}},
    ],
)
def test_the_camera_of_the_colour_image_is_found_wherever_it_lies(content: object) -> None:
    k = parse_camera(content, "camera.json", (64, 48)).intrinsics
    assert (k.fx, k.fy, k.cx, k.cy) == (60.0, 61.0, 32.0, 24.0)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            {"ir_intrinsics": ONE, "depth_intrinsics": OTHER},
            "it has fx under ir_intrinsics and depth_intrinsics; put the one of the",
        ),
        ({"depth": ONE}, "it has fx under depth; put the one of the color image under color"),
        ({"wrist": ONE, "front": OTHER}, "it has fx under wrist and front; put the one of the color image under color"),
        ({"cam0": {"intrinsics": [1, 2, 3, 4]}, "cam1": {"intrinsics": [1, 2, 3, 5]}}, "it has fx under cam0 and cam1"),
        (
            {"Camera.fx": 60, "Camera.fy": 61, "Camera.cx": 32, "Camera.cy": 24, "LEFT.K": [70, 0, 32, 0, 61, 24, 0, 0, 1]},
            "LEFT.K",
        ),
        ({"cameras": [ONE, OTHER]}, r"it has fx under cameras.\[0\] and cameras.\[1\]"),
        ({"fov": 60}, "no camera is found in it; expected fx, fy, cx and cy"),
        ({"color": {"fx": 60.0, "fy": 61.0, "cy": 24.0}}, "cx must be a number below 1e9, got None"),
        ({"H": NO_MATRIX, "camera_pose": K, "inverse_K": K}, "no camera is found in it"),
    ],
)
def test_what_there_is_instead_is_named(content: object, says: str) -> None:
    with pytest.raises(PerceptionError, match=rf"camera\.json: .*{says}"):
        parse_camera(content, "camera.json", (64, 48), "run_1/rgb_1")


@pytest.mark.parametrize(
    ("image", "fx"), [("run/cam1_0001", 40.0), ("cam1/0000", 40.0), ("cam0/1", 60.0), ("cam_1/frame_0", 40.0), ("cam0", 60.0)]
)
def test_of_several_cameras_that_of_the_image_or_its_folder_is_taken(image: str, fx: float) -> None:
    """As Kalibr lists them."""
    assert parse_camera({"cam0": ONE, "cam1": OTHER}, "camera.json", (64, 48), image).intrinsics.fx == fx
    assert parse_camera({"cam_0": ONE, "cam_1": OTHER}, "camera.json", (64, 48), image).intrinsics.fx == fx


def test_the_same_camera_twice_is_one_and_frames_have_their_own() -> None:
    assert parse_camera({"cam0": ONE, "cam1": ONE}, "camera.json", (64, 48)).intrinsics.fx == 60.0
    frames = {"frames": [{"file_path": f"rgb/{number}.png", **one} for number, one in enumerate((ONE, OTHER))]}
    assert parse_camera(frames, "camera.json", (64, 48), "rgb/1").intrinsics.fx == 40.0


def test_of_one_camera_at_several_sizes_that_of_the_image_is_taken() -> None:
    twice = {"640x480": {**ONE, "width": 640, "height": 480}, "64x48": {**OTHER, "width": 64, "height": 48}}
    k = parse_camera({"color_by_size": twice, "depth_by_size": twice}, "camera.json", (64, 48)).intrinsics
    assert (k.width, k.fx) == (64, 40.0)
    with pytest.raises(PerceptionError, match=r"color_by_size\.640x480 and color_by_size\.64x48"):
        parse_camera({"color_by_size": twice}, "camera.json", (32, 24))


@pytest.mark.parametrize(
    "content",
    [
        {"intrinsics": {"depth": OTHER, "color": ONE}},
        {"cameras": {"color": ONE, "depth": OTHER}},
        {"camera_matrix": K, "depth_camera_matrix": [[40.0, 0, 31.0], [0, 41.0, 25.0], [0, 0, 1]]},
        {"rgb_camera": ONE, "depth_camera": OTHER},
        {"camera": ONE, "depth_intrinsics": OTHER},
        {"camera": OTHER, "rgb": ONE, "depth": OTHER},
        {"color_intrinsic": ONE, "ir_intrinsic": OTHER},
    ],
)
def test_another_camera_of_depth_is_noticed_wherever_it_lies(content: dict[str, object], files: tuple[Path, Path, Path]) -> None:
    files[2].write_text(json.dumps(content))
    assert any("camera.json has no depth_to_color for its other camera" in note for note in read_files(*files).notes)


def test_distortion_and_size_of_another_camera_are_not_taken_for_this_one_s() -> None:
    content = {
        "color_camera_matrix": K,
        "color_dist_coeffs": [0.1, 0, 0, 0],
        "depth_dist_coeffs": [0.3, 0, 0, 0],
        "color_width": 64,
    }
    found = parse_camera({**content, "color_height": 48, "depth_width": 32}, "camera.json", (128, 96))
    assert found.lens is not None and found.lens.coefficients[0] == 0.1 and found.intrinsics.width == 64


@pytest.mark.parametrize(("name", "known"), [("box.txt", False), ("camera.txt", True), ("rgb-intrinsics.txt", True)])
def test_bare_numbers_are_a_camera_s_where_the_file_is_named_so(tmp_path: Path, name: str, known: bool) -> None:
    path = tmp_path / name
    path.write_text("60 61 32 24\n")
    assert holds_a_camera(path) is known and read_camera(path, (64, 48)).intrinsics.cx == 32.0
