"""A robot's node of one's own in the place of `stretch`: it publishes what its camera sees and carries skills out.

It needs ROS 2 and the stack's messages. Behind this one stands a simulator, so that it runs anywhere: with a camera's driver the
images and transforms come from there, and `carry_out` moves the arm.
"""

import os
from contextlib import suppress

import rclpy
from fail2progress_msgs.action import ExecuteSkill
from fail2progress_msgs.msg import ErrorCode, LabelNames
from geometry_msgs.msg import TransformStamped
from rclpy.action import ActionServer
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

import fail2progress as f2p
from fail2progress.core.camera import Camera
from fail2progress.ros.conversions.images import depth_image, image_msg, info_msg
from fail2progress.ros.conversions.values import call_of, header
from fail2progress.simulation.base import Job
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import photograph
from fail2progress.simulation.registry import make

OBJECTS = [
    {"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.08)},
    {"name": "pill", "category": "capsule", "size": (0.03, 0.03, 0.03)},
]
RUN = os.environ.get("FAIL2PROGRESS_RUN", "")
"""Messages of the stack's own types name the run of its nodes, which is that of this variable or none."""
KEPT = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Arm(Node):
    """Can pick and place."""

    def __init__(self) -> None:
        super().__init__("arm")
        self.world, self.scene = make(), f2p.scene(OBJECTS, seed=1)
        self.colour = self.create_publisher(Image, "camera/color/image_raw", 2)
        self.depth = self.create_publisher(Image, "camera/aligned_depth_to_color/image_raw", 2)
        self.info = self.create_publisher(CameraInfo, "camera/color/camera_info", 2)
        self.labels = self.create_publisher(Image, "camera/labels", 2)
        self.names = self.create_publisher(LabelNames, "camera/label_names", KEPT)
        self.places = self.create_publisher(TFMessage, "tf_static", KEPT)
        at_once = ReentrantCallbackGroup()
        ActionServer(self, ExecuteSkill, "execute_skill", self.carry_out, callback_group=at_once)
        self.create_timer(1.0, self.look, callback_group=at_once)

    def look(self) -> None:
        """One image pair, whose pixels have names here, as a detector gives them; and where the camera is."""
        bodies = compile_scene(self.scene)
        frame = photograph(bodies, self.scene, Camera())
        now = self.get_clock().now().nanoseconds
        info = info_msg(frame.intrinsics, now)
        at = TransformStamped(header=header(now, "planning"), child_frame_id=info.header.frame_id)
        move, turn = at.transform.translation, at.transform.rotation
        move.x, move.y, move.z = map(float, frame.pose[:3, 3])
        turn.x, turn.y, turn.z, turn.w = map(float, Rotation.from_matrix(frame.pose[:3, :3]).as_quat())
        self.places.publish(TFMessage(transforms=[at]))
        self.names.publish(LabelNames(names=list(frame.labels.names), categories=list(frame.labels.categories), run=RUN))
        self.info.publish(info)
        self.labels.publish(image_msg(frame.labels.image, "16UC1", now))
        self.colour.publish(image_msg(frame.colour, "rgb8", now))
        self.depth.publish(image_msg(depth_image(frame.depth), "16UC1", now))

    def carry_out(self, goal: ExecuteSkill.Goal) -> ExecuteSkill.Result:
        """Move. A skill that is not begun has a code and a reason: the planner tries another place, or another skill."""
        call = call_of(goal.request.call)
        if call.skill != "pick_place":
            goal.abort()
            return ExecuteSkill.Result(error_code=ErrorCode.ROBOT_REFUSED, error_msg=f"this arm cannot {call.skill}")
        print(call, flush=True)
        self.scene = self.world.execute(Job(self.scene, call)).after.scene
        goal.succeed()
        return ExecuteSkill.Result(error_code=ErrorCode.OK)


def main() -> None:
    """Until Ctrl-C."""
    rclpy.init()
    executor = MultiThreadedExecutor()
    executor.add_node(Arm())
    with suppress(KeyboardInterrupt):
        executor.spin()


if __name__ == "__main__":
    main()
