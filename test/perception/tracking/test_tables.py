"""Tables in pictures that show parts of them: a camera that looks straight down on them from different places."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.objects import Shape
from fail2progress.core.relations import on
from fail2progress.core.scene import pose
from fail2progress.perception.relations.geometric import GeometricDetector
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.tracking.tables import Camera, common
from fail2progress.perception.tracking.tracker import Tracker

WIDTH, HEIGHT, FOCAL = 160, 120, 150.0
Box = tuple[str, tuple[float, float, float, float], float, float]
"""Name, ends x0, x1, y0, y1, heights of the lower and the upper side, in m."""
TABLE: Box = ("table", (0.4, 1.2, -1.1, 1.1), 0.66, 0.7)
NEAR: Box = ("near", (0.75, 0.85, -0.65, -0.55), 0.7, 0.8)
FAR: Box = ("far", (0.75, 0.85, 0.55, 0.65), 0.7, 0.8)


def down(*boxes: Box, y: float, above: float) -> Perceived:
    """What a camera above x = 0.8 and y sees of the upper sides of boxes; columns go along y."""
    camera = np.eye(4)
    camera[:3, :3] = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    camera[:3, 3] = (0.8, y, 0.7 + above)
    rows, columns = np.divmod(np.arange(WIDTH * HEIGHT), WIDTH)
    slopes = np.stack([(rows - (HEIGHT - 1) / 2) / FOCAL, (columns - (WIDTH - 1) / 2) / FOCAL], axis=1)
    parts, taken = [], np.zeros(WIDTH * HEIGHT, bool)
    for name, (x0, x1, y0, y1), low, top in sorted(boxes, key=lambda box: -box[3]):
        at = camera[:2, 3] + slopes * (camera[2, 3] - top)
        pixels = np.flatnonzero((at > (x0, y0)).all(axis=1) & (at < (x1, y1)).all(axis=1) & ~taken)
        taken[pixels] = True
        if len(pixels):
            points = np.column_stack([at[pixels], np.full(len(pixels), top)]).astype(np.float32)
            size, middle = np.ptp(points, axis=0), (points.min(axis=0) + points.max(axis=0)) / 2
            kind, shape = ("table", Shape.TABLE) if name.startswith("table") else ("cuboid", Shape.CUBOID)
            place = pose(float(middle[0]), float(middle[1]), (low + top) / 2)
            parts.append(Segment(name, kind, shape, points, pixels, place, np.array([*size[:2], top - low]), 1.0))
    tables = tuple(part for part in parts if part.shape is Shape.TABLE)
    return Perceived(tuple(part for part in parts if part.shape is not Shape.TABLE), tables, camera, WIDTH, HEIGHT)


def stands(found: Perceived) -> set[tuple[str, str]]:
    return {(above, below) for above, below, _ in on(GeometricDetector().observe(found.cloud()).relations)}


def test_what_stands_on_a_part_of_a_table_out_of_view_still_stands_on_it() -> None:
    tracker = Tracker()
    for y, above in ((0.0, 2.3), (-0.6, 0.7), (0.6, 0.7), (0.0, 2.3)):
        found = tracker.update(down(TABLE, NEAR, FAR, y=y, above=above))
        assert [part.id for part in found.surfaces] == ["table"]
        assert found.surfaces[0].size[:2] == pytest.approx((0.8, 2.2), abs=0.06)
        assert stands(found) == {("near", "table"), ("far", "table")}


def test_views_of_one_table_that_have_nothing_in_common_are_one_when_another_view_shows_it() -> None:
    tracker = Tracker()
    tracker.update(down(TABLE, NEAR, y=-0.7, above=0.7))
    apart = tracker.update(down(TABLE, FAR, y=0.7, above=0.7))
    assert [part.id for part in apart.surfaces] == ["table", "surface_1"] and ("far", "surface_1") in stands(apart)
    whole = tracker.update(down(TABLE, NEAR, FAR, y=0.0, above=2.3))
    assert [part.id for part in whole.surfaces] == ["table"]
    assert stands(whole) == {("near", "table"), ("far", "table")}
    other = ("table", (0.4, 1.2, 3.0, 4.0), 0.66, 0.7)
    assert [part.id for part in tracker.update(down(other, y=3.5, above=0.7)).surfaces] == ["table", "surface_2"]


def test_two_like_tables_seen_one_after_the_other_are_two_and_so_are_the_like_things_on_them() -> None:
    here, there = (("table", (0.4, 1.2, y - 0.4, y + 0.4), 0.66, 0.7) for y in (-1.0, 1.0))
    one, other = (("thing", (0.75, 0.85, y - 0.05, y + 0.05), 0.7, 0.8) for y in (-1.0, 1.0))
    tracker = Tracker()
    tracker.update(down(here, one, y=-1.0, above=1.0))
    found = tracker.update(down(there, other, y=1.0, above=1.0))
    assert {part.id: float(np.sign(part.points[:, 1].mean())) for part in (*found.surfaces, *found.segments)} == {
        "table": -1.0,
        "surface_1": 1.0,
        "thing": -1.0,
        "object_2": 1.0,
    }


def test_a_table_that_is_moved_within_the_picture_is_no_larger_afterwards() -> None:
    tracker = Tracker()
    small = ("table", (0.4, 1.2, -0.5, 0.3), 0.66, 0.7)
    moved = ("table", (0.4, 1.2, -0.3, 0.5), 0.66, 0.7)
    tracker.update(down(small, y=0.0, above=2.0))
    (table,) = tracker.update(down(moved, y=0.0, above=2.0)).surfaces
    assert table.id == "table" and table.size[1] == pytest.approx(0.8, abs=0.04)
    assert len(table.points) == len(table.pixels)


def test_a_frame_says_what_its_camera_can_show() -> None:
    seen = down(TABLE, y=0.0, above=1.0)
    camera = Camera.of(seen)
    assert camera is not None and camera.focal == pytest.approx((FOCAL, FOCAL), rel=1e-3)
    places = np.array([(0.8, 0.0, 0.7), (0.8, 0.6, 0.7), (0.8, 0.0, 2.0)], np.float32)
    assert camera.misses(places).tolist() == [False, True, True]
    pixels = seen.surfaces[0].pixels
    for other in (pixels[::-1].copy(), np.random.default_rng(0).permutation(pixels)):
        assert Camera.of(replace(seen, surfaces=(replace(seen.surfaces[0], pixels=other),))) is None
    assert Camera.of(replace(seen, surfaces=())) is None


def test_tables_have_an_area_in_common_at_one_height_alone() -> None:
    (table,) = down(TABLE, y=0.0, above=2.3).surfaces
    (part,) = down(TABLE, y=0.6, above=0.7).surfaces
    assert common(table, part) > 0.95
    assert common(table, replace(part, points=part.points + np.float32([0.0, 0.0, 0.03]))) == 0.0
    assert common(table, replace(part, points=part.points + np.float32([2.0, 0.0, 0.0]))) == 0.0
    assert common(table, replace(part, shape=Shape.CUBOID)) == 0.0
