"""A node that sends observations to a stack and hears what comes of them, for measuring."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fail2progress_msgs.msg import ModelState, ModelUpdate, Relations, Segments
from rclpy.node import Node
from sensor_msgs.msg import JointState

from fail2progress.core.observation import SECOND, SegmentedCloud
from fail2progress.ros import graph as table
from fail2progress.ros.conversions.values import segments_msg, stamp_of
from fail2progress.ros.delivery import qos

AT_REST = 0.02
"""Joint speed (m/s, rad/s) below which a joint stands."""


class Probe(Node):
    """Sends segments and hears what comes of them."""

    def __init__(self, cloud: SegmentedCloud, run: str) -> None:
        """run: the stack's; it refuses what others say."""
        super().__init__("probe")
        self.run = run
        self.message = segments_msg(cloud)
        self.message.run = run
        self.sent: dict[int, float] = {}
        self.delays: dict[int, float] = {}
        self.digests: dict[str, str] = {}
        self.reported: dict[str, float] = {}
        self.moved = 0.0
        """When a joint last moved."""
        self.reasons: dict[str, str] = {}
        self.announced = 0.0
        """When the last model update was sent, by its stamp, as all times here: what is slow in this process does not count."""
        self.changed = threading.Condition()
        self.outlet = self.create_publisher(Segments, "segments", qos(table.TOPICS["segments"]))
        self.create_subscription(Relations, "relations", self._relations, qos(table.TOPICS["relations"]))
        self.create_subscription(ModelState, "model_states", self._state, qos(table.TOPICS["model_states"]))
        self.create_subscription(JointState, "joint_states", self._joints, qos(table.TOPICS["joint_states"]))
        self.create_subscription(ModelUpdate, "model_updates", self._update, qos(table.TOPICS["model_updates"]))

    def _joints(self, message: JointState) -> None:
        if max(map(abs, message.velocity), default=0.0) > AT_REST:
            self.moved = stamp_of(message.header.stamp) / SECOND

    def _update(self, message: ModelUpdate) -> None:
        with self.changed:
            self.announced = stamp_of(message.header.stamp) / SECOND
            self.changed.notify_all()

    def send(self) -> None:
        """One observation."""
        now = self.get_clock().now()
        self.message.header.stamp = now.to_msg()
        self.sent[now.nanoseconds] = time.monotonic()
        self.outlet.publish(self.message)

    def _relations(self, message: Relations) -> None:
        stamp = stamp_of(message.header.stamp)
        if stamp in self.sent:
            with self.changed:
                self.delays[stamp] = time.monotonic() - self.sent[stamp]
                self.changed.notify_all()

    def _state(self, message: ModelState) -> None:
        with self.changed:
            self.digests[message.node] = message.digest
            if message.reason:
                self.reasons[message.node] = message.reason
            self.reported[message.node] = stamp_of(message.header.stamp) / SECOND
            self.changed.notify_all()

    def wait(self, true: Callable[[], bool], seconds: float) -> bool:
        """Until something that is heard makes it true."""
        end = time.monotonic() + seconds
        with self.changed:
            while not true():
                if time.monotonic() > end:
                    return False
                self.changed.wait(0.05)
        return True
