"""A node of the table in this process, spun as its own process would spin it, and a peer that talks to it."""

import importlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy

from fail2progress.ros import graph as table
from fail2progress.ros.actions import Dispatcher
from fail2progress.ros.conversions.values import stamp_of
from fail2progress.ros.delivery import message_type, qos
from fail2progress.ros.executor import NodeExecutor
from fail2progress.ros.lifecycle import StackNode

PATIENCE = 30.0
"""Seconds after which something that should have come counts as lost."""


def wait_for(true: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


class Rig:
    """The node under test and its peer."""

    def __init__(self, name: str, monkeypatch: Any, namespace: str = "") -> None:
        """namespace: that which ROS was started with."""
        self.entry = table.NODES[name]
        self.handled: Counter[str] = Counter()
        self.died: list[BaseException] = []
        self._count_what_is_handled(monkeypatch)
        self.node: Any = getattr(importlib.import_module(self.entry.module), self.entry.class_name)(self.entry)
        self.peer = rclpy.create_node("peer", use_global_arguments=False, namespace=namespace or None)
        self._executors = [NodeExecutor(self.entry.threads), SingleThreadedExecutor()]
        self._threads = []
        for executor, spun in zip(self._executors, (self.node, self.peer), strict=True):
            executor.add_node(spun)
            self._threads.append(threading.Thread(target=self._spin, args=(executor,), daemon=True))
            self._threads[-1].start()
        self._outlets: dict[str, Any] = {}
        self.statuses: list[Any] = []
        self.peer.create_subscription(DiagnosticArray, "diagnostics", self.statuses.append, 10)

    def _count_what_is_handled(self, monkeypatch: Any) -> None:
        guarded = StackNode.guarded

        def counted(node: StackNode, name: str, handle: Callable[[Any], None], message: Any) -> None:
            try:
                guarded(node, name, handle, message)
            finally:
                # A worker of the node may guard its own work by the same name.
                self.handled[name] += isinstance(message, bytes) or hasattr(message, "get_fields_and_field_types")

        monkeypatch.setattr(StackNode, "guarded", counted)

    def _spin(self, executor: Any) -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            pass
        except BaseException as error:
            self.died.append(error)

    def activate(self) -> None:
        """As autostart does."""
        assert self.node.trigger_configure().name == "SUCCESS"
        assert self.node.trigger_activate().name == "SUCCESS"
        heard = {inlet.topic_name.removeprefix(self.peer.get_namespace()).lstrip("/") for inlet in self.node.subscriptions} & set(
            self.entry.subscribes
        )
        assert wait_for(lambda: all(self.outlet(name).get_subscription_count() for name in heard))

    def outlet(self, name: str) -> Any:
        """Publishes on a topic of the table; reliably, since what is lost tests nothing."""
        if name not in self._outlets:
            topic = table.TOPICS[name]
            durability = qos(topic).durability
            wanted = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE, durability=durability)
            self._outlets[name] = self.peer.create_publisher(message_type(topic.type), name, wanted)
        return self._outlets[name]

    def send(self, name: str, message: Any) -> bool:
        """Publish, and wait until the node is through with it."""
        before = self.handled[name]
        self.outlet(name).publish(message)
        return wait_for(lambda: self.handled[name] > before)

    def collect(self, name: str) -> list[Any]:
        """What the node says on a topic from now on."""
        found: list[Any] = []
        topic = table.TOPICS[name]
        inlet = self.peer.create_subscription(message_type(topic.type), name, found.append, qos(topic))
        assert wait_for(lambda: inlet.get_publisher_count() > 0)
        return found

    def call(self, kind: type, name: str, request: Any) -> Any:
        """The answer of a service."""
        client = self.peer.create_client(kind, name)
        assert client.wait_for_service(timeout_sec=PATIENCE)
        return self._result(client.call_async(request))

    def pursue(self, kind: Any, name: str, goal: Any) -> Any:
        """The result of an action's goal, or None where it is rejected."""
        client = Dispatcher(self.peer, kind, name)
        assert client.found(PATIENCE)
        handle = self._result(client.send(goal))
        found = self._result(handle.get_result_async()) if handle.accepted else None
        client.close()
        return found

    def _result(self, future: Any) -> Any:
        assert wait_for(future.done)
        return future.result()

    def diagnosis(self) -> Any:
        """The node's next diagnostics: not those that were on their way already."""
        now = self.node.get_clock().now().nanoseconds
        assert wait_for(lambda: any(stamp_of(message.header.stamp) >= now for message in self.statuses[-1:]))
        return self.statuses[-1].status[0]

    def close(self) -> None:
        """End everything."""
        self.node.let_go()
        for executor in self._executors:
            executor.shutdown(timeout_sec=2.0)
        for thread in self._threads:
            thread.join(timeout=2.0)
        self.peer.destroy_node()
        self.node.destroy_node()


@contextmanager
def rig(name: str, monkeypatch: Any, namespace: str = "") -> Iterator[Rig]:
    """A node with its peer, ended at the end."""
    made = Rig(name, monkeypatch, namespace)
    try:
        yield made
    finally:
        made.close()
