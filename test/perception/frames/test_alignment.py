"""Depth beside its colours: found where edges tell, moved where there is no doubt, and said."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.learning.segmentation.meshes import box, lathe
from fail2progress.perception.frames.alignment import AlignRules, FirstFrames, Offset, all_laid, fit_of, laid
from fail2progress.perception.frames.files import read_files
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from support.tabletop_frames import frame_of

TABLE = (box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
FLOOR = (box(8, 8, 0.05).shifted(0, 0, -0.75), (120, 120, 125))
CAN = lathe(np.array([[0, 0], [0.03, 0], [0.03, 0.11], [0, 0.11]]))
THINGS = [
    (box(0.1, 0.07, 0.12).shifted(-0.2, 0.05, 0), (180, 50, 45)),
    (box(0.08, 0.06, 0.1).shifted(0.18, -0.05, 0), (50, 80, 170)),
    (CAN.shifted(0.02, 0.1, 0), (40, 160, 60)),
]


@pytest.fixture(scope="module")
def frame() -> RgbdFrame:
    return frame_of([TABLE, FLOOR, *THINGS], (0.0, -0.8, 0.6), (0.0, 0.0, 0.03))


def offset(colour: NDArray[np.uint8], depth: NDArray[np.float32]) -> Offset | None:
    """Of one frame."""
    fit = fit_of(colour, depth)
    return None if fit is None else fit.offset(AlignRules())


def test_depth_that_lies_on_its_colours_stays(frame: RgbdFrame) -> None:
    assert offset(frame.colour, frame.depth) is None
    depth, notes = laid(frame.colour, frame.depth, "depth.png")
    assert depth is frame.depth and not notes


@pytest.mark.parametrize(("across", "down"), [(20, -6), (-26, 10), (0, 18), (-22, 8)])
def test_depth_beside_its_colours_is_moved_back_and_that_is_said(frame: RgbdFrame, across: int, down: int) -> None:
    beside = Offset(across, down, True).moved(frame.depth)
    found = offset(frame.colour, beside)
    assert found is not None and found.sure
    assert (found.across, found.down) == (pytest.approx(-across, abs=2), pytest.approx(-down, abs=2))
    depth, (note,) = laid(frame.colour, beside, "depth.png")
    assert f"depth.png did not lie on its colours and was moved {found}" in note
    inner = (slice(40, -40), slice(40, -40))
    assert np.median(np.abs(depth - frame.depth)[inner]) < 0.005
    assert offset(frame.colour, depth) is None


def test_files_are_read_as_depth_lies(frame: RgbdFrame, tmp_path: Path) -> None:
    beside = Offset(-24, 4, True).moved(frame.depth)
    colour, depth, camera = (tmp_path / name for name in ("color.png", "depth.png", "camera.json"))
    Image.fromarray(frame.colour).save(colour)
    Image.fromarray(np.round(beside * 1000).astype(np.uint16)).save(depth)
    camera.write_text(json.dumps(vars(frame.intrinsics)))
    read = read_files(colour, depth, camera)
    assert any("was moved 24 pixels to the right" in note for note in read.notes)
    assert len(GeometricSegmenter().segment(read.frame).segments) == len(THINGS)


def test_where_two_places_are_as_good_it_is_said_and_nothing_is_moved(frame: RgbdFrame) -> None:
    ways = [Offset(by, by // 2, True) for by in (-20, 20)]
    shown = [np.stack([way.moved(frame.colour[..., i]) for i in range(3)], axis=-1) for way in ways]
    colour = (shown[0] // 2 + shown[1] // 2).astype(np.uint8)
    depth, (note,) = laid(colour, frame.depth, "depth.png")
    assert depth is frame.depth and "may not lie on its colours, perhaps by 20 pixels" in note


def test_without_edges_nothing_is_told() -> None:
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 255, (120, 160, 3)).astype(np.uint8)
    assert offset(colour, np.full((120, 160), 0.8, np.float32)) is None
    assert offset(colour, np.zeros((120, 160), np.float32)) is None


@pytest.mark.parametrize("change", ["turned", "upside down", "of another view"])
def test_depth_of_another_moment_or_view_is_told(frame: RgbdFrame, change: str) -> None:
    other = frame_of([TABLE, FLOOR, *THINGS], (0.5, -0.6, 0.7), (0.1, 0.1, 0.03))
    depth = {"turned": frame.depth[::-1, ::-1], "upside down": frame.depth[::-1], "of another view": other.depth}[change].copy()
    laid_out, notes = laid(frame.colour, depth, "depth.png")
    assert laid_out is depth and any("may not" in note for note in notes)


def test_frames_of_a_recording_are_moved_alike_by_what_the_first_of_them_tell(frame: RgbdFrame) -> None:
    beside = replace(frame, depth=Offset(-20, 4, True).moved(frame.depth))
    plain = replace(frame, depth=np.full_like(frame.depth, 0.8))  # tells nothing, and is moved as the others are
    said: list[str] = []
    found = list(all_laid(iter([beside, plain, beside, beside]), "/depth", said.append))
    assert len(found) == 4 and said == [said[0]] and "/depth did not lie on its colours and was moved 20 pixels" in said[0]
    assert (found[1].depth[:, :18] == 0).all() and np.median(np.abs(found[0].depth - frame.depth)) < 0.005
    assert [one.depth is frame.depth for one in all_laid([frame] * 7, "/depth", said.append)] == [True] * 7 and len(said) == 1
    assert list(all_laid([], "/depth", said.append)) == []


def test_the_first_frames_of_a_camera_are_told_of_once_and_stay_as_they_are(frame: RgbdFrame) -> None:
    beside = replace(frame, depth=Offset(-20, 4, True).moved(frame.depth))
    watch = FirstFrames("/depth")
    said = [watch.notes(beside) for _ in range(8)]
    assert [len(notes) for notes in said] == [0, 0, 0, 0, 1, 0, 0, 0]
    assert "/depth may not lie on its colours, perhaps by 20 pixels" in said[4][0]
    good = FirstFrames("/depth")
    assert [good.notes(frame) for _ in range(8)] == [[]] * 8


@pytest.mark.parametrize("things", [3, 15])
def test_flat_colours_without_noise_tell_as_others_do(things: int) -> None:
    """As renderings have them, in which few pixels have an edge."""
    rng = np.random.default_rng(0)
    colour, depth = np.full((480, 640, 3), 120, np.uint8), np.full((480, 640), 1.0, np.float32)
    for _ in range(things):
        row, column = int(rng.integers(20, 380)), int(rng.integers(20, 540))
        colour[row : row + 60, column : column + 50], depth[row : row + 60, column : column + 50] = rng.integers(255, size=3), 0.8
    assert laid(colour, depth, "depth.png") == (depth, [])
    assert laid(np.full_like(colour, 120), depth, "depth.png") == (depth, [])  # nothing tells


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_images_of_one_size_are_looked_at(data: st.DataObject) -> None:
    size = data.draw(st.tuples(st.integers(1, 80), st.integers(1, 80)))
    colour = data.draw(arrays.arrays(np.uint8, (*size, 3)))
    depth = data.draw(arrays.arrays(np.float32, size, elements=st.floats(0, 10, width=32)))
    moved, notes = laid(colour, depth, "depth.png")
    assert moved.shape == depth.shape and moved.dtype == np.float32 and len(notes) <= 1
