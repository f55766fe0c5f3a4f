"""Files from outside: what they may be, and that nothing in them does harm."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fail2progress.perception.files import parse_camera, read_camera, read_frame
from fail2progress.perception.segmentation.base import PerceptionError

PLAIN = {"width": 64, "height": 48, "fx": 60.0, "fy": 61.0, "cx": 32.0, "cy": 24.0}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    colour, depth, camera = tmp_path / "color.png", tmp_path / "depth.png", tmp_path / "camera.json"
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(colour)
    Image.fromarray(np.full((48, 64), 850, np.uint16)).save(depth)
    camera.write_text(json.dumps(PLAIN))
    return colour, depth, camera


def test_a_frame_is_read_in_metres(files: tuple[Path, Path, Path]) -> None:
    frame = read_frame(*files)
    assert frame.depth.shape == (48, 64) and frame.depth == pytest.approx(0.85)
    assert frame.colour.shape == (48, 64, 3) and frame.pose is None
    assert (frame.intrinsics.fx, frame.intrinsics.cy) == (60.0, 24.0)


@pytest.mark.parametrize(
    ("content", "unit"),
    [
        (PLAIN, 0.001),
        ({"camera": {**PLAIN, "depth_unit_m": 0.0001}, "objects": []}, 0.0001),
        ({**PLAIN, "depth_scale": 5000}, 0.0002),
        ({**PLAIN, "depth_scale": 0.00025}, 0.00025),
        ({"width": 64, "height": 48, "k": [60.0, 0, 32.0, 0, 61.0, 24.0, 0, 0, 1]}, 0.001),
        ({"width": 64, "height": 48, "K": [[60.0, 0, 32.0], [0, 61.0, 24.0], [0, 0, 1]]}, 0.001),
    ],
)
def test_cameras_of_every_kind_are_understood(content: dict[str, object], unit: float) -> None:
    camera, found = parse_camera(content.get("camera", content), "camera.json")
    assert (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy) == (64, 48, 60.0, 61.0, 32.0, 24.0)
    assert found == pytest.approx(unit)


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
        ({"cx": "32"}, "cx must be a number"),
    ],
)
def test_wrong_intrinsics_are_named(change: dict[str, object], says: str) -> None:
    with pytest.raises(PerceptionError, match=says):
        parse_camera({**PLAIN, **change}, "camera.json")


def test_depth_in_another_unit_is_noticed(files: tuple[Path, Path, Path]) -> None:
    files[2].write_text(json.dumps({**PLAIN, "depth_unit_m": 1.0}))
    with pytest.raises(PerceptionError, match="depth_unit_m"):
        read_frame(*files)


def test_empty_depth_is_noticed(files: tuple[Path, Path, Path]) -> None:
    Image.fromarray(np.zeros((48, 64), np.uint16)).save(files[1])
    with pytest.raises(PerceptionError, match=r"depth\.png is empty"):
        read_frame(*files)


def test_sizes_that_differ_are_named(files: tuple[Path, Path, Path]) -> None:
    Image.fromarray(np.full((24, 32), 850, np.uint16)).save(files[1])
    with pytest.raises(PerceptionError, match=r"depth\.png is 32 x 24, but .* says 64 x 48"):
        read_frame(*files)


def test_colour_and_depth_in_the_wrong_order_are_told(files: tuple[Path, Path, Path]) -> None:
    with pytest.raises(PerceptionError, match="COLOR DEPTH"):
        read_frame(files[1], files[0], files[2])


def test_a_missing_file_is_an_error_of_the_system(files: tuple[Path, Path, Path]) -> None:
    with pytest.raises(FileNotFoundError):
        read_frame(files[0].with_name("none.png"), files[1], files[2])


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
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from([*PLAIN, "k", "camera"]), inner)),
)


@settings(max_examples=60, deadline=None)
@given(content=_JSON, key=st.sampled_from([*PLAIN, "k", "K", "depth_scale", "depth_unit_m"]))
def test_any_value_under_any_key_is_taken_or_refused(content: object, key: str) -> None:
    fields = {name: value for name, value in PLAIN.items() if name != "fx" or key != "k"}
    try:
        camera, unit = parse_camera({**fields, key: content}, "x")
    except PerceptionError:
        return
    assert camera.fx > 0 and 0 < unit <= 1
