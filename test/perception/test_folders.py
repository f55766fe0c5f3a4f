"""Folders as people have them: which files are one frame, and whose camera it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fail2progress.perception.folders import pairs
from fail2progress.perception.segmentation.base import PerceptionError

CAMERA = json.dumps({"fx": 60.0, "fy": 61.0, "cx": 32.0, "cy": 24.0})


def filled(folder: Path, *names: str) -> Path:
    """A folder with such files; what is in pictures does not matter here."""
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(CAMERA if path.suffix in (".json", ".yml", ".intr") else "nothing")
    return folder


@pytest.mark.parametrize(
    ("colour", "depth", "name"),
    [
        ("a-color.png", "a-depth.png", "a"),
        ("color_img_3.png", "depth_raw_3.npy", "3"),
        ("color00012.jpg", "depth00012.png", "00012"),
        ("0007_rgb.png", "0007_aligned_depth.png", "0007"),
        ("color.png", "depth_measured.png", "frame"),
        ("color_image.npy", "depth_image.npy", "frame"),
        ("left_rgb.png", "depth.tiff", "left"),
        ("color/000010.png", "depth/000010.png", "000010"),
        ("color_images/12.jpg", "depth_images/12.png", "12"),
        ("rgb/frame-1.color.jpg", "depth/frame-1.depth.png", "1"),
    ],
)
def test_one_frame_by_the_names_of_its_files(tmp_path: Path, colour: str, depth: str, name: str) -> None:
    (found,) = pairs(filled(tmp_path, colour, depth, "camera.json"))
    assert (found.name, found.colour, found.depth) == (name, tmp_path / colour, tmp_path / depth)


def test_depth_of_two_kinds_is_paired_with_neither_by_chance(tmp_path: Path) -> None:
    with pytest.raises(PerceptionError, match="no pairs there"):
        pairs(filled(tmp_path, "color.png", "depth_a.png", "depth_b.png", "camera.json"))


@pytest.mark.parametrize("name", ["primesense.intr", "836212060125_640x480.yml", "rs_intrinsic.json"])
def test_a_camera_is_known_by_what_is_in_its_file(tmp_path: Path, name: str) -> None:
    folder = filled(tmp_path, "0_color.png", "0_depth.png", name)
    (tmp_path / "poses.txt").write_text("1 2 3")
    (tmp_path / "meta.json").write_text('{"author": "somebody"}')
    (found,) = pairs(folder)
    assert found.camera == tmp_path / name and found.guessed


def test_matrices_of_arrays_are_cameras(tmp_path: Path) -> None:
    np.savez(tmp_path / "poses_0.npz", intrinsic=np.diag([60.0, 61.0, 1.0]), widths=np.ones(3))
    np.savez(tmp_path / "labels_0.npz", seg=np.ones((4, 4)))
    (found,) = pairs(filled(tmp_path, "0_color.png", "0_depth.png"))
    assert found.camera == tmp_path / "poses_0.npz"


def test_of_several_cameras_each_frame_has_its_own(tmp_path: Path) -> None:
    names = [f"input-{i}.{kind}.png" for i in (0, 1) for kind in ("color", "depth")]
    folder = filled(tmp_path, *names)
    for i in (0, 1):
        (tmp_path / f"camera-{i}.intrinsics.txt").write_text(f"60 0 32\n0 6{i} 24\n0 0 1")
    assert [pair.camera.name for pair in pairs(folder)] == ["camera-0.intrinsics.txt", "camera-1.intrinsics.txt"]


def test_two_cameras_of_which_none_is_nearer_are_told(tmp_path: Path) -> None:
    with pytest.raises(PerceptionError, match=r"several camera files .* one\.yml, two\.yml"):
        pairs(filled(tmp_path, "a_color.png", "a_depth.png", "one.yml", "two.yml"))


def test_a_missing_camera_is_told_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(PerceptionError, match="fx, fy, cx and cy"):
        pairs(filled(tmp_path, "a_color.png", "a_depth.png"))
