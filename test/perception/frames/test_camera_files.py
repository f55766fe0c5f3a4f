"""Cameras in files of arrays, and in YAML and JSON that say more than a camera."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from fail2progress.perception.frames import array_files
from fail2progress.perception.frames.camera_files import parse_camera, read_camera
from fail2progress.perception.segmentation.base import PerceptionError


@pytest.mark.parametrize("columns", [3, 4])
@pytest.mark.parametrize("name", ["K.txt", "K.npy", "poses.npz", "meta.mat"])
def test_matrices_of_three_or_four_columns_are_read_from_files_of_arrays(tmp_path: Path, name: str, columns: int) -> None:
    """GraspNet and YCB-Video have MATLAB files with a scale of depth; NOCS writes four rows of four."""
    matrix = np.eye(columns)
    matrix[:2, :3] = [[60.0, 0, 32.0], [0, 61.0, 24.0]]
    path = tmp_path / name
    if name == "K.txt":
        np.savetxt(path, matrix)
    elif name == "K.npy":
        np.save(path, matrix)
    elif name == "poses.npz":
        np.savez(path, intrinsic=matrix, widths=np.ones(4))
    else:
        savemat(path, {"intrinsic_matrix": matrix, "factor_depth": [[10000.0]], "poses": np.ones((3, 4, 2))})
    found = read_camera(path, (64, 48))
    assert (found.intrinsics.fx, found.intrinsics.fy, found.intrinsics.cx, found.intrinsics.cy) == (60.0, 61.0, 32.0, 24.0)
    assert found.unit == (0.0001 if name == "meta.mat" else None)


def test_two_cameras_of_one_file_with_tags_and_without_sizes_are_read(tmp_path: Path) -> None:
    """As DexYCB writes them."""
    one = "  fx: 60.0\n  fy: 61.0\n  ppx: 32.0\n  ppy: 24.0\n"
    rows = "".join(f"- {value}\n" for value in (1.0, 0.0, 0.0, 0.015, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    (tmp_path / "camera.yml").write_text(f"color:\n{one}depth:\n{one}extrinsics: !!python/tuple\n{rows}")
    found = read_camera(tmp_path / "camera.yml", (64, 48), (32, 24))
    assert found.depth is not None and (found.intrinsics.width, found.depth.width) == (64, 32)
    assert found.depth_to_colour is not None and found.depth_to_colour[:3, 3] == pytest.approx([0.015, 0, 0])


def test_a_field_that_is_no_matrix_does_not_hide_the_numbers_beside_it() -> None:
    """perception.CameraIntrinsics writes a distortion as _K."""
    found = parse_camera({"_fx": 60.0, "_fy": 61.0, "_cx": 32.0, "_cy": 24.0, "_width": 64, "_height": 48, "_K": 0}, "here")
    assert found.intrinsics.fx == 60.0


@pytest.mark.parametrize("rows", [1, 3])
def test_depth_to_colour_may_be_the_first_three_rows_of_a_motion(rows: int) -> None:
    one = {"fx": 60.0, "fy": 61.0, "cx": 32.0, "cy": 24.0, "width": 64, "height": 48}
    motion = np.eye(3, 4)
    motion[0, 3] = 0.015
    link = motion.ravel().tolist() if rows == 1 else motion.tolist()
    found = parse_camera({"color": one, "depth": one, "extrinsics": link}, "here")
    assert found.depth_to_colour == pytest.approx(np.vstack([motion, [0, 0, 0, 1]]))


def test_the_rotation_of_a_pose_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "pose.txt").write_text("0.8 0 0.6 1\n0.36 0.8 -0.48 2\n-0.48 0.6 0.64 3\n0 0 0 1\n")
    with pytest.raises(PerceptionError, match="K is no calibration matrix, whose last row is 0 0 1"):
        read_camera(tmp_path / "pose.txt", (64, 48))


@pytest.mark.parametrize("name", ["K.npy", "poses.npz", "meta.mat", "packed.mat"])
def test_files_of_arrays_that_were_cut_short_are_told(tmp_path: Path, name: str) -> None:
    path, matrix = tmp_path / name, np.diag([60.0, 61.0, 1.0])
    if name == "K.npy":
        np.save(path, matrix)
    elif name == "poses.npz":
        np.savez(path, intrinsic=matrix)
    else:
        savemat(path, {"intrinsic_matrix": matrix}, do_compression=name == "packed.mat")
    whole = path.read_bytes()
    for end in range(9, len(whole) - 9, 7):
        path.write_bytes(whole[:end])
        with pytest.raises(PerceptionError, match=re.escape(str(path))):
            read_camera(path, (64, 48))


def test_aliases_which_stand_for_more_than_there_is_room_for_are_refused(tmp_path: Path) -> None:
    rows = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    (tmp_path / "camera.yaml").write_text(f"a0: &a0 [1]\n{rows}fx: *a39\n")
    with pytest.raises(PerceptionError, match=r"an alias \(\*\) is not taken"):
        read_camera(tmp_path / "camera.yaml", (64, 48))


@pytest.mark.parametrize("name", ["K.npz", "K.mat"])
def test_arrays_that_are_too_large_once_they_are_unpacked_are_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_files, "MAX_UNPACKED", 10_000)
    matrix, path = np.diag([60.0, 61.0, 1.0]), tmp_path / name
    for large, refused in ((np.zeros(100), False), (np.zeros(100_000), True)):
        if name == "K.npz":
            np.savez_compressed(path, K=matrix, intrinsics=large)
        else:
            savemat(path, {"K": matrix, "intrinsics": large}, do_compression=True)
        assert path.stat().st_size < 10_000
        if refused:
            with pytest.raises(PerceptionError, match=f"{name} holds no camera: more than 10000 bytes once it is unpacked"):
                read_camera(path, (64, 48))
        else:
            assert read_camera(path, (64, 48)).intrinsics.fx == 60.0


def test_numbers_in_quotes_are_numbers_and_other_texts_are_told() -> None:
    fields = {"width": "64", "height": 48, "fx": "60.5", "fy": " 6.1e1", "cx": 32.0, "cy": 24.0, "depth_scale": "0.001"}
    found = parse_camera(fields, "camera.json")
    k = found.intrinsics
    assert (k.width, k.fx, k.fy, found.unit) == (64, 60.5, 61.0, 0.001)
    with pytest.raises(PerceptionError, match=r"fx must be a number below 1e9, got the text '612 px'"):
        parse_camera({**fields, "fx": "612 px"}, "camera.json")


NUMBERS = {"fx": 60.0, "fy": 61.0, "cx": 32.0, "cy": 24.0}
MOVED = [[1.0, 0.0, 0.0, 0.02], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text", [json.dumps(NUMBERS, indent="\t"), "60 0 32\n0 61 24\n0 0 1\n", "fx: 6e1\nfy: 061\ncx: 32\ncy: 24\n"]
)
def test_texts_as_windows_writes_them_are_read(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "camera").write_bytes(text.encode(encoding))
    k = read_camera(tmp_path / "camera", (64, 48)).intrinsics
    assert (k.fx, k.fy, k.cx, k.cy) == (60.0, 61.0, 32.0, 24.0)


@pytest.mark.parametrize(
    "text", ['{"fx": 60, "fy": 61, "cx": 32, "cy": 24, "fx": 600}', "fx: 60\nfy: 61\ncx: 32\ncy: 24\nfx: 600\n"]
)
def test_a_key_that_stands_twice_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "camera").write_text(text)
    with pytest.raises(PerceptionError, match="fx: this key stands here twice"):
        read_camera(tmp_path / "camera", (64, 48))


@pytest.mark.parametrize("unit", ["1e-4", "1.0e-4", "0.0001"])
def test_numbers_of_yaml_may_have_an_exponent(tmp_path: Path, unit: str) -> None:
    (tmp_path / "camera.yaml").write_text(f"fx: 60\nfy: 61\ncx: 32\ncy: 24\ndepth_unit_m: {unit}\n")
    assert read_camera(tmp_path / "camera.yaml", (64, 48)).unit == 0.0001


@pytest.mark.parametrize(
    ("size", "fx", "cx", "cy"),
    [((64, 48), 60.0, 34.0, 26.0), ((128, 96), 60.0, 66.0, 50.0), ((32, 24), 60.0, 34.0, 26.0), (None, 60.0, 66.0, 50.0)],
)
def test_images_of_a_region_have_its_camera(size: tuple[int, int] | None, fx: float, cx: float, cy: float) -> None:
    """ROS states k for all of the sensor, of which images may show a part."""
    region = {"x_offset": 32, "y_offset": 24, "width": 64, "height": 48, "do_rectify": False}
    content = {"width": 128, "height": 96, "k": [60.0, 0, 66.0, 0, 60.0, 50.0, 0, 0, 1], "roi": region}
    k = parse_camera(content, "here", size).intrinsics
    assert (k.fx, k.cx, k.cy) == (fx, cx, cy)
    assert (k.width, k.height) == ((128, 96) if size in (None, (128, 96)) else (64, 48))


@pytest.mark.parametrize("roi", [{"x_offset": 0, "y_offset": 0, "width": 0, "height": 0}, {"width": "wide"}, 3, None])
def test_no_region_is_all_of_the_sensor(roi: object) -> None:
    k = parse_camera({**NUMBERS, "width": 128, "height": 96, "roi": roi}, "here", (64, 48)).intrinsics
    assert (k.width, k.cx) == (128, 32.0)


@pytest.mark.parametrize("depth", [{"depth_scale": 0.00025}, {**NUMBERS, "depth_unit_m": 0.00025}])
def test_what_a_step_of_depth_is_may_stand_with_the_depth_camera(depth: dict[str, float]) -> None:
    found = parse_camera({"color": NUMBERS, "depth": depth}, "here", (64, 48))
    assert found.unit == pytest.approx(0.00025) and found.scaled == ("depth_scale" in depth)


@pytest.mark.parametrize(
    ("more", "lacks"),
    [
        ({}, ""),
        ({"depth": NUMBERS}, ""),
        ({"depth": {"depth_scale": 0.001}}, ""),
        ({"depth": {**NUMBERS, "fx": 90.0}}, "depth_to_color for its other camera"),
        ({"depth": {**NUMBERS, "fx": 90.0}, "depth_to_color": np.eye(4).tolist()}, ""),
        ({"depth": {**NUMBERS, "fx": 90.0}, "depth_to_color": None}, "depth_to_color for its other camera"),
        ({"depth_to_color": MOVED}, "depth, the other camera's own fx, fy, cx and cy"),
        ({"depth_to_color": np.eye(4).tolist()}, ""),
        ({"depth_to_color": None}, ""),
        ({"extrinsics": MOVED}, ""),
    ],
)
def test_a_depth_camera_whose_place_is_not_told_is_noticed(more: dict[str, object], lacks: str) -> None:
    assert parse_camera({"color": NUMBERS, **more}, "here", (64, 48), depth_size=(64, 48)).unlinked == lacks


@pytest.mark.parametrize(
    "text",
    [
        "[[60.0, 0, 32.0], [0, 61.0, 24.0], [0, 0, 1]]",
        "[[60.   0.  32.]\n [ 0.  61.  24.]\n [ 0.   0.   1.]]",
        "np.array([[60., 0., 32.], [0., 61., 24.], [0., 0., 1.]])",
        "60 0 32;0 61 24;0 0 1",
        '[{"fx": 60.0, "fy": 61.0, "cx": 32.0, "cy": 24.0}]',
    ],
)
def test_a_matrix_in_brackets_is_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "camera.json").write_text(text)
    k = read_camera(tmp_path / "camera.json", (64, 48)).intrinsics
    assert (k.fx, k.fy, k.cx, k.cy) == (60.0, 61.0, 32.0, 24.0)


@pytest.mark.parametrize("name", ["D", "dist", "distCoeffs", "distortion_coefficient", "Distortion_Coefficients"])
@pytest.mark.parametrize("ending", ["json", "npz"])
def test_a_lens_is_known_under_the_names_that_programs_give_it(tmp_path: Path, name: str, ending: str) -> None:
    matrix, bends = np.array([[60.0, 0, 32.0], [0, 61.0, 24.0], [0, 0, 1]]), [0.1, -0.2, 0.0, 0.0, 0.05]
    path = tmp_path / f"camera.{ending}"
    if ending == "npz":
        np.savez(path, **{"mtx": matrix, name: np.array([bends])})
    else:
        path.write_text(json.dumps({"K": matrix.tolist(), name: bends, "distance": 3.0}))
    lens = read_camera(path, (64, 48)).lens
    assert lens is not None and lens.coefficients == tuple(bends)


@pytest.mark.parametrize("beside", [{"dist": None}, {"dist": 0.8}, {"d": np.ones((48, 64))}, {"depth_unit": "mm"}])
def test_other_arrays_beside_a_matrix_are_no_lens(tmp_path: Path, beside: dict[str, object]) -> None:
    np.savez(tmp_path / "camera.npz", **{"K": np.diag([60.0, 61.0, 1.0]), **beside})
    found = read_camera(tmp_path / "camera.npz", (64, 48))
    assert (found.intrinsics.fx, found.lens, found.unit) == (60.0, None, 0.001 if "depth_unit" in beside else None)
    assert parse_camera({**NUMBERS, "dist": [0.3, 1.5]}, "here", (64, 48)).lens is None
