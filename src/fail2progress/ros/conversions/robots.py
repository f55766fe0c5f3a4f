"""A robot's state as messages, and what it is asked for by numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import JointState
from tf2_msgs.msg import TFMessage

from fail2progress.core.scene import Array

FARTHEST = 20.0
"""Metres to what the camera is aimed at, at most."""


def joints_msg(joints: Mapping[str, tuple[float, float, float]], stamp: Time) -> JointState:
    """Position, velocity and effort by name."""
    message = JointState(name=list(joints))
    message.header.stamp = stamp
    message.position, message.velocity, message.effort = ([v[i] for v in joints.values()] for i in range(3))
    return message


def transforms_msg(transforms: Iterable[tuple[str, str, Array]], stamp: Time) -> TFMessage:
    """(7,) poses of children in their parents."""
    items = []
    for parent, child, pose in transforms:
        item = TransformStamped(child_frame_id=child)
        item.header.stamp, item.header.frame_id = stamp, parent
        move, turn = item.transform.translation, item.transform.rotation
        move.x, move.y, move.z, turn.w, turn.x, turn.y, turn.z = map(float, pose)
        items.append(item)
    return TFMessage(transforms=items)


def checked_point(values: Any) -> Array:
    """(3,) m; ValueError where it is none of this room."""
    point = np.array(values, float)
    if point.shape != (3,) or not (np.abs(point) <= FARTHEST).all():
        raise ValueError(f"a point must have three numbers within {FARTHEST:g} m, got {point.tolist()}")
    return point
