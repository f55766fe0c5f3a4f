"""What is not on the table is no object: arms, walls, furniture. Totes have floors of their own; a bowl and a tool are whole."""

import numpy as np
import pytest

from fail2progress.core.objects import Shape
from fail2progress.learning.segmentation.meshes import Mesh, box, lathe, open_box, plate, tube, union
from fail2progress.learning.segmentation.things import turn
from fail2progress.perception.segmentation.base import Perceived
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from support.tabletop_frames import Coloured, frame_of

WOOD, GREY, RED, BLUE, WHITE, ORANGE = (
    (170, 140, 105),
    (120, 120, 125),
    (180, 50, 45),
    (50, 80, 170),
    (225, 225, 222),
    (225, 120, 40),
)
TABLE: Coloured = (box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), WOOD)
FLOOR: Coloured = (box(8, 8, 0.05).shifted(0, 0, -0.75), GREY)
EYE, TARGET = (0.0, -0.85, 0.62), (0.0, 0.0, 0.03)


def segments(*things: Coloured, eye: tuple[float, ...] = EYE, target: tuple[float, ...] = TARGET) -> Perceived:
    return GeometricSegmenter().segment(frame_of(things, eye, target))


def bowl(radius: float = 0.08, height: float = 0.055) -> Mesh:
    steps = np.linspace(0, 1, 9)
    outer = np.column_stack([radius * (0.45 + 0.55 * steps**0.6), height * steps])
    inner = np.column_stack([outer[:, 0] - 0.004, np.maximum(outer[:, 1], 0.004)])[::-1]
    return lathe(np.concatenate([[[0, 0]], outer, inner, [[0, 0.004]]]), 40)


THINGS = ((box(0.1, 0.07, 0.12).shifted(-0.15, 0.05, 0), RED), (box(0.06, 0.06, 0.09).shifted(0.12, -0.05, 0), BLUE))


def test_an_arm_that_reaches_in_is_no_object() -> None:
    path = np.array([[0.9, -0.3, 0.35], [0.5, -0.1, 0.3], [0.3, 0.05, 0.2]])
    arm = union(tube(path, 0.04, 14), tube(np.array([[0.3, 0.05, 0.2], [0.3, 0.05, 0.1]]), 0.03, 14))
    found = segments(TABLE, FLOOR, *THINGS, (arm, WHITE))
    assert len(found.segments) == 2 and {segment.shape for segment in found.segments} == {Shape.CUBOID}


def test_furniture_beside_a_table_is_no_object() -> None:
    shelf = box(0.3, 0.5, 1.1).shifted(0.66, 0.1, -0.7)
    behind = box(1.6, 0.3, 0.95).shifted(-0.2, 0.56, -0.7)
    assert len(segments(TABLE, FLOOR, *THINGS, (shelf, WHITE), (behind, GREY)).segments) == 2


def test_what_stands_on_the_floor_and_is_larger_than_the_view_is_no_object() -> None:
    """A cupboard on the floor that things lie on: all of it is over the floor."""
    floor: Coloured = (box(4, 4, 0.05).shifted(0, 0, -0.05), GREY)
    cupboard = box(1.6, 0.6, 1.2).shifted(0.2, 0.6, 0)
    assert len(segments(floor, *THINGS, (cupboard, WOOD), target=(0.0, 0.1, 0.1)).segments) == 2


def test_a_thing_on_the_table_that_the_border_cuts_is_an_object() -> None:
    carton = box(0.16, 0.07, 0.26).shifted(0.0, 0.2, 0)
    found = segments(TABLE, FLOOR, *THINGS, (carton, ORANGE), target=(0.0, -0.1, -0.05))
    tallest = max(found.segments, key=lambda segment: segment.size[2])
    assert len(found.segments) == 3 and tallest.box_px(found.width)[1] < 5


@pytest.mark.parametrize("eye", [(0.0, -0.62, 0.22), (0.1, -0.6, 0.3), (0.0, -0.6, 0.45)])
def test_a_bowl_is_one_thing_from_low_and_high(eye: tuple[float, float, float]) -> None:
    found = segments(TABLE, FLOOR, (bowl(), WHITE), eye=eye, target=(0.0, 0.0, 0.03))
    assert len(found.segments) == 1
    assert max(found.segments[0].size[:2]) == pytest.approx(0.16, abs=0.03)


def test_a_can_before_a_bowl_stays_a_thing_of_its_own() -> None:
    can = lathe(np.array([[0, 0], [0.033, 0], [0.033, 0.05], [0, 0.05]])).shifted(0.0, -0.12, 0)
    assert len(segments(TABLE, FLOOR, (bowl(), WHITE), (can, BLUE), eye=(0.0, -0.7, 0.4)).segments) == 2


def test_a_flat_tool_of_which_depth_shows_two_ends_is_one_thing() -> None:
    grip = box(0.07, 0.02, 0.016).shifted(-0.065, 0, 0)
    blade = plate(np.array([[-0.035, -0.006], [0.05, -0.006], [0.05, 0.006], [-0.035, 0.006]]), 0.003)
    head = box(0.03, 0.03, 0.016).shifted(0.06, 0, 0)
    tool = union(grip, blade, head).moved(turn(2, 0.5))
    found = segments((box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), WHITE), FLOOR, (tool, BLUE), eye=(0.0, -0.5, 0.55))
    assert len(found.segments) == 1 and found.segments[0].size.max() == pytest.approx(0.18, abs=0.03)


def test_a_tote_has_a_floor_of_its_own() -> None:
    tote = open_box(0.42, 0.32, 0.16, 0.008)
    places = [(-0.12, -0.07), (0.02, -0.08), (0.13, -0.06), (-0.1, 0.07), (0.03, 0.06), (0.14, 0.08)]
    things = [
        (box(0.1, 0.08, 0.05 + 0.01 * i).moved(turn(2, 0.3 * i), (*at, 0.008)), c)
        for i, (at, c) in enumerate(zip(places, (RED, BLUE, WHITE, ORANGE, GREY, RED), strict=True))
    ]
    found = segments(
        (tote, (60, 110, 60)),
        (box(3, 3, 0.02).shifted(0, 0, -0.5), GREY),
        *things,
        eye=(0.0, -0.12, 0.75),
        target=(0.0, 0.0, 0.0),
    )
    inside = [s for s in found.segments if np.hypot(*(s.size[:2] - (0.1, 0.08))) < 0.06]
    assert len(inside) >= 5 and len(found.segments) <= 7 and len(found.surfaces) >= 1


def test_a_table_that_fills_the_image_is_as_large_as_the_image() -> None:
    """Seen from above, a rolling pin across it: the outline is the image's border, not that of the pin."""
    wide: Coloured = (box(3.0, 3.0, 0.03).shifted(0, 0, -0.03), WOOD)
    pin: Coloured = (box(0.5, 0.06, 0.05), RED)
    found = segments(wide, pin, eye=(0.0, -0.02, 0.9), target=(0.0, 0.0, 0.0))
    (thing,), (table, *_) = found.segments, found.surfaces
    assert max(thing.size[:2]) == pytest.approx(0.5, abs=0.03)
    assert min(table.size[:2]) > 0.6


def test_what_the_image_cuts_is_hidden_there() -> None:
    found = segments(TABLE, FLOOR, (box(0.2, 0.3, 0.1).shifted(0.0, -0.33, 0), RED), eye=(0.0, -0.6, 0.6))
    (thing,) = found.segments
    rows = thing.mask // found.width
    assert int(rows.max()) == found.height - 1
    assert thing.visibility < 0.95 and thing.hidden is not None and thing.hidden.max() > 0.5
