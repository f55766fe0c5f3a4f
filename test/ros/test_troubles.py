"""How a real robot's trouble is told."""

import pytest

pytest.importorskip("rclpy")

from fail2progress_msgs.msg import ErrorCode

from fail2progress.robots.stretch.real.states import Trouble
from fail2progress.ros.troubles import TROUBLES


def test_every_trouble_has_a_code_of_the_robot() -> None:
    assert set(TROUBLES) == set(Trouble)
    assert all(ErrorCode.ROBOT_FIRST <= code < ErrorCode.ROBOT_FIRST + 100 for code in TROUBLES.values())
