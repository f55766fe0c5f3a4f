import numpy as np
import pytest

from fail2progress.core.scene import rotations
from fail2progress.robots.stretch.kinematics import TOOLS
from support.driving import hand_of, robot


def test_joints_have_the_names_of_the_ros_driver() -> None:
    made, body = robot("cup")
    body.axes["arm"].position = 0.4
    body.clock.sleep(0.1)
    joints = made.joints()
    assert joints["wrist_extension"][0] == pytest.approx(0.4) and joints["joint_arm_l2"][0] == pytest.approx(0.1)
    assert set(joints) == {
        "wrist_extension",
        "joint_lift",
        "joint_arm_l3",
        "joint_arm_l2",
        "joint_arm_l1",
        "joint_arm_l0",
        "joint_head_pan",
        "joint_head_tilt",
        "joint_wrist_yaw",
        "joint_wrist_pitch",
        "joint_wrist_roll",
        "joint_gripper_finger_left",
        "joint_gripper_finger_right",
    }


@pytest.mark.parametrize("tool", list(TOOLS))
def test_transforms_lead_from_the_planning_frame_to_hand_and_camera(tool: str) -> None:
    made, body = robot("cup", tool=tool)
    body.x, body.y, body.theta = 0.2, 0.1, 0.3
    body.axes["arm"].position, body.axes["wrist_yaw"].position = 0.3, 0.4
    body.clock.sleep(0.1)
    parents = {child: (parent, pose) for parent, child, pose in made.transforms()}
    assert "camera_link" in parents and "camera_color_optical_frame" not in parents

    def in_odom(frame: str) -> np.ndarray:
        if frame == "odom":
            return np.eye(4)
        parent, pose = parents[frame]
        own = np.eye(4)
        own[:3, :3], own[:3, 3] = rotations(pose[None, 3:])[0], pose[:3]
        return in_odom(parent) @ own

    planning = np.linalg.inv(in_odom("planning"))
    base = planning @ in_odom("base_link")
    assert (base[0, 3], base[1, 3]) == pytest.approx((made.pose().x, made.pose().y))
    if tool == "tool_stretch_gripper":
        found, at = hand_of(made, body), planning @ in_odom("link_grasp_center")
        np.testing.assert_allclose(at[:3, 3], (found.x, found.y, found.z), atol=1e-3)
    else:
        assert "link_grasp_center" not in parents and "link_wrist_yaw" in parents
