"""Behaviour trees around the stack: a py_trees leaf that has one of its actions carried out, and a tree of two goals.

Needs ROS 2 with fail2progress_msgs and `pip install py_trees`. While a stack runs that stays up for goals
(`ros2 launch fail2progress sim.launch.py stay:=true`, or `fail2progress up sim --stay`):

    python examples/behaviour_tree.py "inside(every capsule, the largest cup)" "above(the nearest cup, table_b)"

The first goal that is reached ends the tree. With BehaviorTree.CPP or Nav2 the action is the same: a RosActionNode of
fail2progress_msgs/action/ExecuteTask on execute_task.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import py_trees
import rclpy
from action_msgs.msg import GoalStatus
from fail2progress_msgs.action import ExecuteTask
from py_trees.common import Status
from rclpy.executors import SingleThreadedExecutor

from fail2progress.ros.actions import Dispatcher


class Action(py_trees.behaviour.Behaviour):
    """RUNNING while the goal is under way, SUCCESS where it succeeded, FAILURE with the reason as feedback; cancelled when the
    tree leaves it."""

    def __init__(self, name: str, node: Any, kind: Any, action: str, goal: Any) -> None:
        super().__init__(name)
        self.goal = goal
        self.client = Dispatcher(node, kind, action)
        self._sent: Any = None
        self._handle: Any = None
        self._answer: Any = None

    def initialise(self) -> None:
        """Send the goal."""
        self._handle = self._answer = None
        self._sent = self.client.send(self.goal, self._progress) if self.client.found(10.0) else None

    def _progress(self, message: Any) -> None:
        self.feedback_message = str(message.feedback.phase)

    def update(self) -> Status:
        """How far it is."""
        if self._sent is None:
            self.feedback_message = "nobody offers the action"
            return Status.FAILURE
        if self._handle is None and self._sent.done():
            self._handle = self._sent.result()
            if not self._handle.accepted:
                self.feedback_message = "rejected: busy, stopped or inactive"
                return Status.FAILURE
            self._answer = self._handle.get_result_async()
        if self._answer is None or not self._answer.done():
            return Status.RUNNING
        found = self._answer.result()
        self.feedback_message = found.result.error_msg or "done"
        return Status.SUCCESS if found.status == GoalStatus.STATUS_SUCCEEDED else Status.FAILURE

    def terminate(self, new_status: Status) -> None:
        """Cancel what is under way where the tree goes elsewhere."""
        if new_status == Status.INVALID and self._handle is not None and self._handle.accepted and not self._answer.done():
            self._handle.cancel_goal_async()


def main(goals: list[str]) -> int:
    """0 where one of the goals was reached."""
    rclpy.init()
    node = rclpy.create_node("behaviour_tree")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()
    leaves = [Action(text, node, ExecuteTask, "execute_task", ExecuteTask.Goal(goals=[text])) for text in goals]
    root = py_trees.composites.Selector("one of", memory=True, children=leaves)
    root.tick_once()
    while root.status == Status.RUNNING:
        threading.Event().wait(0.1)
        root.tick_once()
    for leaf in leaves:
        print(f"{leaf.name}: {leaf.feedback_message or 'not tried'}")
    rclpy.shutdown()
    return 0 if root.status == Status.SUCCESS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
