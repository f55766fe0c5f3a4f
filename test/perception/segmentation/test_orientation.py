"""Cameras that hang in any way, and images of any size: the same things are found, in pixels of the image as it came."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec, Shape
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import Scene, pose
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.segmentation.geometric import upward
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.perception.segmentation.orientation import SIDES, enlarged, quarters, rotation_of, thinned, turned
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import DepthNoise, photograph

WALL = 1.02
"""Metres from the robot; the table ends just before it."""


@pytest.fixture(scope="module")
def frame() -> RgbdFrame:
    """A table with three things before a wall, seen by hand."""
    things = (
        (ObjectSpec("table", "table", (0.7, 0.9, 0.04)), pose(0.65, 0.0, 0.48)),
        (ObjectSpec("box", "cuboid", (0.08, 0.12, 0.15)), pose(0.75, 0.2, 0.575, 0.4)),
        (ObjectSpec("cup", "cup", (0.10, 0.10, 0.09)), pose(0.6, -0.05, 0.545)),
        (ObjectSpec("can", "capsule", (0.07, 0.07, 0.11)), pose(0.5, 0.2, 0.555)),
    )
    scene = Scene(tuple(spec for spec, _ in things), np.array([at for _, at in things]))
    camera = Camera((-0.05, 0.1, 1.1), (0.65, 0.05, 0.5), focal=500.0)
    seen = photograph(compile_scene(scene), scene, camera, DepthNoise(0.002, 0.01), np.random.default_rng(0))
    k, at = seen.intrinsics, seen.pose
    assert at is not None and seen.labels is not None
    columns, rows = np.meshgrid(np.arange(k.width), np.arange(k.height))
    rays = np.stack([(columns - k.cx) / k.fx, (rows - k.cy) / k.fy, np.ones(columns.shape)], axis=-1) @ at[:3, :3].T
    behind = (WALL - at[0, 3]) / rays[..., 0]
    wall = (behind > 0) & (behind < 3) & ((seen.depth > behind) | (seen.labels.image == 0) & (seen.depth > 0) | (seen.depth == 0))
    wall &= seen.labels.image == 0
    noise = 1 + 0.002 * np.random.default_rng(1).standard_normal(wall.shape)
    return replace(seen, depth=np.where(wall, behind * noise, seen.depth).astype(np.float32), labels=None, pose=None)


@pytest.fixture(scope="module")
def upright(frame: RgbdFrame) -> Perceived:
    return GeometricSegmenter().segment(frame)


def _masks(found: Perceived) -> list[np.ndarray]:
    """Of the three largest in the image that is upright."""
    masks = []
    for segment in found.segments[:3]:
        mask = np.zeros(found.width * found.height, bool)
        mask[segment.pixels] = True
        masks.append(mask.reshape(found.height, found.width))
    return masks


def test_a_wall_behind_a_table_is_neither_table_nor_thing(upright: Perceived) -> None:
    assert len(upright.segments) == 3 and len(upright.surfaces) == 1
    assert upright.way_up is not None and upright.way_up.side == "top"
    assert np.abs(upright.surfaces[0].points[:, 2]).max() <= 0.04


@pytest.mark.parametrize(("carried", "cut", "side"), [(6.0, 60, "top"), (0.0, 60, "bottom"), (6.0, 0, "bottom")], ids=str)
def test_a_wall_that_more_seems_to_stand_on_is_no_table_where_a_larger_one_carries_anything(
    frame: RgbdFrame, monkeypatch: pytest.MonkeyPatch, carried: float, cut: int, side: str
) -> None:
    """cut: rows of the wall that are not read, so that less of it is seen than of the table."""
    seen = replace(frame, depth=np.where(np.arange(480)[:, None] < cut, 0, frame.depth).astype(np.float32))
    monkeypatch.setattr(upward, "_carried", lambda planes, *_: [carried if plane[1] > 0 else 36.0 for plane in planes])
    found = GeometricSegmenter().segment(seen)
    assert found.way_up is not None and found.way_up.side == side


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_an_image_turned_by_quarters_gives_the_same_things(frame: RgbdFrame, upright: Perceived, turns: int) -> None:
    found = GeometricSegmenter().segment(turned(frame, turns))
    assert found.way_up is not None and found.way_up.side == SIDES[-turns % 4] and found.way_up.source == "the planes in view"
    assert len(found.segments) == 3 and (found.width, found.height) == ((480, 640) if turns % 2 else (640, 480))
    for mask, other in zip(_masks(upright), _masks(found), strict=True):
        back = np.rot90(other, -turns)
        assert (mask & back).sum() / (mask | back).sum() > 0.85
    # The frame of the planner does not depend on how the camera is turned; its points are where its pixels say.
    assert found.pose @ rotation_of(turns) == pytest.approx(upright.pose, abs=0.03)
    segment = found.segments[0]
    points = turned(frame, turns).points().reshape(-1, 3)[segment.pixels] @ found.pose[:3, :3].T + found.pose[:3, 3]
    assert np.nanmedian(np.linalg.norm(points - segment.points, axis=1)) < 0.01  # pixels without a reading were put back


@pytest.mark.parametrize("exactly", [False, True])
def test_a_given_way_up_is_followed(frame: RgbdFrame, upright: Perceived, exactly: bool) -> None:
    assert upright.way_up is not None
    up = rotation_of(1)[:3, :3] @ (upright.way_up.direction if exactly else (0.0, -1.0, 0.0))
    found = GeometricSegmenter().segment(replace(turned(frame, 1), up=up))
    assert found.way_up is not None and (found.way_up.side, found.way_up.source) == ("left", "given")
    assert len(found.segments) == 3


def test_quarters_are_counted_from_the_side_of_the_image_that_up_is_at() -> None:
    ups = [(0, -1, 0), (1, 0, 0), (0, 1, 0), (-1, 0, 0)]
    assert [quarters(np.array(up, float)) for up in ups] == [0, 1, 2, 3]
    for turns, up in enumerate(ups):
        assert rotation_of(turns)[:3, :3] @ up == pytest.approx([0, -1, 0])
    assert quarters(np.array([0.2, 0.1, -0.97])) == 0  # straight down


def test_a_frame_and_its_points_turn_together(frame: RgbdFrame) -> None:
    known = replace(frame, pose=np.eye(4))
    for turns in range(4):
        other = turned(known, turns)
        assert other.pose is not None
        points = other.points() @ other.pose[:3, :3].T + other.pose[:3, 3]
        np.testing.assert_allclose(np.rot90(points, -turns), frame.points(), atol=1e-5)


def test_a_thinned_frame_has_the_same_points_and_segments_come_back_whole(frame: RgbdFrame, upright: Perceived) -> None:
    small = thinned(frame, 2)
    assert small.depth.shape == (240, 320) and small.colour.shape == (240, 320, 3)
    apart = small.points() - np.nanmean(frame.points()[:480, :640].reshape(240, 2, 320, 2, 3), axis=(1, 3))
    assert np.nanmedian(np.linalg.norm(apart, axis=-1)) < 0.004
    found = enlarged(GeometricSegmenter().segment(small), frame, 2)
    assert len(found.segments) == 3 and (found.width, found.height) == (640, 480)
    for mask, other in zip(_masks(upright), _masks(found), strict=True):
        assert (mask & other).sum() / (mask | other).sum() > 0.8
    assert all(len(segment.points) == len(segment.pixels) for segment in found.segments)


def test_readings_that_the_thinned_frame_leaves_out_do_not_come_back_with_the_others(frame: RgbdFrame) -> None:
    """A wide flat patch of a segment, of which every other column of the frame has readings 5 cm behind it."""
    step, width, k = 2, 320, frame.intrinsics
    rows, columns = (grid.ravel() for grid in np.mgrid[60:100, 80:140])
    ray = np.stack([(2 * columns + 0.5 - k.cx) / k.fx, (2 * rows + 0.5 - k.cy) / k.fy, np.ones(len(rows))], axis=-1)
    sloped = 1 / (1.0 + 0.2 * ray[:, 0] + 0.4 * ray[:, 1])
    points = (ray * sloped[:, None]).astype(np.float32)
    segment = Segment("a", "cuboid", Shape.CUBOID, points, rows * width + columns, pose(0, 0, 1), np.ones(3), 1.0)
    u, v = (np.arange(k.width) - k.cx) / k.fx, (np.arange(k.height) - k.cy) / k.fy
    plane = 1 / (1.0 + 0.2 * u + 0.4 * v[:, None])
    depth = plane * (1 + 0.002 * np.random.default_rng(0).standard_normal(plane.shape))
    depth[:, 1::2] += 0.05
    found = enlarged(Perceived((segment,), (), np.eye(4), width, 240), replace(frame, depth=depth.astype(np.float32)), step)
    (whole,) = found.segments
    assert (whole.pixels % k.width % 2 == 0).all() and len(whole.pixels) > 1.9 * len(segment.pixels)
    np.testing.assert_allclose(whole.points[:, 2], plane.ravel()[whole.pixels], atol=0.0005)
    np.testing.assert_allclose(whole.points[:, 0] / whole.points[:, 2], u[whole.pixels % k.width], atol=1e-4)


def test_a_large_frame_shows_things_as_large_as_the_thinned_one(frame: RgbdFrame) -> None:
    """By the places of their points, noise and what flies at their edges included."""
    small = GeometricSegmenter().segment(thinned(frame, 2))
    for part, whole in zip(small.segments, enlarged(small, frame, 2).segments, strict=True):
        np.testing.assert_allclose(whole.points.min(axis=0), part.points.min(axis=0), atol=0.01)
        np.testing.assert_allclose(whole.points.max(axis=0), part.points.max(axis=0), atol=0.01)
        assert len(whole.points) > 3 * len(part.points)
