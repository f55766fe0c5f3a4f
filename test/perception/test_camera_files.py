"""Cameras in files of arrays, and in YAML and JSON that say more than a camera."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from fail2progress.perception import array_files
from fail2progress.perception.camera_files import parse_camera, read_camera
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


def test_numbers_in_quotes_are_told_as_text() -> None:
    fields = {"width": 64, "height": 48, "fx": "612.0", "fy": 61.0, "cx": 32.0, "cy": 24.0}
    with pytest.raises(PerceptionError, match=r"fx must be a number below 1e9, got the text '612\.0'"):
        parse_camera(fields, "camera.json")
