"""What the driver's messages mean."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from control_msgs.action import FollowJointTrajectory
from sensor_msgs.msg import JointState

from fail2progress.ros.stretch_driver.joints import Heard, refusal

Result = FollowJointTrajectory.Result


@pytest.mark.parametrize("code", [Result.SUCCESSFUL, 100, Result.PATH_TOLERANCE_VIOLATED])
def test_a_goal_that_was_carried_out_or_that_the_driver_waits_no_longer_for_is_no_refusal(code: int) -> None:
    assert refusal(Result(error_code=code, error_string="default_goal_timeout exceeded")) == ""


@pytest.mark.parametrize("code", [-1, -2, -3, -5, -6, -100, 7])
def test_every_other_code_is_a_refusal(code: int) -> None:
    assert refusal(Result(error_code=code, error_string="only in position mode")) == f"only in position mode (code {code})"
    assert refusal(Result(error_code=code)) == f"it does not say why (code {code})"


def test_ranges_that_were_not_told_are_known() -> None:
    heard = Heard()
    assert heard.untold() == []
    heard.take_joints(SimpleNamespace(name=["joint_lift", "wrist_extension", "joint_head_pan", "joint_gripper_finger_left"]))
    assert heard.untold() == ["lift", "arm", "head_pan"]
    heard.take_limits(JointState(name=["joint_lift", "joint_arm", "gripper_aperture"], position=[0.1] * 3, velocity=[0.9] * 3))
    assert heard.untold() == ["head_pan"] and heard.limits == {"lift": (0.1, 0.9), "arm": (0.1, 0.9)}
