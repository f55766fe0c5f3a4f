"""How topics of the table are published and heard: types and profiles (quality of service) as rclpy has them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSCompatibility, QoSProfile, ReliabilityPolicy, qos_check_compatible

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
    too, for those who offer less than it asks for, whom the middleware would leave unheard."""
    kind, made = message_type(topic.type), list[Any]()
    for quality in (topic.quality, *WEAKER[topic.quality]) if topic.foreign else (topic.quality,):
        handle = partial(_take_unheard, node, made[-1], take) if made else take
        profile = qos(replace(topic, quality=quality))
        made.append(node.create_subscription(kind, topic.name, handle, profile, **options))
    return made


def _take_unheard(node: Any, stronger: Any, take: Callable[[Any], None], message: Any) -> None:
    """What a stronger subscription gets is not taken twice: it would come once more after what followed it."""
    for publisher in node.get_publishers_info_by_topic(stronger.topic_name):
        if qos_check_compatible(publisher.qos_profile, stronger.qos_profile)[0] == QoSCompatibility.ERROR:
            take(message)
            return
