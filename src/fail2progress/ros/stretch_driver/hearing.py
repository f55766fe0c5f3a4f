"""What a running stretch_driver says, by its topics."""

from __future__ import annotations

from functools import partial
from typing import Any

from nav_msgs.msg import Odometry
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import BatteryState, JointState
from std_msgs.msg import Bool, String

from fail2progress.ros.stretch_driver.joints import Heard

_NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""For what is said 30 times a second."""
_ONCE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""For what is said when it is asked for; the driver publishes all of its topics reliably."""


def listen(node: Any, heard: Heard) -> None:
    """Have a node keep the newest of everything in `heard`."""
    hear = partial(node.create_subscription, qos_profile=_NEWEST)
    hear(JointState, "/stretch/joint_states", heard.take_joints)
    hear(Odometry, "/odom", partial(setattr, heard, "odometry"))
    hear(BatteryState, "/battery", lambda message: setattr(heard, "voltage", float(message.voltage)))
    for topic, kind, name in (
        ("/is_homed", Bool, "homed"),
        ("/is_runstopped", Bool, "run_stopped"),
        ("/mode", String, "mode"),
        ("/tool", String, "tool"),
    ):
        hear(kind, topic, partial(_take, heard, name))
    node.create_subscription(JointState, "/joint_limits", heard.take_limits, _ONCE)


def _take(heard: Heard, name: str, message: Any) -> None:
    setattr(heard, name, message.data)
