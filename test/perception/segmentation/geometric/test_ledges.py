"""Boards at the height of the camera show no plane: what a guide is sure of tells where they are, and stands on them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.relations import on
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.learning.segmentation.meshes import box, lathe, union
from fail2progress.perception.relations.geometric import detect
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from support.knowing_guide import coloured, seen
from support.tabletop_frames import Coloured, frame_of

FLOOR: Coloured = (box(8, 8, 0.05).shifted(0, 0, -0.95), (120, 120, 125))
GREY = (150, 150, 152)
COLOURS = ((180, 50, 45), (225, 200, 60), (40, 160, 60))
LEVELS = (-0.24, 0.06)
"""Metres of the boards' tops above the camera."""


def cupboard() -> Coloured:
    boards = [box(0.8, 0.3, 0.02).shifted(0, 0, z - 0.02) for z in (*LEVELS, 0.4)]
    sides = [box(0.02, 0.3, 1.0).shifted(s * 0.4, 0, -0.6) for s in (-1, 1)]
    return union(*boards, *sides, box(0.8, 0.02, 1.0).shifted(0, 0.15, -0.6)), GREY


def things(level: float) -> list[Coloured]:
    """Three, each of its own colour, on a board."""
    can = lathe(np.array([[0, 0], [0.03, 0], [0.03, 0.1], [0, 0.1]]))
    meshes = [box(0.07, 0.06, 0.08), box(0.05, 0.09, 0.06), can]
    return [(mesh.shifted(0.2 * (i - 1), -0.02 * i, level), COLOURS[i]) for i, mesh in enumerate(meshes)]


def level_frame(shown: Sequence[Coloured], away: float, high: float) -> RgbdFrame:
    """By a camera that looks along the floor, so far before the boards and so high (m), and knows which way is up: more exactly
    than which side of the image that is, which would say no more than how to turn it."""
    up = np.array([0.0, -1.0, -0.003])
    return replace(frame_of(shown, (0.0, -away, high), (0.0, 0.0, high)), up=up / np.linalg.norm(up))


@pytest.mark.parametrize("higher", [-0.01, 0.004])
def test_what_stands_on_a_board_at_the_height_of_the_camera_is_found_and_on_it(higher: float) -> None:
    frame = level_frame([FLOOR, cupboard(), *things(LEVELS[0])], 0.9, LEVELS[0] + higher)
    known = [coloured(frame, COLOURS[i]) for i in range(3)]
    assert all(len(pixels) > 500 for pixels in known)
    assert not GeometricSegmenter().segment(frame).segments, "the boards are seen as planes: nothing is tested"
    found = seen(frame, known)
    board = found.surfaces[0]
    assert len(found.segments) == 3
    assert {(a, b) for a, b, _ in on(detect(found))} == {(part.id, board.id) for part in found.segments}
    lowest = min(float(part.points[:, 2].min()) for part in found.segments)
    assert board.pose[2] + board.size[2] / 2 == pytest.approx(lowest, abs=0.015)
    assert len(board.points) > 0 and 0.4 < board.size[:2].max() < 0.8


def test_two_boards_are_two_surfaces_and_that_with_most_things_is_the_first() -> None:
    below, above = things(LEVELS[0]), things(LEVELS[1])[:2]
    shown = [(mesh, colour) for (mesh, _), colour in zip(above, ((40, 190, 200), (200, 60, 190)), strict=True)]
    wall: Coloured = (box(6, 0.02, 3).shifted(0, 0.8, -1), GREY)
    frame = level_frame([FLOOR, wall, *below, *shown], 1.3, LEVELS[0] - 0.01)  # boards of glass, not seen at all
    found = seen(frame, [coloured(frame, colour) for _, colour in (*below, *shown)])
    tops = [float(board.pose[2] + board.size[2] / 2) for board in found.surfaces[:2]]
    assert tops[1] - tops[0] == pytest.approx(LEVELS[1] - LEVELS[0], abs=0.02)
    held = [b for _, b, _ in on(detect(found))]
    assert held.count(found.surfaces[0].id) == 3 and held.count(found.surfaces[1].id) == 2


def test_where_most_of_what_is_sure_is_on_the_table_there_are_no_other_surfaces() -> None:
    table: Coloured = (box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
    colours = ((40, 190, 200), (200, 60, 190))
    beyond = [(mesh.shifted(0, 1.6, 0.3), colours[i]) for i, (mesh, _) in enumerate(things(0.0)[:2])]
    frame = frame_of([table, FLOOR, *things(0.0), *beyond], (0.0, -0.8, 0.6), (0.0, 0.2, 0.03))
    known = [coloured(frame, COLOURS[i]) for i in range(3)] + [coloured(frame, colour) for _, colour in beyond]
    found = seen(frame, known)
    assert len(found.surfaces) == 1 and len(found.segments) == 3
