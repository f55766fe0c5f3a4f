"""Where the closed gripper starts to push."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.programs import CLOSED_GRIPPER

GAP = 0.01
"""Metres between gripper and object at the start."""


def push_start(scene: Scene, call: SkillCall) -> tuple[Array, float]:
    """Behind the object as seen along the push, near its foot: (3,) metres; and the gripper's yaw (rad)."""
    yaw = call.parameters[0]
    forward = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    index = scene.index(call.object)
    low, high = scene.bounds()[index]
    reach = float(np.abs(forward[:2]) @ (high - low)[:2]) / 2 + CLOSED_GRIPPER[0] + GAP
    start = scene.poses[index, :3] - reach * forward
    start[2] = low[2] + max(min(0.4 * (high - low)[2], 0.05), CLOSED_GRIPPER[2] + 0.004)
    return start, yaw
