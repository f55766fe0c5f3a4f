"""How topics of the table are published and heard: types and profiles (quality of service) as rclpy has them."""

from __future__ import annotations

import importlib
import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from rclpy.subscription import Subscription

from fail2progress.ros.bags.cdr import DamagedError, header_stamp
from fail2progress.ros.entries import Quality, Topic

QUALITIES = {
    Quality.SENSOR: (ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE),
    Quality.STREAM: (ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE),
    Quality.EVENT: (ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL),
}
WEAKER = {Quality.SENSOR: (), Quality.STREAM: (Quality.SENSOR,), Quality.EVENT: (Quality.STREAM, Quality.SENSOR)}


def offered(topic: Topic) -> QoSProfile:
    """How a topic is published: reliably, so that standard subscribers, who ask for that, get it; others take the newest."""
    return QoSProfile(depth=topic.depth, reliability=ReliabilityPolicy.RELIABLE, durability=QUALITIES[topic.quality][1])


def qos(topic: Topic) -> QoSProfile:
    """How the stack hears a topic."""
    reliability, durability = QUALITIES[topic.quality]
    return QoSProfile(depth=topic.depth, reliability=reliability, durability=durability)


def message_type(name: str) -> Any:
    """The class of "package/Name"."""
    package, kind = name.split("/")
    return getattr(importlib.import_module(f"{package}.msg"), kind)


def subscribe(node: Any, topic: Topic, take: Callable[[Any], None], **options: Any) -> list[Any]:
    """The subscriptions of a node that hear a topic: one by the profile of the table; of what nodes of others say, weaker ones,
    too, for those who offer less than it asks for, whom the middleware would leave unheard. What several hear is taken once."""
    if not topic.foreign:
        return [node.create_subscription(message_type(topic.type), topic.name, take, qos(topic), **options)]
    qualities = (topic.quality, *WEAKER[topic.quality])
    once = Once(take, kept=2 * len(qualities) * topic.depth)
    # rclpy before Iron hands a callback the message alone.
    handles = [partial(once.hear if hasattr(Subscription, "CallbackType") else once.hear_alone, quality) for quality in qualities]
    kind, profiles = message_type(topic.type), [qos(replace(topic, quality=quality)) for quality in qualities]
    pairs = zip(handles, profiles, strict=True)
    return [node.create_subscription(kind, topic.name, handle, profile, **options) for handle, profile in pairs]


class Once:
    """Messages that come by several subscriptions, each taken when it comes first: later it would follow what came after it.

    What a publisher keeps for those who come late may follow what it has said since, on another subscription. With a stamp it is
    taken nevertheless; without one (0) it would count for what comes from now on in place of what is newer, and is left out.
    Each subscription has what one publisher said in its order, also where the publisher's clock is set back.
    """

    def __init__(self, take: Callable[[Any], None], kept: int) -> None:
        """kept: messages that are remembered; as many as may wait on all subscriptions."""
        self._take = take
        self._lock = threading.Lock()
        self._heard: deque[tuple[Hashable, set[Quality]]] = deque(maxlen=kept)
        """Which messages came, and by which subscriptions."""

    def hear(self, by: Quality, message: Any, info: Mapping[str, Any]) -> None:
        """Take a message that has not come by another subscription. info: by whom it was sent when, as far as rclpy says it."""
        publisher = bytes((info.get("publisher_gid") or {}).get("data", b""))
        sent = publisher, info.get("source_timestamp") or 0, info.get("publication_sequence_number") or 0
        if any(sent[1:]):
            self._hear(by, message, sent)
        else:
            self.hear_alone(by, message)

    def hear_alone(self, by: Quality, message: Any) -> None:
        """The same where nothing is known of its sending: then equal ones by different subscriptions are one."""
        self._hear(by, message, message if isinstance(message, bytes) else bytes(serialize_message(message)))

    def _hear(self, by: Quality, message: Any, key: Hashable) -> None:
        with self._lock:
            before = next((came for known, came in self._heard if known == key and by not in came), None)
            if before is not None:
                before.add(by)
                return
            if any(_newer(known, key) and by not in came for known, came in self._heard) and not _stamped(message):
                return
            self._heard.append((key, {by}))
        self._take(message)


def _newer(known: Hashable, key: Hashable) -> bool:
    """Whether a message was sent later than another one, by the same publisher, as far as that is known."""
    return isinstance(known, tuple) and isinstance(key, tuple) and known[0] == key[0] and known[1:] > key[1:]


def _stamped(message: Any) -> bool:
    """Whether a message, serialised or not, which begins with a header has a stamp."""
    if not isinstance(message, bytes):
        return bool(message.header.stamp.sec or message.header.stamp.nanosec)
    try:
        return bool(header_stamp(message))
    except DamagedError:
        return True  # whoever takes it says what is wrong
