"""A client that finds its server even where its first one does not."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
import rclpy.action.client
import rclpy.task
from action_msgs.msg import GoalStatus
from fail2progress_msgs.action import ExecuteSkill
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor

from fail2progress.ros.actions import Dispatcher, GoalClient, await_result, retire
from fail2progress.ros.executor import NodeExecutor
from support.rigs import wait_for


@pytest.fixture
def nodes(ros: Callable[..., None]) -> Iterator[tuple[Any, Any]]:
    """A node that offers the action and one that asks for it."""
    ros()
    server, client = rclpy.create_node("offers"), rclpy.create_node("asks")
    executors = [NodeExecutor(3), SingleThreadedExecutor()]
    for executor, node in zip(executors, (server, client), strict=True):
        executor.add_node(node)
    threads = [threading.Thread(target=executor.spin, daemon=True) for executor in executors]
    for thread in threads:
        thread.start()
    yield server, client
    for executor in executors:
        executor.shutdown(timeout_sec=2.0)
    for thread in threads:
        thread.join(timeout=2.0)
    server.destroy_node(), client.destroy_node()


def _succeed(handle: Any) -> Any:
    handle.succeed()
    return ExecuteSkill.Result()


def test_a_client_that_misses_its_server_is_made_again(nodes: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    server, client = nodes
    asked: list[GoalClient] = []

    def blind_at_first(self: GoalClient, timeout_sec: float | None = None) -> bool:
        asked.append(self)
        return len(asked) > 2 and super(GoalClient, self).wait_for_server(timeout_sec=timeout_sec)

    monkeypatch.setattr(GoalClient, "wait_for_server", blind_at_first)
    offered = ActionServer(server, ExecuteSkill, "execute_skill", _succeed)
    dispatcher = Dispatcher(client, ExecuteSkill, "execute_skill")
    assert dispatcher.found(60.0, retry=1.0)
    assert len({id(found) for found in asked}) >= 3
    future = dispatcher.send(ExecuteSkill.Goal())
    assert wait_for(future.done) and future.result().accepted
    dispatcher.close()
    retire(server, offered)


def test_nobody_is_found_where_nobody_offers(nodes: tuple[Any, Any]) -> None:
    dispatcher = Dispatcher(nodes[1], ExecuteSkill, "execute_skill")
    assert not dispatcher.found(0.5, retry=0.2)
    dispatcher.close()


def test_a_goal_whose_first_answer_is_lost_is_done_once_and_its_result_comes(
    nodes: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = nodes
    done: list[Any] = []

    def count(handle: Any) -> Any:
        done.append(handle)
        return _succeed(handle)

    offered = ActionServer(server, ExecuteSkill, "answered_late", count)
    dispatcher = Dispatcher(client, ExecuteSkill, "answered_late")
    assert dispatcher.found(60.0)
    send, sent = GoalClient.send_goal_async, []

    def lost_at_first(self: GoalClient, *arguments: Any, **options: Any) -> Any:
        sent.append(send(self, *arguments, **options))
        return rclpy.task.Future() if len(sent) == 1 else sent[-1]

    monkeypatch.setattr(GoalClient, "send_goal_async", lost_at_first)
    handle = dispatcher.ask(ExecuteSkill.Goal(), lambda: None, 60.0)
    assert handle is not None and handle.accepted and len(sent) >= 2
    answer = await_result(handle, lambda: None, 60.0)
    assert answer.status == GoalStatus.STATUS_SUCCEEDED and len(done) == 1
    dispatcher.close()
    retire(server, offered)


class GaveUpError(Exception):
    """Who asked waits no longer."""


def test_a_goal_that_is_taken_after_its_client_gave_up_is_cancelled(nodes: tuple[Any, Any]) -> None:
    """A task may be cancelled while the robot has not said yet whether it takes a skill."""
    server, client = nodes
    asked, gave_up, ended = threading.Event(), threading.Event(), list[bool]()

    def accept(_: Any) -> GoalResponse:
        asked.set()
        gave_up.wait(60.0)
        return GoalResponse.ACCEPT

    def carry_out(handle: Any) -> Any:
        ended.append(wait_for(lambda: handle.is_cancel_requested, 10.0))
        handle.canceled() if ended[-1] else handle.succeed()
        return ExecuteSkill.Result()

    def check() -> None:
        if asked.is_set():
            raise GaveUpError

    offered = ActionServer(
        server, ExecuteSkill, "taken_late", carry_out, goal_callback=accept,
        cancel_callback=lambda _: CancelResponse.ACCEPT, callback_group=ReentrantCallbackGroup()
    )  # fmt: skip
    dispatcher = Dispatcher(client, ExecuteSkill, "taken_late")
    assert dispatcher.found(60.0)
    with pytest.raises(GaveUpError):
        dispatcher.ask(ExecuteSkill.Goal(), check, 60.0)
    gave_up.set()
    assert wait_for(lambda: ended) and ended == [True]
    dispatcher.close()
    retire(server, offered)


def test_a_goal_that_was_asked_for_twice_is_cancelled_when_its_client_gave_up(
    nodes: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to the first request is lost, and the second one is turned down, as the goal is there already."""
    server, client = nodes
    ended, sent, late = list[bool](), list[Any](), rclpy.task.Future()

    def carry_out(handle: Any) -> Any:
        ended.append(wait_for(lambda: handle.is_cancel_requested, 10.0))
        handle.canceled() if ended[-1] else handle.succeed()
        return ExecuteSkill.Result()

    send = GoalClient.send_goal_async

    def unheard(self: GoalClient, *arguments: Any, **options: Any) -> Any:
        sent.append(send(self, *arguments, **options))
        return rclpy.task.Future() if len(sent) == 1 else late

    def check() -> None:
        if len(sent) == 2 and sent[1].done():
            raise GaveUpError

    offered = ActionServer(
        server, ExecuteSkill, "asked_twice", carry_out,
        cancel_callback=lambda _: CancelResponse.ACCEPT, callback_group=ReentrantCallbackGroup()
    )  # fmt: skip
    dispatcher = Dispatcher(client, ExecuteSkill, "asked_twice")
    assert dispatcher.found(60.0)
    monkeypatch.setattr(GoalClient, "send_goal_async", unheard)
    with pytest.raises(GaveUpError):
        dispatcher.ask(ExecuteSkill.Goal(), check, 60.0)
    late.set_result(sent[1].result())
    assert wait_for(lambda: ended) and ended == [True]
    dispatcher.close()
    retire(server, offered)


class _Overtaken(rclpy.task.Future):
    """A future to which no callback is added before its answer is there, or half a second is over."""

    def add_done_callback(self, callback: Callable[..., None]) -> None:
        wait_for(self.done, 0.5)
        super().add_done_callback(callback)


def test_an_answer_cannot_come_before_its_goal_is_noted(nodes: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    server, client = nodes
    offered = ActionServer(server, ExecuteSkill, "answered_at_once", _succeed)
    dispatcher = Dispatcher(client, ExecuteSkill, "answered_at_once")
    assert dispatcher.found(60.0)
    monkeypatch.setattr(rclpy.action.client, "Future", _Overtaken)
    future = dispatcher.send(ExecuteSkill.Goal())
    assert wait_for(future.done) and future.result().accepted
    dispatcher.close()
    retire(server, offered)
