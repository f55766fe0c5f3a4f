"""Drivers of an imitated robot, and what it sees, for tests."""

import math

import numpy as np
import pytest

from fail2progress.core.observation import SegmentedCloud
from fail2progress.robots.stretch.kinematics import TOOLS, BasePose, Kinematics
from fail2progress.robots.stretch.real.driver import StretchDriver
from fail2progress.robots.stretch.real.robot import StretchRobot
from fail2progress.robots.stretch.real.states import StretchError
from fail2progress.skills.phases import Hand, Posture
from support import fake_stretch as fake

MOVES = [{"lift": 1.0}, {"arm": 0.5}, {"translate": 1.0}, {"rotate": 2.5}, {"wrist_yaw": -1.0}, {"head_pan": 1.4}]


def driver(heartbeat: bool = True, **axes):
    """A driver with its robot. The client's heartbeat comes every 5 ms of the robot's clock."""
    robot = fake.FakeStretch(**axes)
    made = StretchDriver(robot, robot.clock)
    if heartbeat:
        made.alive()
        robot.clock.always(made.alive)
    robot.clock.sleep(0.1)
    return made, robot


def move(made: StretchDriver, to: dict[str, float], **how: bool) -> None:
    with made.goal():
        made.move(to, **how)


def trouble(made: StretchDriver, to: dict[str, float]) -> StretchError:
    with pytest.raises(StretchError) as caught:
        move(made, to)
    return caught.value


SIZES = {
    "cup": (0.08, 0.08, 0.08),
    "wide": (0.3, 0.1, 0.1),
    "vast": (0.3, 0.3, 0.1),
    "table": (0.5, 1.4, 0.04),
    "drawer": (0.2, 0.3, 0.1),
}
PLACES = {
    "cup": (0.6, 0.2, 0.54),
    "wide": (0.5, -0.4, 0.55),
    "vast": (0.6, -0.4, 0.55),
    "table": (0.65, 0.0, 0.48),
    "drawer": (0.6, 0.6, 0.5),
}


def cloud(*names: str) -> SegmentedCloud:
    """Segments whose points are the corners of their boxes; `ghost` has never been seen."""
    corners = np.stack(np.meshgrid((-0.5, 0.5), (-0.5, 0.5), (-0.5, 0.5)), -1).reshape(8, 3)
    points = [corners * SIZES[name] + PLACES[name] for name in names]
    unseen = np.full((1, 8, 3), np.nan)
    return SegmentedCloud(
        (*names, "ghost"),
        (*(name if name in ("cup", "table", "drawer") else "cuboid" for name in names), "cuboid"),
        np.concatenate([np.array(points), unseen]).astype(np.float32),
        np.array([*(1.0 for _ in names), 0.0], np.float32),
    )


def robot(*names: str, tool: str = "tool_stretch_dex_wrist") -> tuple[StretchRobot, fake.FakeStretch]:
    body = fake.FakeStretch(tool=tool)
    made = StretchRobot(body, lambda: cloud(*(names or SIZES)), body.clock)
    made.alive()
    body.clock.always(made.alive)
    body.clock.sleep(0.1)
    made.observe()
    body.commands.clear()
    return made, body


def hand_of(made: StretchRobot, body: fake.FakeStretch) -> Hand:
    """Where the hand truly is, by the joints of the fake and its wheels (planning frame)."""
    at = {name: axis.position for name, axis in body.axes.items()}
    base = BasePose(-body.y, body.x, body.theta + math.pi / 2)
    joints = Posture(base.x, base.y, at["lift"], at["arm"], at["wrist_yaw"], at.get("wrist_pitch", 0.0))
    return Kinematics(TOOLS[body.eoa_name]).hand(base, joints)
