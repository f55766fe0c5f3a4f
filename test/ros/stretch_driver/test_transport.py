"""The connection to a running stretch_driver, which is imitated."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

pytest.importorskip("rclpy")

import rclpy

from fail2progress.ros.security.policy import CLIENT
from fail2progress.ros.stretch_driver import transport as module
from fail2progress.ros.stretch_driver.transport import DriverTransport, connect_driver
from support.driver_node import DriverNode
from support.fake_stretch import FakeStretch
from support.live_clock import LiveClock


@pytest.fixture
def talkative(ros_variables: dict[str, str]) -> Iterator[None]:
    """ROS with its log, which the other fixture leaves out."""
    rclpy.init(args=["--ros-args", "--log-level", "warn"])  # of an earlier test only the gravest may be told
    yield
    rclpy.shutdown()


@contextmanager
def connected(unheard: int) -> Iterator[tuple[DriverNode, DriverTransport]]:
    """A driver, and who moves the robot by it; of its first answers about ranges, so many are lost."""
    with ExitStack() as stack:
        clock = LiveClock(1.0)
        driver = DriverNode(FakeStretch(clock))
        clock.start()
        stack.callback(clock.end)
        stack.callback(driver.close)
        driver.unheard = unheard
        made = connect_driver()
        assert made is not None
        stack.callback(made.stop)
        yield driver, made


@pytest.mark.usefixtures("talkative")
def test_ranges_are_asked_for_until_they_are_heard(capfd: pytest.CaptureFixture[str]) -> None:
    with connected(unheard=2) as (driver, made):
        assert driver.asked == 3 and made.lift.soft_motion_limits == {"current": (0.0, 1.094)}
    assert "nominal" not in capfd.readouterr().err


@pytest.mark.usefixtures("talkative")
def test_ranges_that_the_driver_never_tells_are_said_to_be_nominal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "RANGES_PATIENCE", 0.2)
    with connected(unheard=module.ASKED) as (driver, made):
        assert driver.asked == module.ASKED and made.lift.soft_motion_limits == {}
    joints = "lift, arm, wrist_yaw, wrist_pitch, head_pan, head_tilt"
    assert f"stretch_driver has not told the ranges of {joints}: nominal ones are used" in capfd.readouterr().err


def test_the_client_has_a_name_of_its_own_under_a_launch(ros_variables: dict[str, str]) -> None:
    """A launch gives the process the name and namespace of the stack's node, and remaps topics in it."""
    rclpy.init(args=["--ros-args", "-r", "__node:=stretch", "-r", "__ns:=/f2p", "-r", "/battery:=/power"])
    try:
        made = DriverTransport()
        assert made.node.get_fully_qualified_name() == f"/f2p/{CLIENT}"
        assert {inlet.topic_name for inlet in made.node.subscriptions} >= {"/power", "/joint_limits"}
        made.stop()
    finally:
        rclpy.shutdown()
