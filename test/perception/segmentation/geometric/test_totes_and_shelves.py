"""Totes on a table and on the ground, open drawers, shelves: what is in them is found, and said to be in or on them."""

import numpy as np
import pytest

from fail2progress.core.relations import on
from fail2progress.learning.segmentation.meshes import Mesh, box, lathe, union
from fail2progress.perception.relations.geometric import detect
from fail2progress.perception.segmentation.base import Perceived
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from support.tabletop_frames import Coloured, frame_of

TABLE: Coloured = (box(1.2, 0.9, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
FLOOR: Coloured = (box(8, 8, 0.05).shifted(0, 0, -0.75), (120, 120, 125))
GROUND: Coloured = (box(8, 8, 0.05).shifted(0, 0, -0.05), (120, 120, 125))
BLUE = (90, 90, 200)


def tote(sides: tuple[float, float], high: float, floor: float) -> Mesh:
    """Four walls and a floor so thick (m)."""
    walls = [box(0.01, sides[1], high).shifted(s * sides[0] / 2, 0, 0) for s in (-1, 1)]
    ends = [box(sides[0], 0.01, high).shifted(0, s * sides[1] / 2, 0) for s in (-1, 1)]
    return union(box(*sides, floor), *walls, *ends)


def contents(rng: np.random.Generator, low: float, spread: tuple[float, float]) -> list[Coloured]:
    """Three things at a height (m), apart, about a middle."""
    can = lathe(np.array([[0, 0], [0.03, 0], [0.03, 0.1], [0, 0.1]]))
    made = [(box(0.07, 0.06, 0.08), (180, 50, 45)), (box(0.05, 0.09, 0.06), (225, 200, 60)), (can, (40, 160, 60))]
    middles = np.array([(-1.0, 0.6), (1.0, 0.3), (0.0, -0.9)]) * spread + rng.uniform(-0.008, 0.008, (3, 2))
    return [(mesh.shifted(*at, low), colour) for (mesh, colour), at in zip(made, middles.tolist(), strict=True)]


def seen(things: list[Coloured], eye: tuple[float, float, float]) -> Perceived:
    return GeometricSegmenter().segment(frame_of(things, eye, (0.0, 0.0, 0.03)))


def inside(found: Perceived) -> set[tuple[str, str]]:
    return {(a, b) for name, a, b in detect(found).holding() if name == "inside"}


@pytest.mark.parametrize(("seed", "floor", "below"), [(0, 0.005, TABLE), (1, 0.03, TABLE), (2, 0.1, TABLE), (3, 0.06, GROUND)])
def test_things_in_a_tote_are_inside_it_and_it_stands_on_what_is_below(seed: int, floor: float, below: Coloured) -> None:
    rng = np.random.default_rng(seed)
    box_of_things: Coloured = (tote((0.42, 0.32), floor + 0.15, floor), BLUE)
    found = seen([below, FLOOR, box_of_things, *contents(rng, floor, (0.09, 0.08))], (0.0, -0.35, 0.85))
    around = max(found.segments, key=lambda part: float(part.size[:2].max()))
    others = {part.id for part in found.segments} - {around.id}
    assert around.hollow and len(others) == 3
    assert inside(found) == {(name, around.id) for name in others}
    assert {(a, b) for a, b, _ in on(detect(found)) if a == around.id} == {(around.id, found.surfaces[0].id)}


def test_things_in_an_open_drawer_are_inside_it_and_it_stands_on_none_of_them() -> None:
    cabinet: Coloured = (box(0.45, 0.4, 0.6).shifted(0, 0.25, -0.62), (200, 200, 195))
    drawer: Coloured = (tote((0.4, 0.3), 0.12, 0.012).shifted(0, -0.1, -0.14), (190, 150, 110))
    things = [(mesh.shifted(0, -0.1, -0.128), colour) for mesh, colour in contents(np.random.default_rng(4), 0.0, (0.08, 0.06))]
    found = seen([FLOOR, cabinet, drawer, *things], (0.0, -0.55, 0.6))
    around = max(found.segments, key=lambda part: float(part.size[:2].max()))
    assert inside(found) == {(part.id, around.id) for part in found.segments if part is not around} and len(found.segments) == 4
    assert not [b for a, b, _ in on(detect(found)) if a == around.id and b.startswith("object")]


def test_things_on_a_shelf_stand_on_its_board() -> None:
    boards = [box(0.8, 0.3, 0.02).shifted(0, 0, z - 0.02) for z in (-0.35, 0.0, 0.35)]
    sides = [box(0.02, 0.3, 1.0).shifted(s * 0.4, 0, -0.5) for s in (-1, 1)]
    shelf: Coloured = (union(*boards, *sides, box(0.8, 0.02, 1.0).shifted(0, 0.15, -0.5)), (160, 130, 100))
    found = seen([FLOOR, shelf, *contents(np.random.default_rng(5), 0.0, (0.2, 0.05))], (0.0, -0.85, 0.25))
    assert len(found.segments) == 3 and not inside(found)
    assert {(a, b) for a, b, _ in on(detect(found))} == {(part.id, found.surfaces[0].id) for part in found.segments}


def test_a_board_under_another_is_a_surface_and_a_floor_beside_a_table_is_none() -> None:
    low, high = (box(0.8, 0.3, 0.02).shifted(0, 0, z - 0.02) for z in (-0.35, 0.0))
    wood, eye = (160, 130, 100), (0.0, -0.85, 0.25)
    things = contents(np.random.default_rng(5), -0.35, (0.2, 0.05))
    found = seen([(union(low, high), wood), *things], eye)
    assert len(found.surfaces) == 2 and len(found.segments) == 3
    lower = min(found.surfaces, key=lambda surface: float(surface.pose[2])).id
    assert {b for _, b, _ in on(detect(found))} == {lower}
    assert len(seen([(high, wood), FLOOR], eye).surfaces) == 1
