"""Skills as tables of phases."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.robots.stretch import body
from fail2progress.robots.stretch.body import START, StretchBody
from fail2progress.robots.stretch.description import AXES
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import OutOfReachError, Phase
from fail2progress.tasks.registry import task

SCENE = task("hierarchical-tabletop").trial(5, 1).scene
NAMES = list(AXES)
STRETCH = StretchBody()


def plan(scene: Scene, call: SkillCall) -> tuple[Phase, ...]:
    return body.plan(scene, call, STRETCH)


def recovery(scene: Scene, at: np.ndarray, holding: bool) -> tuple[Phase, ...]:
    return STRETCH.recovery(scene, dict(zip(NAMES, map(float, at), strict=True)), holding, dict.fromkeys(NAMES, 0.005))


def check(phases: tuple[Phase, ...], at: np.ndarray) -> np.ndarray:
    """Every goal within limits; the base turns or drives along its heading, never sideways, never both."""
    for phase in phases:
        goal = at.copy()
        for name, value in phase.goals.items():
            assert AXES[name].low - 1e-9 <= value <= AXES[name].high + 1e-9, phase
            goal[NAMES.index(name)] = value
        dx, dy, turn = (goal - at)[:3]
        assert np.hypot(dx, dy) < 1e-6 or abs(turn) < 1e-9
        assert abs(-np.sin(at[2]) * dx + np.cos(at[2]) * dy) < 1e-4
        at = goal
    return at


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["cup_1", "cup_2", "capsule_1"]), st.floats(-0.4, 0.6), st.floats(-1.2, 0.3), st.floats(-3.1, 3.1))
def test_every_plan_keeps_the_limits_drives_like_a_differential_drive_and_ends_looking_out(
    name: str, dx: float, dy: float, dyaw: float
) -> None:
    for call in (SkillCall("pick_place", name, (dx, dy, 0.012, dyaw)), SkillCall("push", name, (dyaw, abs(dy) / 4))):
        try:
            phases = plan(SCENE, call)
        except OutOfReachError as error:
            assert "joint_arm" in str(error)
            continue
        np.testing.assert_allclose(check(phases, START), START, atol=1e-9)


def test_pick_place_grasps_and_lets_go_once() -> None:
    phases = plan(SCENE, SkillCall("pick_place", "cup_1", (0.0, -0.5, 0.012, 0.0)))
    names = [phase.name for phase in phases]
    assert names == ["drive", "reach", "lower", "grasp", "raise", "carry", "place", "release", *["home"] * 3]
    assert [phase.hand for phase in phases if phase.hand] == ["close", "open"]


def test_a_carried_object_passes_over_what_stands_in_between() -> None:
    low = plan(SCENE, SkillCall("pick_place", "capsule_1", (0.0, 0.0, 0.012, 0.0)))
    high = plan(SCENE, SkillCall("pick_place", "capsule_1", (0.0, -0.7, 0.012, 0.0)))
    raised = [next(phase.goals["lift"] for phase in phases if phase.name == "raise") for phases in (low, high)]
    assert raised[1] >= raised[0]


def test_a_drawer_is_pulled_straight(cupboard: Callable[[float], Scene]) -> None:
    for yaw in (0.0, 0.4):
        phases = plan(cupboard(yaw), SkillCall("open_drawer", "drawer", (yaw - np.pi, 0.15)))
        np.testing.assert_allclose(check(phases, START), START, atol=1e-9)
        there, slid = (next(phase.goals for phase in phases if phase.name == name) for name in ("to the handle", "slide"))
        moved = np.array([slid["arm"] - there["arm"], slid["x"] - there["x"]])
        np.testing.assert_allclose(moved, [-0.15 * np.cos(yaw), -0.15 * np.sin(yaw)], atol=1e-9)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-2, 2), st.floats(0, 1.09), st.floats(0, 0.51), st.booleans())
def test_recovery_leads_home_from_anywhere(x: float, y: float, turn: float, lift: float, arm: float, holding: bool) -> None:
    at = START.copy()
    at[: len(NAMES) - 4] = x, y, turn, lift, arm
    phases = recovery(SCENE, at, holding)
    np.testing.assert_allclose(check(phases, at), START, atol=0.005)
    assert [phase.hand for phase in phases if phase.hand] == (["open"] if holding and phases else [])
    assert recovery(SCENE, START, holding) == ()


@pytest.mark.parametrize("yaw", [0.0, 0.7, 1.8])
def test_fingers_close_across_a_wall_below_the_rim_of_what_is_too_wide(yaw: float) -> None:
    """The nearest wall that is reached, from a heading along it; a block that wide is nothing to hold."""
    table, bag = ObjectSpec("table", "table", (0.6, 0.9, 0.04)), ObjectSpec("bag", "open_box", (0.15, 0.14, 0.1))
    scene = Scene((table, bag), np.stack([pose(0.6, 0.0, 0.48), pose(0.5, 0.1, 0.55, yaw)]))
    phases = {phase.name: phase for phase in plan(scene, SkillCall("pick_place", "bag", (0.0, -0.3, 0.012, 0.0)))}
    assert phases["grasp"].goals["grip"] == STRETCH.fingers(bag.kind.wall)
    solid = Scene((table, replace(bag, category="cuboid")), scene.poses)
    with pytest.raises(OutOfReachError, match=r"bag is 0\.140 m wide, the gripper opens 0\.125 m: push it instead"):
        plan(solid, SkillCall("pick_place", "bag", (0.0, -0.3, 0.012, 0.0)))


@pytest.mark.parametrize(("size", "held"), [((0.2, 0.2, 0.04), True), ((0.04, 0.2, 0.2), False)])
def test_fingers_close_around_what_is_thin_as_it_lies(size: tuple[float, float, float], held: bool) -> None:
    """Turned over onto a side: a plate that stands on its edge fits, a board that lies flat does not."""
    things = ObjectSpec("table", "table", (0.6, 1.2, 0.04)), ObjectSpec("it", "cuboid", size)
    lying = [0.6, -0.1, 0.5 + size[0] / 2, np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0]
    scene, call = Scene(things, np.stack([pose(0.6, 0.0, 0.48), lying])), SkillCall("pick_place", "it", (0.0, 0.2, 0.012, 0.0))
    if held:
        assert next(one.goals["grip"] for one in plan(scene, call) if one.name == "grasp") == pytest.approx(STRETCH.fingers(0.04))
    else:
        with pytest.raises(OutOfReachError, match=r"it is 0\.200 m wide, the gripper opens 0\.125 m: push it instead"):
            plan(scene, call)
