"""What is learnt from, for people: where generated scenes have the object that failed, and where its skill brought it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import Point
from numpy.typing import NDArray
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from fail2progress.core.scene import FRAME
from fail2progress.ros.conversions.values import Refused, header
from fail2progress.simulation.base import Outcome

BEFORE, WAYS = "before", "ways"
"""Namespaces of the markers: dots where the object stood, and lines to where it came to rest."""
MOST = 4096
_DOT, _LINE = 0.02, 0.003
"""Metres."""


def particles_msg(outcomes: Sequence[Outcome], moved: str, stamp: int) -> MarkerArray:
    """Of the simulated executions that were learnt from; moved: the object whose skill failed, as these scenes call it."""
    there = [outcome for outcome in outcomes if moved in outcome.before.scene.names]
    starts = np.array([outcome.before.scene.position(moved) for outcome in there]).reshape(-1, 3)
    ends = np.array([outcome.after.scene.position(moved) for outcome in there]).reshape(-1, 3)
    ways = np.stack([starts, ends], axis=1).reshape(-1, 3)
    clear = Marker(header=header(stamp, FRAME), action=Marker.DELETEALL)
    return MarkerArray(
        markers=[
            clear,
            _marker(BEFORE, Marker.SPHERE_LIST, starts, _DOT, (0.9, 0.5, 0.1, 0.9), stamp),
            _marker(WAYS, Marker.LINE_LIST, ways, _LINE, (0.9, 0.7, 0.4, 0.7), stamp),
        ]
    )


def _marker(namespace: str, kind: int, points: NDArray[np.float64], size: float, colour: tuple[float, ...], stamp: int) -> Marker:
    marker = Marker(header=header(stamp, FRAME), ns=namespace, type=kind, action=Marker.ADD)
    marker.scale.x = marker.scale.y = marker.scale.z = size
    marker.color = ColorRGBA(**dict(zip("rgba", colour, strict=True)))
    marker.pose.orientation.w = 1.0
    marker.points = [Point(x=x, y=y, z=z) for x, y, z in points.tolist()]
    return marker


def starts_of(message: Any) -> NDArray[np.float64]:
    """(N, 3) m where the object stood. Refused for too many, or for points that are not finite."""
    dots = (point for marker in message.markers[:8] if marker.ns == BEFORE for point in marker.points[:MOST])
    found = [(point.x, point.y, point.z) for point in dots]
    points = np.array(found, float).reshape(-1, 3)
    if not np.isfinite(points).all() or (np.abs(points) > 1e3).any():
        raise Refused("value", "particles that are not in this room")
    return points
