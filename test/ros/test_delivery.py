"""What nodes of others say: heard by whatever profile it comes, each message once, in the order in which it was sent."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import rclpy
from fail2progress_msgs.msg import LabelNames
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message

from fail2progress.ros import graph as table
from fail2progress.ros.catching_up import catch_up
from fail2progress.ros.delivery import Once, offered, subscribe
from fail2progress.ros.entries import Quality
from support.rigs import wait_for

NAMES = table.TOPICS["camera/label_names"]
STRONG, WEAK = offered(NAMES), QoSProfile(depth=10)
"""As the table has it, and as nodes of others publish where nobody chose."""


class Pair:
    """A node that hears names, its subscriptions handled only when asked for, and one that says them."""

    def __init__(self, raw: bool) -> None:
        self.hearer, self.sayer = (rclpy.create_node(name) for name in ("hearer", "sayer"))
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.hearer)
        self.heard: list[str] = []
        self.inlets = subscribe(self.hearer, NAMES, self._take, raw=raw)

    def _take(self, message: Any) -> None:
        said = deserialize_message(message, LabelNames) if isinstance(message, bytes) else message
        self.heard += said.names

    def outlet(self, profile: QoSProfile) -> Any:
        """Found by every subscription that takes such a profile."""
        made = self.sayer.create_publisher(LabelNames, NAMES.name, profile)
        wanted = len(self.inlets) - (profile is WEAK)
        assert wait_for(lambda: made.get_subscription_count() == wanted)
        return made

    def spin(self, wanted: int) -> list[str]:
        """What was heard once so much has come, and what comes beyond that in some rounds more."""
        assert wait_for(lambda: self.executor.spin_once(timeout_sec=0.05) or len(self.heard) >= wanted)
        for _ in range(6):
            self.executor.spin_once(timeout_sec=0.05)
        return self.heard


@contextmanager
def pair(raw: bool = False) -> Iterator[Pair]:
    made = Pair(raw)
    yield made
    made.executor.shutdown()
    made.hearer.destroy_node()
    made.sayer.destroy_node()


def say(outlet: Any, *names: str) -> None:
    for name in names:
        outlet.publish(LabelNames(names=[name]))


def test_what_a_node_said_before_it_ended_is_heard(ros: Callable[..., None]) -> None:
    """Also where the hearer was busy until then."""
    ros()
    with pair() as made:
        outlet = made.outlet(WEAK)
        say(outlet, "a")
        time.sleep(0.5)
        made.sayer.destroy_publisher(outlet)
        assert wait_for(lambda: not made.hearer.count_publishers(NAMES.name))
        assert made.spin(1) == ["a"]


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("caught_up", [False, True], ids=["executor", "caught up"])
def test_two_publishers_of_different_profiles_are_heard_once_each(ros: Callable[..., None], raw: bool, caught_up: bool) -> None:
    ros()
    with pair(raw) as made:
        strong, weak = made.outlet(STRONG), made.outlet(WEAK)
        for outlet, name in ((strong, "a"), (weak, "b"), (strong, "a"), (weak, "a"), (strong, "c")):
            said = len(made.heard)
            say(outlet, name)
            if caught_up:
                time.sleep(0.2)
                catch_up(made.inlets)
            assert len(made.spin(said + 1)) == said + 1
        assert made.heard == ["a", "b", "a", "a", "c"]
        say(strong, "d", "e", "f")
        time.sleep(0.2)
        assert made.spin(8)[5:] == ["d", "e", "f"]


def test_without_word_of_their_sending_equal_messages_by_two_subscriptions_are_one() -> None:
    taken: list[bytes] = []
    once = Once(taken.append, kept=4)
    for by, message in ((Quality.EVENT, b"a"), (Quality.EVENT, b"b"), (Quality.STREAM, b"a"), (Quality.EVENT, b"a")):
        once.hear_alone(by, message)
    assert taken == [b"a", b"b", b"a"]
    for by in (Quality.STREAM, Quality.STREAM, Quality.STREAM):
        once.hear(by, b"b", {"source_timestamp": 0, "publisher_gid": None})
    assert taken == [b"a", b"b", b"a", b"b", b"b"], "that of the other subscription came once"
