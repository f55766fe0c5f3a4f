"""Threads of a node take each callback once, however long it waits for them."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from rclpy.callback_groups import ReentrantCallbackGroup
from std_msgs.msg import Empty

from fail2progress.ros.executor import NodeExecutor
from support.rigs import wait_for

THREADS = 2


class Counted(NodeExecutor):
    """Counts what it hands to its threads."""

    def __init__(self) -> None:
        super().__init__(THREADS)
        self.submitted = 0
        submit = self._executor.submit

        def counted(*arguments: Any) -> Any:
            self.submitted += 1
            return submit(*arguments)

        self._executor.submit = counted  # type: ignore[method-assign]


class Spun:
    """A node in its executor, whose thread keeps the error that ends it."""

    def __init__(self) -> None:
        self.node = rclpy.create_node("spun")
        self.executor = Counted()
        self.executor.add_node(self.node)
        self.offered: list[Any] = []
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._spin, daemon=True)
        self.thread.start()

    def _spin(self) -> None:
        try:
            self.executor.spin()
        except BaseException as error:
            self.error = error

    def offer(self, work: Callable[[], None]) -> Callable[[], None]:
        """What has `work` done in a thread of the executor: a message of a topic of its own."""
        topic = f"topic_{len(self.offered)}"
        inlet = self.node.create_subscription(Empty, topic, lambda _: work(), 1, callback_group=ReentrantCallbackGroup())
        outlet = self.node.create_publisher(Empty, topic, 1)
        self.offered.append((inlet, outlet))
        assert wait_for(lambda: outlet.get_subscription_count() > 0)
        return lambda: outlet.publish(Empty())


@pytest.fixture
def spun(ros: Callable[..., None]) -> Iterator[Spun]:
    ros()
    made = Spun()
    yield made
    made.executor.shutdown(timeout_sec=2.0)
    made.thread.join(timeout=10.0)
    made.node.destroy_node()


def test_what_waits_for_a_thread_is_handed_over_once(spun: Spun) -> None:
    free, begun, done = threading.Event(), [], []

    def wait() -> None:
        begun.append(1)
        free.wait(60.0)

    for block in [spun.offer(wait) for _ in range(THREADS)]:
        block()
    assert wait_for(lambda: len(begun) == THREADS)
    waiting = [spun.offer(lambda: done.append(1)) for _ in range(5)]
    before = spun.executor.submitted
    for trigger in waiting:
        trigger()
    assert wait_for(lambda: spun.executor.submitted >= before + len(waiting))
    for _ in range(20):
        spun.executor.wake()
        time.sleep(0.01)
    assert not done
    handed = spun.executor.submitted - before
    free.set()
    assert handed == len(waiting)
    assert wait_for(lambda: len(done) == len(waiting))


def test_an_error_of_a_callback_ends_the_spinning(spun: Spun) -> None:
    def fail() -> None:
        raise ArithmeticError("of the callback")

    spun.offer(fail)()
    assert wait_for(lambda: spun.error is not None)
    assert isinstance(spun.error, ArithmeticError) and str(spun.error) == "of the callback"
