"""Where a push starts: so far behind what is pushed, however that lies, that all of the commanded distance is left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose, rotations
from fail2progress.simulation.base import Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.skills.programs import CLOSED_GRIPPER
from fail2progress.skills.push.geometry import GAP, push_start

BAR, ROUND = ("cuboid", (0.24, 0.04, 0.05)), ("capsule", (0.10, 0.10, 0.06))


def scene(kind: str, size: tuple[float, float, float], yaw: float) -> Scene:
    specs = (ObjectSpec("table", "table", (0.8, 1.2, 0.04)), ObjectSpec("it", kind, size))
    return Scene(specs, np.stack([pose(0.7, 0.0, 0.48), pose(0.7, 0.0, 0.5 + size[2] / 2, yaw)]))


@pytest.mark.parametrize(
    ("thing", "yaw", "direction"),
    [(BAR, 0.25, 0.75), (BAR, 0.25, 0.25), (BAR, 0.0, 0.5), (ROUND, 0.0, 0.25), (ROUND, 0.3, 0.0)],
)
def test_a_turned_thing_is_pushed_as_far_as_commanded(
    thing: tuple[str, tuple[float, float, float]], yaw: float, direction: float
) -> None:
    """Angles as shares of half a turn."""
    there, direction = scene(*thing, np.pi * yaw), np.pi * direction
    moved = MujocoSimulator().execute(Job(there, SkillCall("push", "it", (direction, 0.10)))).displacements[1]
    forward = np.array([np.cos(direction), np.sin(direction)])
    assert moved[:2] @ forward == pytest.approx(0.1, abs=0.003) and np.linalg.norm(moved[:2] - 0.1 * forward) < 0.01


@settings(max_examples=60)
@given(st.floats(0.02, 0.3), st.floats(0.02, 0.3), st.floats(-3, 3), st.floats(-3, 3))
def test_the_gripper_starts_a_gap_from_what_it_meets(length: float, width: float, yaw: float, direction: float) -> None:
    """Where that is, points of the outline say."""
    there = scene("cuboid", (length, width, 0.05), yaw)
    start, heading = push_start(there, SkillCall("push", "it", (direction, 0.1)))
    border = np.array([(a, b) for a in np.linspace(-1, 1, 201) for b in (-1, 1)])
    border = np.concatenate([border, border[:, ::-1]]) * (length / 2, width / 2)
    seen = (border @ rotations(there.poses[1:, 3:])[0][:2, :2].T + there.poses[1, :2] - start[:2]) @ np.array(
        [[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]]
    )
    left = seen[np.abs(seen[:, 1]) <= CLOSED_GRIPPER[1], 0].min() - CLOSED_GRIPPER[0]
    assert left == pytest.approx(GAP, abs=0.004) and left > GAP - 1e-6


def test_a_thing_on_its_edge_is_pushed_where_it_stands() -> None:
    upended = scene("cuboid", (0.3, 0.2, 0.04), 0.0)
    upended.poses[1] = [0.7, 0.0, 0.65, np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0]
    start, _ = push_start(Scene(upended.objects, upended.poses), SkillCall("push", "it", (0.0, 0.1)))
    assert 0.7 - start[0] == pytest.approx(0.02 + CLOSED_GRIPPER[0] + GAP, abs=1e-9)
