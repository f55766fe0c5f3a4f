"""The example's leaf of a behaviour tree, ticked against an action server."""

import runpy
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import rclpy
from fail2progress_msgs.action import ExecuteTask
from rclpy.action import ActionServer, CancelResponse, GoalResponse

from fail2progress.ros.executor import NodeExecutor
from support.rigs import wait_for

py_trees = pytest.importorskip("py_trees")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "behaviour_tree.py"


class Planner:
    """Reaches goals that name a cup, not those that name a moon; takes no empty ones, and holds on to others."""

    def __init__(self) -> None:
        self.node, self.cancelled = rclpy.create_node("planner", use_global_arguments=False), Event()
        self.executor = NodeExecutor(3)
        self.executor.add_node(self.node)
        self.server = ActionServer(
            self.node, ExecuteTask, "execute_task", self.execute,
            goal_callback=lambda goal: GoalResponse.ACCEPT if goal.goals[0] else GoalResponse.REJECT,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )  # fmt: skip
        Thread(target=self.executor.spin, daemon=True).start()

    def execute(self, handle: Any) -> Any:
        text = handle.request.goals[0]
        while "cup" not in text and "moon" not in text and not handle.is_cancel_requested:
            Event().wait(0.01)
        if handle.is_cancel_requested:
            handle.canceled()
            self.cancelled.set()
        else:
            handle.succeed() if "cup" in text else handle.abort()
        return ExecuteTask.Result(error_msg="" if "cup" in text else "out of reach")


def test_a_tree_tries_goals_one_after_the_other_and_cancels_what_it_leaves(ros: Callable[..., None]) -> None:
    ros()
    leaf_of = runpy.run_path(str(EXAMPLE))["Action"]
    planner = Planner()
    client = rclpy.create_node("tree", use_global_arguments=False)
    planner.executor.add_node(client)

    def leaf(text: str) -> Any:
        return leaf_of(text, client, ExecuteTask, "execute_task", ExecuteTask.Goal(goals=[text]))

    def ticked(root: Any) -> str:
        assert wait_for(lambda: root.tick_once() or root.status != py_trees.common.Status.RUNNING, 60.0)
        return str(root.status.name)

    leaves = [leaf(""), leaf("on(moon)"), leaf("on(cup)"), leaf("on(cup) too")]
    root = py_trees.composites.Selector("one of", memory=True, children=leaves)
    assert ticked(root) == "SUCCESS"
    assert root.tip() is leaves[2] and "rejected" in leaves[0].feedback_message
    assert [one.feedback_message for one in leaves[1:]] == ["out of reach", "done", ""]
    held = leaf("on(sea)")
    held.tick_once()
    assert wait_for(lambda: held.tick_once() or held._answer is not None)
    held.stop(py_trees.common.Status.INVALID)
    assert planner.cancelled.wait(30.0)
    for one in (*leaves, held):
        one.client.close()
    planner.executor.shutdown(timeout_sec=2.0)
