"""What is hollow: mugs, bowls and trays looked into; not closed boxes, lids with a raised edge, plates, books and bottles."""

import numpy as np
import pytest

from fail2progress.learning.segmentation.meshes import Mesh, box, lathe, open_box, tube, union
from fail2progress.learning.segmentation.things import turn
from fail2progress.perception.segmentation.base import Segment
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from support.tabletop_frames import frame_of

TABLE = (box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
FLOOR = (box(8, 8, 0.05).shifted(0, 0, -0.75), (120, 120, 125))
WHITE, BLUE = (225, 225, 222), (50, 80, 170)


def seen(*meshes: Mesh, eye: tuple[float, float, float] = (0.0, -0.6, 0.5)) -> list[Segment]:
    things = list(zip(meshes, (WHITE, BLUE), strict=False))
    return list(GeometricSegmenter().segment(frame_of([TABLE, FLOOR, *things], eye, (0.0, 0.0, 0.03))).segments)


def mug(radius: float = 0.045, height: float = 0.1) -> Mesh:
    outline = [[0, 0], [radius, 0], [radius, height], [radius - 0.004, height], [radius - 0.004, 0.006], [0, 0.006]]
    angles = np.linspace(-np.pi / 2, np.pi / 2, 9)
    path = np.column_stack([radius + 0.025 * np.cos(angles), np.zeros(9), height / 2 + 0.03 * np.sin(angles)])
    return union(lathe(np.array(outline), 40), tube(path, 0.005))


def lid(height: float = 0.075) -> Mesh:
    """A closed box with a raised edge around its lid."""
    sides = [box(0.26, 0.012, 0.01).shifted(0, s * 0.064, height) for s in (-1, 1)]
    ends = [box(0.012, 0.14, 0.01).shifted(s * 0.124, 0, height) for s in (-1, 1)]
    return union(box(0.26, 0.14, height), *sides, *ends)


def plate() -> Mesh:
    return lathe(np.array([[0, 0], [0.06, 0], [0.11, 0.018], [0.108, 0.02], [0.06, 0.005], [0, 0.005]]), 40)


@pytest.mark.parametrize(
    "thing",
    [mug(), open_box(0.22, 0.15, 0.07, 0.004), lathe(np.array([[0, 0], [0.04, 0], [0.08, 0.06], [0.077, 0.06], [0, 0.005]]), 40)],
)
def test_what_one_looks_into_is_hollow(thing: Mesh) -> None:
    (found,) = seen(thing)
    assert found.hollow and found.category == "open_box" and found.cavity is not None and 0.03 < found.cavity < 0.11


@pytest.mark.parametrize(
    "thing", [lid(), plate(), box(0.2, 0.14, 0.03), box(0.07, 0.05, 0.22), mug().moved(turn(0, np.pi), (0, 0, 0.1))]
)
def test_what_is_closed_or_flat_is_not(thing: Mesh) -> None:
    assert [found.hollow for found in seen(thing)] == [False]


def test_of_a_mug_seen_from_low_no_inside_was_measured() -> None:
    (found,) = seen(mug(), eye=(0.0, -0.75, 0.13))
    assert found.cavity == 0.0 and not found.hollow


def test_a_content_below_the_rim_shows_that_its_container_is_hollow() -> None:
    ball = box(0.06, 0.06, 0.035).shifted(0.0, 0.0, 0.004)
    tray, content = sorted(seen(open_box(0.12, 0.12, 0.07, 0.004), ball, eye=(0.0, -0.35, 0.6)), key=lambda part: -part.size[0])
    assert tray.hollow and not content.hollow


def test_a_bowl_on_a_box_and_one_that_the_image_cuts_are_hollow() -> None:
    bowl = lathe(np.array([[0, 0], [0.04, 0], [0.08, 0.06], [0.077, 0.06], [0, 0.005]]), 40)
    raised = seen(box(0.2, 0.2, 0.15), bowl.shifted(0, 0, 0.15), eye=(0.0, -0.5, 0.75))
    assert any(found.hollow and found.pose[2] > 0.1 for found in raised)
    cut = seen(bowl.shifted(-0.37, 0.0, 0.0), box(0.05, 0.05, 0.05), eye=(0.0, -0.6, 0.5))
    (bowl_seen,) = (found for found in cut if found.size[:2].max() > 0.1)
    assert bowl_seen.hollow and (bowl_seen.pixels % 640).min() < 8


def test_the_table_under_an_overhanging_wall_is_no_part_of_a_bowl() -> None:
    flared = lathe(np.array([[0, 0], [0.03, 0], [0.08, 0.05], [0.077, 0.05], [0, 0.005]]), 40)
    (found,) = seen(flared, eye=(0.0, -0.7, 0.45))
    low = found.points[found.points[:, 2] < found.points[:, 2].min() + 0.004]
    assert found.hollow and np.hypot(*(low[:, :2] - found.pose[:2]).T).max() < 0.06
