"""Where the closed gripper starts to push."""

from __future__ import annotations

import numpy as np

from fail2progress.core.outlines import outline_of
from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.programs import CLOSED_GRIPPER

GAP = 0.01
"""Metres between gripper and object at the start."""
_FOOT = 0.05
"""Metres above an object's lower side at which it is pushed at most, so that it does not tip over."""


def push_start(scene: Scene, call: SkillCall, hand: tuple[float, float, float] = CLOSED_GRIPPER) -> tuple[Array, float]:
    """Behind the object as seen along the push, near its foot: (3,) metres; and the gripper's yaw (rad).

    hand: half extents (m) of the closed gripper along the push, across it and vertical.
    """
    yaw, (thick, wide, tall) = call.parameters[0], hand
    forward = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    index = scene.index(call.object)
    low, high = scene.bounds()[index]
    start = scene.poses[index, :3] - (_behind(outline_of(scene, index), forward[:2], wide) + thick + GAP) * forward
    start[2] = low[2] + max(min(0.4 * (high - low)[2], _FOOT), tall + 0.004)
    return start, yaw


def _behind(outline: Array, forward: Array, wide: float) -> float:
    """Metres from the middle of an outline (k, 2) back to where a bar of a half width (m), moved `forward`, first meets it.

    Of a long thing that lies askew the end that comes first may be beside the bar, so that the outline is cut to the bar's width.
    """
    along, across = (outline @ np.stack([forward, [-forward[1], forward[0]]]).T).T
    then, other = np.roll(along, -1), np.roll(across, -1)
    met = [along[np.abs(across) <= wide]]
    for side in (-wide, wide):
        crossed = (across - side) * (other - side) < 0
        share = (side - across[crossed]) / (other - across)[crossed]
        met.append(along[crossed] + share * (then - along)[crossed])
    return -float(np.concatenate(met).min())
