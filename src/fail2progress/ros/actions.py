"""Clients of actions, made so that a busy computer does not lose them."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from unique_identifier_msgs.msg import UUID

RETRY = 5.0
"""Seconds after which a client that has not found its server is made again."""

ASK_AGAIN = 3.0
"""Seconds after which a result is asked for once more."""


class GoalClient(ActionClient):
    """An action client that no executor's thread can overtake: no answer is taken before its request is noted.

    rclpy's own makes its lock last, when executors have heard of it, and notes a goal twice, the second time without the lock:
    an answer in between ends a future that nobody holds, or one that is not down yet (ValueError). Humble's has no lock.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._lock, self._noting = threading.Lock(), threading.Lock()
        super().__init__(*arguments, **options)

    def send_goal_async(self, *arguments: Any, **options: Any) -> Any:
        """The future of the goal's handle."""
        with self._noting:
            return super().send_goal_async(*arguments, **options)

    def _cancel_goal_async(self, handle: ClientGoalHandle) -> Any:
        with self._noting:
            return super()._cancel_goal_async(handle)

    def _get_result_async(self, handle: ClientGoalHandle) -> Any:
        with self._noting:
            return super()._get_result_async(handle)

    def take_data(self) -> Any:
        """What has come, for an executor."""
        with self._noting:
            return super().take_data()


def with_a_code(node: Any, kind: Any, carry_out: Callable[[Any], Any], failed: int) -> Callable[[Any], Any]:
    """What serves an action, where an error that nobody foresaw ends the goal with the code `failed`.

    rclpy would send an empty result, whose code is that of success.
    """

    def guarded(handle: Any) -> Any:
        try:
            return carry_out(handle)
        except Exception as error:
            node.get_logger().error(f"{kind.__name__}: {traceback.format_exc()}")
            if handle.is_active:
                handle.abort()
            return kind.Result(error_code=failed, error_msg=f"{type(error).__name__}: {error}")

    return guarded


def retire(node: Any, action: Any) -> None:
    """Close an action's end. rclpy's executors fail on one that is destroyed while they prepare to wait for it: so it is
    taken from the node first, and destroyed in the executor's next round, which knows nothing of it any more.
    """

    def destroy() -> None:
        with suppress(ValueError):  # it takes itself from the node once more
            action.destroy()

    node.remove_waitable(action)
    if node.executor is None:
        destroy()
    else:
        node.executor.create_task(destroy)


class Dispatcher:
    """The client of one action, which is made again where it does not find its server.

    An action is five endpoints; on a busy computer the middleware sometimes misses one of them for good, and a client
    that waits for it then waits for ever beside a server that runs.
    """

    def __init__(self, node: Any, kind: Any, name: str, **options: Any) -> None:
        self.node, self.kind = node, kind
        self._make: Callable[[], Any] = partial(GoalClient, node, kind, name, **options)
        self._client = self._make()

    def found(self, seconds: float, retry: float = RETRY) -> bool:
        """Whether somebody offers the action, waiting at most so long (s)."""
        end = time.monotonic() + seconds
        while not self._client.wait_for_server(timeout_sec=max(0.0, min(retry, end - time.monotonic()))):
            if time.monotonic() >= end:
                return False
            self.close()
            self._client = self._make()
        return True

    @property
    def ready(self) -> bool:
        """Whether somebody offers the action now. Who died without a word does so until the middleware's lease has run out."""
        return bool(self._client.server_is_ready())

    def send(self, goal: Any, feedback: Any = None) -> Any:
        """The future of the goal's handle."""
        return self._client.send_goal_async(goal, feedback_callback=feedback)

    def ask(self, goal: Any, check: Callable[[], None], seconds: float, feedback: Any = None) -> Any:
        """The goal's handle once the server has answered, None when the time (s) is over. `check` is called all the while.

        Asked again by the same id: a server that does not know its client's other end yet drops its answer, and does the goal
        all the same. It turns the second request of a goal that it has down; whether it has it, the result says. A goal that is
        taken when nobody waits for that any more is cancelled.
        """
        identity = UUID(uuid=list(uuid4().bytes))
        came, asked = threading.Event(), []
        begun, due, answered = time.monotonic(), 0.0, False
        try:
            while time.monotonic() - begun < seconds:
                if time.monotonic() >= due:
                    asked.append(self._client.send_goal_async(goal, feedback_callback=feedback, goal_uuid=identity))
                    asked[-1].add_done_callback(lambda _: came.set())
                    due = time.monotonic() + ASK_AGAIN
                if came.wait(0.05):
                    answer, answered = next(future for future in asked if future.done()), True
                    return self._handle_of(answer, identity, len(asked))
                check()
            return None
        finally:
            for future in () if answered else asked:
                future.add_done_callback(partial(self._take_back, identity, len(asked)))

    def _handle_of(self, answer: Any, identity: UUID, requests: int) -> Any:
        """What was answered; of several requests of which one was turned down, another one may have brought the goal."""
        handle = answer.result()
        if handle.accepted or requests == 1:
            return handle
        return ClientGoalHandle(self._client, identity, self.kind.Impl.SendGoalService.Response(accepted=True))

    def _take_back(self, identity: UUID, requests: int, answer: Any) -> None:
        """Cancel a goal that was taken after all."""
        if answer.exception() is not None or answer.result() is None:
            return
        handle = self._handle_of(answer, identity, requests)
        if handle.accepted:
            handle.cancel_goal_async()

    def close(self) -> None:
        """End the client."""
        retire(self.node, self._client)


def await_result(handle: Any, check: Callable[[], None], seconds: float) -> Any:
    """The answer to a goal, or None when the time is over. `check` is called all the while and may raise.

    It is asked for again and again: a server that was restarted answers at once that it knows nothing of the goal (status
    unknown), while a dead one looks alive for as long as the middleware's lease runs.
    """
    came, asked = threading.Event(), []
    begun, due = time.monotonic(), 0.0
    while time.monotonic() - begun < seconds:
        if time.monotonic() >= due:
            asked.append(handle.get_result_async())
            asked[-1].add_done_callback(lambda _: came.set())
            due = time.monotonic() + ASK_AGAIN
        if came.wait(0.05):
            return next(future.result() for future in asked if future.done())
        check()
    return None
