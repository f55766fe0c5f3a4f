"""The example's leaf of a behaviour tree, ticked against an action server."""

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import rclpy
from fail2progress_msgs.action import ExecuteTask
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup

from fail2progress.ros.actions import retire
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
        self.hesitating, self.asked, self.over = Event(), Event(), Event()
        self.server = self.serve()
        Thread(target=self.executor.spin, daemon=True).start()

    def serve(self) -> Any:
        return ActionServer(
            self.node, ExecuteTask, "execute_task", self.execute,
            goal_callback=self.accept, cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )  # fmt: skip

    def accept(self, goal: Any) -> GoalResponse:
        self.asked.set()
        while self.hesitating.is_set():
            Event().wait(0.01)
        return GoalResponse.ACCEPT if goal.goals[0] else GoalResponse.REJECT

    def restart(self) -> None:
        """As another process: it knows of no goal."""
        retire(self.node, self.server)
        self.server = self.serve()

    def execute(self, handle: Any) -> Any:
        text = handle.request.goals[0]
        while "cup" not in text and "moon" not in text and not handle.is_cancel_requested and not self.over.is_set():
            Event().wait(0.01)
        if handle.is_cancel_requested:
            handle.canceled()
            self.cancelled.set()
        else:
            handle.succeed() if "cup" in text else handle.abort()
        return ExecuteTask.Result(error_msg="" if "cup" in text else "out of reach")


@pytest.fixture
def tree(ros: Callable[..., None]) -> Iterator[tuple[Planner, Callable[[str], Any]]]:
    """A planner, and what makes leaves for it."""
    ros()
    leaf_of, planner, leaves = runpy.run_path(str(EXAMPLE))["Action"], Planner(), list[Any]()
    client = rclpy.create_node("tree", use_global_arguments=False)
    planner.executor.add_node(client)

    def leaf(text: str) -> Any:
        leaves.append(leaf_of(text, client, ExecuteTask, "execute_task", ExecuteTask.Goal(goals=[text])))
        return leaves[-1]

    yield planner, leaf
    planner.over.set()
    for one in leaves:
        one.client.close()
    planner.executor.shutdown(timeout_sec=2.0)


Tree = tuple[Planner, Callable[[str], Any]]


def ticked(root: Any) -> str:
    """How it ends."""
    assert wait_for(lambda: root.tick_once() or root.status != py_trees.common.Status.RUNNING, 60.0)
    return str(root.status.name)


def test_a_tree_tries_goals_one_after_the_other_and_cancels_what_it_leaves(tree: Tree) -> None:
    planner, leaf = tree
    leaves = [leaf(""), leaf("on(moon)"), leaf("on(cup)"), leaf("on(cup) too")]
    root = py_trees.composites.Selector("one of", memory=True, children=leaves)
    assert ticked(root) == "SUCCESS"
    assert root.tip() is leaves[2] and "rejected" in leaves[0].feedback_message
    assert [one.feedback_message for one in leaves[1:]] == ["out of reach", "done", ""]
    held = leaf("on(sea)")
    held.tick_once()
    assert wait_for(lambda: held.tick_once() or held._answers)
    held.stop(py_trees.common.Status.INVALID)
    assert planner.cancelled.wait(30.0)


def test_a_goal_that_is_taken_after_the_tree_has_left_is_cancelled(tree: Tree) -> None:
    planner, leaf = tree
    planner.hesitating.set()
    held = leaf("on(sea)")
    held.tick_once()
    assert planner.asked.wait(30.0)
    held.stop(py_trees.common.Status.INVALID)
    planner.hesitating.clear()
    assert planner.cancelled.wait(30.0)


def test_a_goal_fails_whose_planner_was_restarted_or_is_gone(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    planner, leaf = tree
    held = leaf("on(sea)")
    held.tick_once()
    assert wait_for(lambda: held.tick_once() or held._answers)
    planner.restart()
    assert ticked(held) == "FAILURE" and "restarted" in held.feedback_message
    again = leaf("on(lake)")
    again.tick_once()
    assert wait_for(lambda: again.tick_once() or again._answers)
    monkeypatch.setitem(type(again).update.__globals__, "GONE", 0.5)
    retire(planner.node, planner.server)
    assert ticked(again) == "FAILURE" and "gone" in again.feedback_message
