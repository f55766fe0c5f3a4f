"""Observations, messages to the core's type and back."""

from __future__ import annotations

from fail2progress_msgs.msg import Relations

from fail2progress.core.observation import Observation
from fail2progress.ros.conversions.values import (
    SCHEMA,
    Refused,
    check_schema,
    check_texts,
    cloud_of,
    header,
    relations_msg,
    relations_of,
    segments_msg,
    uuid_msg,
)


def observation_msg(seen: Observation, episode: str, finished: int, moving: bool) -> Relations:
    """From the core's type, and where the episode is."""
    return Relations(
        header=header(seen.cloud.stamp, seen.cloud.frame),
        schema_version=SCHEMA,
        segments=segments_msg(seen.cloud),
        relations=relations_msg(seen.relations),
        model=seen.source,
        episode=uuid_msg(episode),
        finished=finished,
        moving=moving,
    )


def observation_of(message: Relations) -> Observation:
    """To the core's type; relations and segments must speak of the same things."""
    check_schema(message)
    check_texts(message.model)
    cloud, relations = cloud_of(message.segments), relations_of(message.relations)
    if cloud.names != relations.names:
        raise Refused("name", "relations of other segments than those that were seen")
    return Observation(cloud, relations, message.model)
