"""Files from outside: what they may be, and that nothing in them does harm."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fail2progress.perception.frames.camera_files import parse_camera, read_camera
from fail2progress.perception.frames.files import read_files, read_frame
from fail2progress.perception.segmentation.base import PerceptionError
from support.frame_files import PLAIN


def test_a_frame_is_read_in_metres(files: tuple[Path, Path, Path]) -> None:
    frame = read_frame(*files)
    assert frame.depth.shape == (48, 64) and frame.depth == pytest.approx(0.85)
    assert frame.colour.shape == (48, 64, 3) and frame.pose is None
    assert (frame.intrinsics.fx, frame.intrinsics.cy) == (60.0, 24.0)


@pytest.mark.parametrize(
    ("content", "unit"),
    [
        (PLAIN, None),
        ({"camera": {**PLAIN, "depth_unit_m": 0.0001}, "objects": []}, 0.0001),
        ({**PLAIN, "depth_scale": 5000}, 0.0002),
        ({**PLAIN, "depth_scale": 0.00025}, 0.00025),
        ({"width": 64, "height": 48, "k": [60.0, 0, 32.0, 0, 61.0, 24.0, 0, 0, 1]}, None),
        ({"width": 64, "height": 48, "K": [[60.0, 0, 32.0], [0, 61.0, 24.0], [0, 0, 1]]}, None),
        # BOP counts millimetres a step, RealSense metres a step, TUM steps a metre.
        ({**PLAIN, "depth_scale": 1.0}, 0.001),
        ({**PLAIN, "depth_scale": 0.1}, 0.0001),
        ({"width": 64, "height": 48, "cam_K": [60.0, 0, 32.0, 0, 61.0, 24.0, 0, 0, 1], "depth_scale": 1.0}, 0.001),
        ({"7": {"width": 64, "height": 48, "cam_K": [60.0, 0, 32.0, 0, 61.0, 24.0, 0, 0, 1], "depth_scale": 0.1}}, 0.0001),
        # Open3D writes a matrix by columns; RealSense, perception and ORB-SLAM have names of their own.
        ({"width": 64, "height": 48, "intrinsic_matrix": [60.0, 0, 0, 0, 61.0, 0, 32.0, 24.0, 1]}, None),
        ({"intrinsic": {"width": 64, "height": 48, "intrinsic_matrix": [60.0, 0, 0, 0, 61.0, 0, 32.0, 24.0, 1]}}, None),
        ({"width": 64, "height": 48, "fx": 60.0, "fy": 61.0, "ppx": 32.0, "ppy": 24.0, "coeffs": [0, 0, 0, 0, 0]}, None),
        ({"_width": 64, "_height": 48, "_fx": 60.0, "_fy": 61.0, "_cx": 32.0, "_cy": 24.0}, None),
        (
            {
                "Camera.width": 64,
                "Camera.height": 48,
                "Camera.fx": 60.0,
                "Camera.fy": 61.0,
                "Camera.cx": 32.0,
                "Camera.cy": 24.0,
                "DepthMapFactor": 5000.0,
            },
            0.0002,
        ),
        ({"cam0": {"resolution": [64, 48], "intrinsics": [60.0, 61.0, 32.0, 24.0]}}, None),
        ({"w": 64, "h": 48, "fl_x": 60.0, "fl_y": 61.0, "cx": 32.0, "cy": 24.0}, None),
    ],
)
def test_cameras_of_every_kind_are_understood(content: dict[str, object], unit: float | None) -> None:
    calibration = parse_camera(content, "camera.json")
    camera, found = calibration.intrinsics, calibration.unit
    assert (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy) == (64, 48, 60.0, 61.0, 32.0, 24.0)
    assert found == (None if unit is None else pytest.approx(unit))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fx": None}, "fx must be a number"),
        ({"fx": True}, "fx must be a number"),
        ({"fx": -3.0}, "positive focal"),
        ({"width": 0}, "no content"),
        ({"width": 1e8, "height": 1e8}, "too many"),
        ({"depth_unit_m": 0}, "step of depth"),
        ({"depth_unit_m": 7}, "step of depth"),
        ({"cx": "wide"}, "cx must be a number"),
    ],
)
def test_wrong_intrinsics_are_named(change: dict[str, object], says: str) -> None:
    with pytest.raises(PerceptionError, match=says):
        parse_camera({**PLAIN, **change}, "camera.json")


def test_empty_depth_is_noticed(files: tuple[Path, Path, Path]) -> None:
    Image.fromarray(np.zeros((48, 64), np.uint16)).save(files[1])
    with pytest.raises(PerceptionError, match=r"depth\.png is empty"):
        read_frame(*files)


def test_proportions_that_differ_are_named(files: tuple[Path, Path, Path]) -> None:
    Image.fromarray(np.full((24, 40), 850, np.uint16)).save(files[1])
    with pytest.raises(PerceptionError, match=r"depth\.png is 40 x 24, but .* says 64 x 48"):
        read_frame(*files)


def test_images_of_two_sizes_are_brought_to_the_smaller_and_that_is_said(files: tuple[Path, Path, Path]) -> None:
    Image.fromarray(np.full((24, 32), 850, np.uint16)).save(files[1])
    read = read_files(*files)
    assert read.frame.depth.shape == (24, 32) and read.frame.colour.shape == (24, 32, 3)
    assert read.frame.intrinsics.fx == pytest.approx(30.0) and read.frame.intrinsics.cx == pytest.approx(15.75)
    assert any("differ in size" in note for note in read.notes)


def test_a_file_without_sizes_takes_those_of_the_image(files: tuple[Path, Path, Path]) -> None:
    files[2].write_text(json.dumps({"cam_K": [60.0, 0, 32.0, 0, 61.0, 24.0, 0, 0, 1], "depth_scale": 1.0}))
    frame = read_frame(*files)
    assert (frame.intrinsics.width, frame.intrinsics.height) == (64, 48) and frame.depth == pytest.approx(0.85)


@pytest.mark.parametrize(
    "text",
    [
        "header:\n  stamp:\n    sec: 1\nheight: 48\nwidth: 64\nk: [60.0, 0.0, 32.0, 0.0, 61.0, 24.0, 0.0, 0.0, 1.0]\n---\n",
        "image_width: 64\nimage_height: 48\ncamera_matrix:\n  rows: 3\n  cols: 3\n  data: [60, 0, 32, 0, 61, 24, 0, 0, 1]\n",
        "%YAML:1.0\n---\nimage_width: 64\nimage_height: 48\ncamera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n"
        "   data: [ 60., 0., 32., 0., 61., 24., 0., 0., 1. ]\n",
        "60.0 0 32.0\n0 61.0 24.0\n0 0 1\n",
    ],
)
def test_camera_files_in_yaml_and_plain_matrices_are_read(files: tuple[Path, Path, Path], text: str) -> None:
    files[2].write_text(text)
    camera = read_frame(*files).intrinsics
    assert (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy) == (64, 48, 60.0, 61.0, 32.0, 24.0)


def test_a_file_by_image_gives_the_camera_of_the_image(tmp_path: Path) -> None:
    entry = {"cam_K": [60.0, 0, 32.0, 0, 61.0, 24.0, 0, 0, 1]}
    content = {"0": {**entry, "depth_scale": 1.0}, "12": {**entry, "depth_scale": 0.1}}
    assert parse_camera(content, "x", (64, 48), "000012").unit == pytest.approx(0.0001)
    assert parse_camera(content, "x", (64, 48), "rgb").unit == pytest.approx(0.001)


def test_a_camera_never_calibrated_is_told() -> None:
    with pytest.raises(PerceptionError, match="never calibrated"):
        parse_camera({"width": 64, "height": 48, "k": [0.0] * 9}, "x")


@pytest.mark.parametrize(
    "content",
    [
        {**PLAIN, "up": "left"},
        {**PLAIN, "up": [-2, 0, 0]},
        {**PLAIN, "gravity": [1, 0, 0]},
        {"camera": {**PLAIN, "up": "left"}},
        {"up": "left", "camera": PLAIN},
    ],
)
def test_a_camera_file_may_say_which_way_is_up(content: dict[str, object]) -> None:
    up = parse_camera(content, "x").up
    assert up is not None and up == pytest.approx([-1.0, 0.0, 0.0])


@pytest.mark.parametrize("up", ["sideways", [0, 0, 0], [1, 2], None, float("nan")])
def test_a_way_up_without_direction_is_refused(up: object) -> None:
    with pytest.raises(PerceptionError, match="up must"):
        parse_camera({**PLAIN, "up": up}, "x")


@pytest.mark.parametrize(("scale", "kind"), [(0.85, np.float32), (850.0, np.float64), (850, np.uint16), (850, np.int32)])
def test_depth_as_array_is_read(files: tuple[Path, Path, Path], scale: float, kind: type) -> None:
    depth = np.full((48, 64), scale, kind)
    np.save(files[1].with_suffix(".npy"), depth)
    np.savez(files[1].with_suffix(".npz"), other=np.zeros(3), depth=depth)
    for suffix in (".npy", ".npz"):
        assert read_frame(files[0], files[1].with_suffix(suffix), files[2]).depth == pytest.approx(0.85)


@pytest.mark.parametrize("name", ["depth.npy", "depth.npz"])
def test_arrays_that_are_none_are_refused(files: tuple[Path, Path, Path], name: str) -> None:
    path = files[1].with_name(name)
    path.write_bytes(b"nothing of this kind")
    with pytest.raises(PerceptionError, match="no array"):
        read_frame(files[0], path, files[2])


def test_depth_of_a_second_camera_is_registered(files: tuple[Path, Path, Path]) -> None:
    both = {"color": PLAIN, "depth": {**PLAIN, "width": 32, "height": 24, "fx": 30.0, "fy": 30.5, "cx": 16.0, "cy": 12.0}}
    shift = {"rotation": [1, 0, 0, 0, 1, 0, 0, 0, 1], "translation": [0.17, 0.0, 0.0]}
    files[2].write_text(json.dumps({**both, "depth_to_color": shift}))
    depth = np.full((24, 32), 850, np.uint16)
    depth[:, :4] = 0
    Image.fromarray(depth).save(files[1])
    read = read_files(*files)
    # 0.17 m at 0.85 m are 0.2 of a focal length: 6 of 32 pixels.
    known = read.frame.depth > 0
    assert read.frame.depth.shape == (24, 32) and read.frame.depth[known] == pytest.approx(0.85)
    assert known[:, 11:].all() and not known[:, :9].any() and any("registered" in note for note in read.notes)


def test_colour_and_depth_in_the_wrong_order_are_told(files: tuple[Path, Path, Path]) -> None:
    with pytest.raises(PerceptionError, match="COLOR DEPTH"):
        read_frame(files[1], files[0], files[2])


def test_a_missing_file_is_an_error_of_the_system(files: tuple[Path, Path, Path]) -> None:
    with pytest.raises(FileNotFoundError):
        read_frame(files[0].with_name("none.png"), files[1], files[2])


@pytest.mark.parametrize("change", [{"fx": 0.94, "fy": 1.25, "cx": 0.5, "cy": 0.5}, {"fx": 3.6, "fy": 3.6}])
def test_a_camera_that_cannot_be_is_refused(files: tuple[Path, Path, Path], change: dict[str, float]) -> None:
    files[2].write_text(json.dumps({**PLAIN, **change}))
    with pytest.raises(PerceptionError, match=r"camera\.json: no camera with 64 x 48 pixels has fx = .*in pixels"):
        read_frame(*files)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"fx": 600.0, "fy": 600.0, "cx": 320.0, "cy": 240.0}, "cx = 320 and cy = 240 are far from the middle of 64 x 48"),
        ({"color": PLAIN, "depth": {**PLAIN, "fx": 90.0}}, "depth.png is taken to be aligned to colour"),
    ],
)
def test_what_is_probably_wrong_with_a_camera_is_said(
    files: tuple[Path, Path, Path], content: dict[str, object], says: str
) -> None:
    assert read_files(*files).notes == ()
    files[2].write_text(json.dumps(content))
    assert any(says in note for note in read_files(*files).notes)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 2), at=st.floats(0, 1), bits=st.binary(min_size=1, max_size=8), cut=st.booleans())
def test_damaged_files_are_read_or_refused(files: tuple[Path, Path, Path], which: int, at: float, bits: bytes, cut: bool) -> None:
    path = files[which]
    whole = path.read_bytes()
    place = int(at * len(whole))
    path.write_bytes(whole[:place] if cut else whole[:place] + bits + whole[place + len(bits) :])
    try:
        frame = read_frame(*files)
    except PerceptionError as error:
        assert "\n" not in str(error)
    else:
        assert frame.depth.shape == frame.colour.shape[:2] and np.isfinite(frame.depth).all()
    finally:
        path.write_bytes(whole)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_bytes_that_are_no_camera_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "camera.json"
    path.write_bytes(content)
    with pytest.raises(PerceptionError):
        read_camera(path)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from([*PLAIN, "k", "camera", "data"]), inner)
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    content=_JSON,
    key=st.sampled_from(
        [*PLAIN, "k", "K", "depth_scale", "depth_unit_m", "camera_matrix", "up", "gravity", "camera_pose", "resolution", "cam0"]
    ),
)
def test_any_value_under_any_key_is_taken_or_refused(content: object, key: str) -> None:
    fields = {name: value for name, value in PLAIN.items() if name != "fx" or key != "k"}
    try:
        found = parse_camera({**fields, key: content}, "x")
    except PerceptionError:
        return
    assert found.intrinsics.fx > 0 and (found.unit is None or 0 < found.unit <= 1)


@pytest.mark.parametrize("turns", [1, 3])
def test_images_that_were_turned_by_a_quarter_without_their_camera_are_read_and_told(
    files: tuple[Path, Path, Path], turns: int
) -> None:
    for path in files[:2]:
        Image.fromarray(np.rot90(np.asarray(Image.open(path)), turns)).save(path)
    read = read_files(*files)
    k = read.frame.intrinsics
    assert (k.width, k.height, k.fx, k.fy, k.cx, k.cy) == (48, 64, 61.0, 60.0, 23.5, 31.5)
    assert any("camera.json is for 64 x 48: the images are taken to be turned by a quarter" in note for note in read.notes)
    for bound in ({"d": [0.1, 0.0, 0.0, 0.0]}, {"up": "right"}, {"camera_pose": np.eye(4).tolist()}):
        files[2].write_text(json.dumps({**PLAIN, **bound}))
        with pytest.raises(PerceptionError, match=r"is 48 x 64, but .* says 64 x 48"):  # along which axes now?
            read_files(*files)


def test_depth_that_is_not_in_view_of_colour_is_told(files: tuple[Path, Path, Path]) -> None:
    turned = [[-1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0]]
    files[2].write_text(json.dumps({"color": PLAIN, "depth": PLAIN, "depth_to_color": turned}))
    with pytest.raises(PerceptionError, match=r"camera.json: by its depth_to_color hardly any of .*depth.png is in view"):
        read_files(*files)
    files[2].write_text(
        json.dumps({**PLAIN, "depth_to_color": [[1.0, 0.0, 0.0, 0.02], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]})
    )
    assert any("has no depth, the other camera's own fx" in note for note in read_files(*files).notes)
