"""Where a guide is to look: told by a few rows and columns first, and again by all of them where those tell another place."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from fail2progress.learning.segmentation.meshes import box
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.geometric import segmenter as module
from fail2progress.perception.segmentation.geometric.regions import Window
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.perception.segmentation.geometric.windows import alike, sparse, window_of
from support.tabletop_frames import frame_of

THINGS = (
    (box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105)),
    (box(0.1, 0.07, 0.12).shifted(-0.15, 0.05, 0), (180, 50, 45)),
)


class Watching(GeometricSegmenter):
    """Notes where it is told to look."""

    guided = True

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "asked", [])

    def guide(self, frame: RgbdFrame, window: Window) -> None:
        self.asked.append(window)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("height", "width", "tables"), [(2, 2, 0), (1, 9, 0), (2, 60, 1), (60, 2, 1), (3, 60, 1)])
def test_an_image_of_fewer_rows_or_columns_than_are_passed_over_has_no_first_look(height: int, width: int, tables: int) -> None:
    """A metre above a table, straight down."""
    pose = np.array([[0.0, -1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
    camera = Intrinsics(width, height, float(width), float(width), (width - 1) / 2, (height - 1) / 2)
    frame = RgbdFrame(np.full((height, width, 3), 120, np.uint8), np.full((height, width), 0.8, np.float32), camera, pose=pose)
    if tables:
        assert len(Watching().segment(frame).surfaces) == tables
    else:
        with pytest.raises(PerceptionError, match="no table found"):
            Watching().segment(frame)


def asked(frame: RgbdFrame) -> list[Window]:
    watching = Watching()
    watching.segment(frame)
    return watching.asked  # type: ignore[attr-defined, no-any-return]


@pytest.fixture(scope="module")
def far() -> RgbdFrame:
    return frame_of(THINGS, (0.0, -2.4, 1.6), (0.0, 0.3, 0.03))


def test_a_guide_is_asked_once_and_first_of_all(far: RgbdFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Window] = []

    def noting(*what: object) -> Window:
        told.append(window_of(*what))  # type: ignore[arg-type]
        return told[-1]

    monkeypatch.setattr(module, "window_of", noting)
    (window,) = asked(far)
    first, last = told
    assert window == first and alike(first, last) and window != (slice(0, 480), slice(0, 640))


@pytest.mark.parametrize("first", [None, (slice(0, 100), slice(0, 100))])
def test_what_the_first_look_missed_is_looked_at_afterwards(
    far: RgbdFrame, monkeypatch: pytest.MonkeyPatch, first: Window | None
) -> None:
    (right,) = asked(far)
    monkeypatch.setattr(Watching, "_first_look", lambda *what: first)
    windows = asked(far)
    assert len(windows) == (1 if first is None else 2) and alike(windows[-1], right)


def test_where_no_surface_is_no_guide_looks(far: RgbdFrame) -> None:
    pose = np.eye(4)
    pose[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
    wall = replace(far, depth=np.full((480, 640), 1.0, np.float32), pose=pose)
    watching = Watching()
    with pytest.raises(PerceptionError, match="no table"):
        watching.segment(wall)
    assert watching.asked == []  # type: ignore[attr-defined]


def test_a_window_has_whole_shares_of_the_image_and_all_of_it_where_nothing_is_known() -> None:
    heights = np.full((480, 640), -1.0, np.float32)
    assert window_of(heights, [], (480, 640)) == (slice(0, 480), slice(0, 640))
    heights[200:260, 300:400] = 0.05
    rows, columns = window_of(heights, [], (480, 640))
    assert (rows.start % 24, rows.stop % 24, columns.start % 32, columns.stop % 32) == (0, 0, 0, 0)
    assert 150 < rows.start < 200 and 260 < rows.stop < 310 and 250 < columns.start < 300 and 400 < columns.stop < 450
    assert window_of(heights[2::4, 2::4], [], (480, 640), 4) == (rows, columns)


def test_a_few_rows_and_columns_show_the_same_points(far: RgbdFrame) -> None:
    small, inverted = sparse(far, 1 / np.maximum(far.depth, 1e-3), 4)
    assert small.depth.shape == inverted.shape == (120, 160) == (small.intrinsics.height, small.intrinsics.width)
    assert small.points() == pytest.approx(far.points()[2::4, 2::4], abs=1e-5, nan_ok=True)


def test_windows_are_alike_where_they_share_most() -> None:
    window = (slice(0, 100), slice(50, 150))
    assert alike(window, (slice(0, 100), slice(45, 150))) and not alike(window, (slice(0, 100), slice(0, 150)))
    assert not alike(window, (slice(100, 200), slice(50, 150)))
