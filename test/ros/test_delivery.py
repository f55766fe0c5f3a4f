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
from rclpy.serialization import deserialize_message, serialize_message

from fail2progress.core.observation import SECOND
from fail2progress.ros import graph as table
from fail2progress.ros.catching_up import catch_up
from fail2progress.ros.conversions.values import header
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


def test_what_was_said_without_a_stamp_is_not_taken_after_what_was_said_since() -> None:
    """As a node that starts hears by one subscription what is said, and by another what was kept for it; of either form."""
    for form in (lambda message: message, lambda message: bytes(serialize_message(message))):
        taken: list[Any] = []
        once = Once(taken.append, kept=40)
        sent = {number: form(LabelNames(names=[str(number)])) for number in range(6)}
        stamped = form(LabelNames(header=header(SECOND, "")))

        def hear(by: Quality, number: int, of: bytes = b"a", message: Any = None, once: Once = once, sent: Any = sent) -> None:
            said = {"source_timestamp": 100 + number, "publisher_gid": {"data": of}}
            once.hear(by, sent[number] if message is None else message, said)

        hear(Quality.STREAM, 3)
        hear(Quality.EVENT, 1, message=stamped)
        for number in (2, 3, 4):
            hear(Quality.EVENT, number)
        hear(Quality.EVENT, 1, b"b")
        assert taken == [sent[3], stamped, sent[4], sent[1]], "others say it for themselves; with a stamp it is of one image"
        hear(Quality.STREAM, 4)
        for by in (Quality.STREAM, Quality.EVENT):
            hear(by, 0)
        hear(Quality.STREAM, 2)
        assert taken[4:] == [sent[0], sent[2]], "the publisher's clock was set back"


def test_a_node_that_starts_beside_a_detector_takes_names_in_their_order(ros: Callable[..., None]) -> None:
    ros()
    with pair() as made:
        outlet = made.outlet(STRONG)
        for trial in range(8):
            heard, last = list[LabelNames](), 40 * trial + 39
            late = rclpy.create_node(f"late_{trial}")
            subscribe(late, NAMES, heard.append)
            executor = SingleThreadedExecutor()
            executor.add_node(late)
            for number in range(last - 39, last + 1):
                say(outlet, str(number))
                executor.spin_once(timeout_sec=0.01)
            end = time.monotonic() + 5.0
            while (not heard or heard[-1].names != [str(last)]) and time.monotonic() < end:
                executor.spin_once(timeout_sec=0.05)
            numbers = [int(message.names[0]) for message in heard]
            assert numbers == sorted(set(numbers)) and numbers[-1:] == [last], trial
            executor.shutdown()
            late.destroy_node()
