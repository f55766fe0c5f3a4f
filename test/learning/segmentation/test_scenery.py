"""Where things stand in training scenes: on what is there, and within it."""

from collections.abc import Callable

import numpy as np
import pytest

from fail2progress.learning.segmentation import bystanders, crowds, scenery
from fail2progress.learning.segmentation.meshes import box
from fail2progress.learning.segmentation.piles import CELL, Pile
from fail2progress.learning.segmentation.scenery import BACKGROUND, FIRST, SUPPORT, Scenery, scenery_of


def of_tables(rng: np.random.Generator) -> Scenery:
    return scenery_of("table", rng)


@pytest.mark.parametrize("made", [of_tables, crowds._heaped, crowds._filled, crowds._in_rows])
def test_things_on_round_tables_stand_within_their_edge(
    made: Callable[[np.random.Generator], Scenery], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenery, "finish", _only_things)
    monkeypatch.setattr(crowds, "finish", _only_things)
    tables = 0
    for i in range(90):
        found = made(np.random.default_rng((14, i)))
        top = found.meshes[found.labels.index(SUPPORT)].vertices
        if len(top) == 8 or np.ptp(top[:, 0]) > 0.8:  # with corners, or so large that nothing comes near its edge
            continue
        tables += 1
        things = [mesh.vertices for mesh, label in zip(found.meshes, found.labels, strict=True) if label >= FIRST]
        reach = max((float(np.hypot(*vertices[:, :2].T).max()) for vertices in things), default=0.0)
        assert reach < np.ptp(top[:, 0]) / 2 + 1.5 * CELL
    assert tables >= 2


def test_things_on_a_shelf_stand_under_the_board_above() -> None:
    things = 0
    for i in range(60):
        found = scenery_of("shelf", np.random.default_rng((4, i)))
        boards = [mesh.vertices[:, 2] for mesh in found.meshes if np.ptp(mesh.vertices[:, 2]) == pytest.approx(0.02, abs=1e-6)]
        under = max(float(heights.min()) for heights in boards)
        tops = [mesh.vertices[:, 2].max() for mesh, label in zip(found.meshes, found.labels, strict=True) if label >= FIRST]
        assert max(tops, default=0.0) <= under + 1e-6
        things += len(tops)
    assert things > 100


def test_a_robot_stands_on_the_support_or_beside_it_on_the_floor() -> None:
    table, floor = box(0.9, 0.9, 0.04).shifted(0, 0, -0.04), box(6, 6, 0.1).shifted(0, 0, -0.8)
    found = Scenery([table, floor, box(0.05, 0.05, 0.05)], [SUPPORT, BACKGROUND, FIRST])
    on_tables = 0
    for i in range(30):
        robot = bystanders._robot(found, np.random.default_rng((15, i))).vertices
        angle, far = (np.random.default_rng((15, i)).uniform([0, 0.3], [2 * np.pi, 0.7])).tolist()
        on_table = far * max(abs(np.cos(angle)), abs(np.sin(angle))) < 0.45
        on_tables += on_table
        assert robot[:, 2].min() == pytest.approx(0.0 if on_table else -0.7, abs=1e-6)
    assert 5 < on_tables < 25


@pytest.mark.parametrize("axis", [0, 1])
def test_a_gripper_has_a_finger_on_either_narrow_side_of_a_thing(axis: int) -> None:
    thing = box(0.2, 0.04, 0.06) if axis else box(0.04, 0.2, 0.06)
    held = 0
    for i in range(40):
        hand = bystanders._gripper(thing, np.random.default_rng((16, i))).vertices
        fingers = hand[:16].reshape(2, 8, 3)  # boxes, where it is no cup of suction
        if np.ptp(fingers[0][:, 2]) != pytest.approx(np.ptp(fingers[1][:, 2])) or fingers[..., 2].min() > 0.06:
            continue
        held += 1
        sides = np.sort([np.abs(finger[:, axis]).min() * np.sign(finger[:, axis].mean()) for finger in fingers])
        assert sides[0] < -0.018 and sides[1] > 0.018
    assert held > 20


def _only_things(found: Scenery, pile: Pile, rng: np.random.Generator) -> None:
    for i, mesh in enumerate(pile.meshes):
        found.add(FIRST + i, mesh)
