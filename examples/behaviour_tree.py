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
import time
from typing import Any

import py_trees
import rclpy
from action_msgs.msg import GoalStatus
from fail2progress_msgs.action import ExecuteTask
from py_trees.common import Status
from rclpy.executors import SingleThreadedExecutor

from fail2progress.ros.actions import ASK_AGAIN, Dispatcher

ANSWER, GONE = 20.0, 15.0
"""Seconds in which a server must say whether it takes a goal, and for which it may be away: a restart takes less."""


class Action(py_trees.behaviour.Behaviour):
    """RUNNING while the goal is under way, SUCCESS where it succeeded, FAILURE with the reason as feedback; cancelled when the
    tree leaves it."""

    def __init__(self, name: str, node: Any, kind: Any, action: str, goal: Any) -> None:
        super().__init__(name)
        self.goal = goal
        self.client = Dispatcher(node, kind, action)
        self._sent: Any = None
        self._handle: Any = None
        self._answers: list[Any] = []
        self._begun = self._asked = self._there = 0.0

    def initialise(self) -> None:
        """Send the goal."""
        self._handle, self._answers, self.feedback_message = None, [], ""
        self._sent = self.client.send(self.goal, self._progress) if self.client.found(10.0) else None
        self._begun = self._there = time.monotonic()

    def _progress(self, message: Any) -> None:
        self.feedback_message = str(message.feedback.phase)

    def update(self) -> Status:
        """How far it is."""
        now = time.monotonic()
        if self._sent is None:
            return self._failed("nobody offers the action")
        if self.client.ready:
            self._there = now
        if self._handle is None:
            return self._taken(now)
        found = next((answer.result() for answer in self._answers if answer.done()), None)
        if found is None:
            self._ask(now)
            return self._failed("the server is gone") if now - self._there > GONE else Status.RUNNING
        if found.status == GoalStatus.STATUS_UNKNOWN:
            return self._failed("the server was restarted and knows nothing of the goal")
        self.feedback_message = found.result.error_msg or "done"
        return Status.SUCCESS if found.status == GoalStatus.STATUS_SUCCEEDED else Status.FAILURE

    def _failed(self, why: str) -> Status:
        self.feedback_message = why
        return Status.FAILURE

    def _taken(self, now: float) -> Status:
        """Whether the goal is taken, as far as the server has said."""
        if not self._sent.done():
            if now - self._begun <= ANSWER:
                return Status.RUNNING
            self._take_back()
            return self._failed("the server does not answer")
        self._handle = self._sent.result()
        if not self._handle.accepted:
            return self._failed("rejected: busy, stopped or inactive")
        self._ask(now)
        return Status.RUNNING

    def _ask(self, now: float) -> None:
        """For the result, again and again: a server that was restarted says that it knows nothing of the goal, and nothing to
        what its earlier process was asked."""
        if not self._answers or now - self._asked > ASK_AGAIN:
            self._answers.append(self._handle.get_result_async())
            self._asked = now

    def terminate(self, new_status: Status) -> None:
        """Cancel what is under way where the tree goes elsewhere."""
        if new_status == Status.INVALID and self._sent is not None and not any(answer.done() for answer in self._answers):
            self._take_back()

    def _take_back(self) -> None:
        """Cancel the goal, once the server has taken it: it may not have said so yet."""
        self._sent.add_done_callback(lambda sent: sent.result().cancel_goal_async() if sent.result().accepted else None)


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
