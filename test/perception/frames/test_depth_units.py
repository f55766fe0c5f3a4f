"""Depth in files: what one step of it stands for, and what is no reading."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fail2progress.perception.frames.camera_files import parse_camera
from fail2progress.perception.frames.files import read_files, read_frame
from fail2progress.perception.segmentation.base import PerceptionError
from support.frame_files import PLAIN


def test_depth_in_another_unit_is_noticed(files: tuple[Path, Path, Path]) -> None:
    files[2].write_text(json.dumps({**PLAIN, "depth_unit_m": 1.0}))
    with pytest.raises(PerceptionError, match="depth_unit_m"):
        read_frame(*files)


@pytest.mark.parametrize(("step", "gives"), [(105, "0.01 would give 1.05 m"), (9000, "0.0001 would give 0.9 m")])
def test_the_unit_that_is_advised_gives_a_depth_that_cameras_read(files: tuple[Path, Path, Path], step: int, gives: str) -> None:
    Image.fromarray(np.full((48, 64), step, np.uint16)).save(files[1])
    with pytest.raises(PerceptionError, match=gives):
        read_frame(*files)


def test_depth_of_8_bits_needs_its_unit(files: tuple[Path, Path, Path]) -> None:
    Image.fromarray(np.full((48, 64), 85, np.uint8)).save(files[1])
    with pytest.raises(PerceptionError, match=r"8 bits a pixel.*16-bit"):
        read_frame(*files)
    files[2].write_text(json.dumps({**PLAIN, "depth_scale": 1000}))  # of a stereo partner, or a picture of depth
    with pytest.raises(PerceptionError, match=r"8 bits a pixel.*in steps of 0.001 m they end at 0.26 m.*16-bit"):
        read_frame(*files)
    files[2].write_text(json.dumps({**PLAIN, "depth_unit_m": 0.0015}))  # a unit is not doubted
    (note,) = read_files(*files).notes
    assert note.endswith("8 bits a pixel (in steps of 0.0015 m they end at 0.38 m): see that it is depth and no picture of it")
    files[2].write_text(json.dumps({**PLAIN, "depth_unit_m": 0.01}))
    assert read_frame(*files).depth == pytest.approx(0.85)


def test_cameras_on_a_gripper_read_from_a_hand_s_breadth_on_where_the_unit_is_given(files: tuple[Path, Path, Path]) -> None:
    Image.fromarray(np.full((48, 64), 1170, np.uint16)).save(files[1])
    files[2].write_text(json.dumps({**PLAIN, "depth_unit_m": 0.0001}))
    assert read_frame(*files).depth == pytest.approx(0.117)
    Image.fromarray(np.full((48, 64), 117, np.uint16)).save(files[1])
    files[2].write_text(json.dumps(PLAIN))
    with pytest.raises(PerceptionError, match=r"depth_unit_m .*\(0.001 if the camera is that near, 0.01 would give 1.17 m\)"):
        read_frame(*files)
    np.save(files[1].with_suffix(".npy"), np.full((48, 64), 0.117, np.float32))
    files[2].write_text(json.dumps({**PLAIN, "depth_unit_m": 1.0}))
    assert read_frame(files[0], files[1].with_suffix(".npy"), files[2]).depth == pytest.approx(0.117)


@pytest.mark.parametrize(
    "scale",
    [
        {"RGBD.DepthMapFactor": 5000.0},
        {"scale": 5000},
        {"depth_unit_scale_factor": 0.0002},
        {"depthScale": 0.0002},
        {"Depth_scale": 5000},
        {"depth_units": 0.0002},
        {"depth_scaling_factor": 0.2},
    ],
)
def test_scales_of_depth_are_known_under_the_names_that_programs_give_them(scale: dict[str, float]) -> None:
    """ORB-SLAM3, Replica, Nerfstudio, RealSense and others."""
    assert parse_camera({**PLAIN, **scale}, "camera.json").unit == pytest.approx(0.0002)


@pytest.mark.parametrize(
    ("word", "unit"), [("mm", 0.001), ("Meters", 1.0), ("cm", 0.01), ("centimetres", 0.01), ("millimetre", 0.001)]
)
def test_units_of_depth_may_be_words(word: str, unit: float) -> None:
    assert parse_camera({**PLAIN, "depth_units": word}, "camera.json").unit == unit


@pytest.mark.parametrize(("key", "text"), [("depth_units", "um"), ("depth_unit", "inches"), ("depth_scale", "16-bit")])
def test_a_unit_in_words_that_nobody_knows_is_refused_with_those_that_are_known(key: str, text: str) -> None:
    for own in ({key: text}, {"depth": {key: text}}):
        with pytest.raises(PerceptionError, match=rf"camera\.json: {key} is '{text}', .*write one of m, meter, .*, or a number"):
            parse_camera({**PLAIN, **own}, "camera.json")
    assert parse_camera({**PLAIN, key: text, "depth_map_factor": 5000}, "camera.json").unit == 0.0002
    assert parse_camera({**PLAIN, key: text, "depth_unit_m": 0.01}, "camera.json").unit == 0.01


@pytest.mark.parametrize(
    "other",
    [
        {"scale": 0.5, "factor": 2.0},
        {"scale": "5000"},
        {"depth_scale_mode": "auto", "depth_unit_known": True, "depth_units": " ", "depth_scale_type": "mm"},
        {"depth_noise_factor": 0.01},
        {"depth_downscale_factor": 2, "depth_resize_factor": 0.5},
    ],
)
def test_other_factors_of_depth_are_no_scale(other: dict[str, object]) -> None:
    assert parse_camera({**PLAIN, **other}, "camera.json").unit is None
    assert parse_camera({**other, **PLAIN, "depth_scale": 5000}, "camera.json").unit == 0.0002


@pytest.mark.parametrize("beside", [{"depth_unit": "m"}, {"scale": 1000}, {"depth_units": "meters"}, {"depth_unit_factor": 1.0}])
def test_of_several_scales_the_one_that_says_most_is_taken(beside: dict[str, object]) -> None:
    assert parse_camera({**PLAIN, **beside, "depth_scale": 5000}, "camera.json").unit == 0.0002
    assert parse_camera({**PLAIN, **beside, "depth_scale": 5000, "depth_unit_m": 0.01}, "camera.json").unit == 0.01


def test_a_unit_that_was_assumed_is_told_where_the_depth_is_unusual(files: tuple[Path, Path, Path]) -> None:
    for step, told in ((850, False), (3100, True), (200, True)):
        Image.fromarray(np.full((48, 64), step, np.uint16)).save(files[1])
        notes = [note for note in read_files(*files).notes if "is read as millimetres, as the camera's file has no" in note]
        assert bool(notes) == told and (not told or notes[0].endswith(f"its median is {step / 1000:.3g} m"))
    files[2].write_text(json.dumps({**PLAIN, "depth_unit_m": 0.001}))
    assert read_files(*files).notes == ()


def test_floating_point_is_metres_whatever_the_file_says_of_integers(files: tuple[Path, Path, Path]) -> None:
    depth = np.full((48, 64), 0.85, np.float32)
    depth[:10] = np.nan
    Image.fromarray(depth).save(files[1].with_suffix(".tiff"))
    files[2].write_text(json.dumps({**PLAIN, "depth_unit_m": 0.001}))
    read = read_files(files[0], files[1].with_suffix(".tiff"), files[2])
    assert read.frame.depth[20:] == pytest.approx(0.85) and (read.frame.depth[:10] == 0).all() and read.notes


def test_the_largest_integer_is_no_reading(files: tuple[Path, Path, Path]) -> None:
    depth = np.full((48, 64), 65535, np.uint16)
    depth[:10] = 850
    Image.fromarray(depth).save(files[1])
    frame = read_frame(*files)
    assert frame.depth[:10] == pytest.approx(0.85) and (frame.depth[10:] == 0).all()


@pytest.mark.parametrize("most", [900, 1023, 10_000, 65_534, 65_535])
def test_numbers_of_a_pgm_file_are_taken_as_they_stand(files: tuple[Path, Path, Path], most: int) -> None:
    """Image libraries stretch them to 16 bits, by which a depth of 0.85 m would be one of 5.6 m where the largest is 10000."""
    values = np.tile(np.arange(801, 865, dtype=">u2"), (48, 1))
    path = files[1].with_suffix(".pgm")
    for space in (b"\n# a comment\n", b" " * 600):  # a pattern that tries all ways to part the spaces would not end
        path.write_bytes(b"P5" + space + b"64 48\n%d\n" % most + values.tobytes())
        assert read_frame(files[0], path, files[2]).depth == pytest.approx(values * 0.001)


@pytest.mark.parametrize(
    ("kind", "scale", "none"),
    [
        (np.int32, 1000, 65535),
        (np.int16, 1000, 32767),
        (np.uint16, 1000, 65500),
        (np.uint16, 1000, 10_000),
        (np.uint16, 10_000, 65_500),
        (np.float32, 1000, 65535.0),
        (np.float32, 1, 65.535),
        (np.float32, 1, 10.0),
        (np.float64, 1, 1000.0),
    ],
)
@pytest.mark.parametrize("rows", [2, 30])
def test_a_value_far_beyond_all_others_is_no_reading(
    files: tuple[Path, Path, Path], kind: type, scale: int, none: float, rows: int
) -> None:
    metres = np.linspace(0.6, 1.1, 48 * 64).reshape(48, 64)
    depth: NDArray[np.generic] = (metres * scale).astype(kind)
    depth[:rows] = none
    np.save(files[1].with_suffix(".npy"), depth)
    files[2].write_text(json.dumps({**PLAIN, "depth_unit_m": 1 / scale} if scale == 10_000 else PLAIN))
    read = read_files(files[0], files[1].with_suffix(".npy"), files[2])
    assert (read.frame.depth[:rows] == 0).all() and read.frame.depth[rows:] == pytest.approx(metres[rows:], abs=0.001)
    assert none == 32767 or any(f"{none:g}, far beyond all else in it" in note for note in read.notes)


def test_far_walls_ends_of_a_range_and_level_tables_are_readings(files: tuple[Path, Path, Path]) -> None:
    """Of a camera that looks straight down in simulation all of a table has one value, the largest."""
    path = files[1].with_suffix(".npy")
    ramp = np.linspace(0.6, 9.9, 48 * 64, dtype=np.float32).reshape(48, 64)
    table = np.full((48, 64), 1.0, np.float32)
    table[10:20, 10:20] = 0.5
    wall = np.linspace(0.6, 1.1, 48 * 64, dtype=np.float32).reshape(48, 64)
    wall[:20] = 5.0
    for depth in (np.minimum(ramp, 8.5), np.minimum(ramp, 2.047), table, wall, np.full((48, 64), 0.85, np.float32)):
        np.save(path, depth)
        read = read_files(files[0], path, files[2])
        assert np.array_equal(read.frame.depth, depth) and not any("beyond" in note for note in read.notes)
