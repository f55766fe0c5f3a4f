"""What goes along with a thing, and what stands beside it."""

import numpy as np
import pytest

from fail2progress.core.contents import contained
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Array, Scene, pose

CUP = ObjectSpec("cup", "cup", (0.05, 0.05, 0.07))
LONG, TALL = ObjectSpec("long", "cuboid", (0.30, 0.04, 0.04)), ObjectSpec("tall", "cuboid", (0.06, 0.06, 0.25))
TOTE = ObjectSpec("tote", "open_box", (0.30, 0.08, 0.06))


def _names(*things: tuple[ObjectSpec, Array]) -> list[str]:
    """What goes along with the first."""
    scene = Scene(tuple(spec for spec, _ in things), np.stack([at for _, at in things]))
    return [name for name, along in zip(scene.names, contained(scene, 0), strict=True) if along]


def test_what_lies_in_a_thing_goes_with_it_and_what_stands_beside_or_under_it_does_not() -> None:
    stick, beside = ObjectSpec("stick", "cuboid", (0.01, 0.01, 0.1)), ObjectSpec("beside", "cuboid", (0.04, 0.04, 0.04))
    table = ObjectSpec("table", "table", (0.5, 0.5, 0.04))
    cup, there = (CUP, pose(0, 0, 0.035)), (beside, pose(0.1, 0, 0.02))
    assert _names(cup, (stick, pose(0, 0, 0.055)), there, (table, pose(0, 0, -0.02))) == ["cup", "stick"]


@pytest.mark.parametrize("spec", [LONG, TOTE])
def test_what_stands_beside_a_thing_that_lies_askew_does_not_go_with_it(spec: ObjectSpec) -> None:
    askew, height = np.radians(45), spec.size[2] / 2
    assert _names((spec, pose(0, 0, height, askew)), (TALL, pose(-0.06, 0.06, 0.125))) == [spec.name]
    ends = pose(0.09, 0.09, spec.size[2] + 0.125 if spec is LONG else 0.131)
    assert _names((spec, pose(0, 0, height, askew)), (TALL, ends)) == [spec.name, "tall"]


def test_nothing_begins_lower_than_the_top_of_what_is_solid() -> None:
    leaning = np.array([0, 0, 0.125, np.cos(np.pi / 8), 0, np.sin(np.pi / 8), 0])
    assert _names((LONG, pose(0, 0, 0.02)), (TALL, leaning)) == ["long"]


@pytest.mark.parametrize("heading", [0.0, 1.0, 2.5])
def test_what_leans_out_of_a_cup_with_its_foot_in_it_goes_with_it_and_what_leans_against_it_does_not(heading: float) -> None:
    spoon, lean = ObjectSpec("spoon", "cuboid", (0.01, 0.01, 0.2)), np.radians(40)
    turn = [np.cos(lean / 2), -np.sin(heading) * np.sin(lean / 2), np.cos(heading) * np.sin(lean / 2), 0]
    towards, up = np.array([np.cos(heading), np.sin(heading)]), 0.1 * np.cos(lean)
    for foot, names in ((-0.015, ["cup", "spoon"]), (-0.1, ["cup"]), (0.06, ["cup"])):
        at = np.array([*(foot + 0.1 * np.sin(lean)) * towards, up + 0.015, *turn])
        assert _names((CUP, pose(0, 0, 0.035)), (spoon, at)) == names


def test_what_lies_on_a_plate_that_leans_goes_with_it() -> None:
    plate, lean = ObjectSpec("plate", "cuboid", (0.3, 0.3, 0.01)), np.radians(5)
    turn = [np.cos(lean / 2), 0, np.sin(lean / 2), 0]
    assert _names((plate, np.array([0, 0, 0.02, *turn])), (CUP, np.array([-0.1, 0, 0.069, *turn]))) == ["plate", "cup"]


def test_a_pile_goes_along_whole() -> None:
    blocks = [(ObjectSpec(f"block_{k}", "cuboid", (0.06, 0.06, 0.05)), pose(0, 0, 0.025 + 0.05 * k)) for k in range(4)]
    assert _names(*blocks) == ["block_0", "block_1", "block_2", "block_3"]
    assert _names(*blocks[2:], *blocks[:2]) == ["block_2", "block_3"]


def test_what_stands_in_a_cup_on_a_tray_goes_with_the_tray_and_the_tray_not_with_the_cup() -> None:
    tray, stick = ObjectSpec("tray", "open_box", (0.3, 0.2, 0.04)), ObjectSpec("stick", "cuboid", (0.01, 0.01, 0.2))
    things = [(tray, pose(0, 0, 0.02)), (CUP, pose(0, 0, 0.041)), (stick, pose(0, 0, 0.111))]
    assert _names(*things) == ["tray", "cup", "stick"]
    assert _names(*things[1:], things[0]) == ["cup", "stick"]
