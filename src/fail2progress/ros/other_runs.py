"""Whether a node of another run has the same name in the same ROS domain: then it is not known whose standard messages come.

Messages of the stack's own types carry their run's id; images, transforms and joints cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from fail2progress.ros.conversions.values import Refused
from fail2progress.ros.entries import Topic


class OtherRuns:
    """Looks for nodes with the name of a node, and asks their diagnostics to which run they belong.

    After a restart the middleware takes what is left of the earlier process for a node, too: it belongs to the same run.
    """

    def __init__(self, node: Node, run: str, title: str, tell: Callable[[str], None]) -> None:
        self.node, self.run, self.title, self.tell = node, run, title, tell
        self.foreign = ""
        """The other run; no standard message is taken while it is there."""
        self._listening: Any = None

    def look(self) -> None:
        """Call from time to time."""
        me = (self.node.get_name(), self.node.get_namespace())
        twice = self.node.get_node_names_and_namespaces().count(me) > 1
        if twice and self._listening is None:
            self._listening = self.node.create_subscription(DiagnosticArray, "diagnostics", self._hear, 10)
        elif not twice and self._listening is not None:
            self.node.destroy_subscription(self._listening)
            self._listening, self.foreign = None, ""

    def check(self, topic: Topic, run: str) -> None:
        """Refused for a message of another run, and for a standard one while it is not known whose it is.

        run: the one that a message of the stack's own types names.
        """
        if (topic.own and run == self.run) or (not topic.own and not self.foreign):
            return
        strange = run if topic.own else self.foreign
        said = f"run {strange} speaks" if strange else "somebody speaks without naming a run"
        raise Refused("foreign", f"{said} in the same ROS domain and namespace, this is run {self.run}: set ROS_DOMAIN_ID")

    def _hear(self, message: Any) -> None:
        runs = {status.hardware_id for status in message.status if status.name == self.title}
        strange = runs - {self.run, ""}
        if strange and not self.foreign:
            self.foreign = min(strange)
            self.tell(f"run {self.foreign} has a node of the same name: standard messages are not taken until it has gone")
