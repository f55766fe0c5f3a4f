"""A driver of an imitated robot, for tests."""

import fake_stretch as fake
import pytest

from fail2progress.robots.stretch_driver import StretchDriver
from fail2progress.robots.stretch_states import StretchError

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
