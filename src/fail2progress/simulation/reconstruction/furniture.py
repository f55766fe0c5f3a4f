"""Drawers with the cabinet that they slide in: which one, how far open, how long. Geometry decides, not names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fail2progress.core.objects import Shape, category
from fail2progress.core.scene import Array
from fail2progress.simulation.reconstruction.fit import Solid

BACK = 0.016
"""Metres by which a drawer is shorter than its cabinet: the back wall and some play (prior: its back is never seen)."""
RECESS = 0.002
"""Metres by which a shut drawer's front lies behind its cabinet's (as in the scenes of pre-training)."""
_SLACK = 0.01
"""Metres by which what is seen of a drawer may stick out of its cabinet's front frame."""
_REACH = 0.8
"""Largest opening, as a share of the drawer's length (as simulated)."""
_FLOORS = 12
"""Heights of a drawer's floor that are tried: its lower edge is often hidden, its floor is not."""
_TURN = np.pi / 2


def cabinet_of(points: Array, cabinets: dict[int, Solid]) -> int | None:
    """The cabinet in whose frame (n, 3) points of a drawer lie: within its width and height, at or before one of its sides."""
    found = [(overlap, j) for j, cabinet in cabinets.items() if (overlap := _overlap(points, cabinet)) > 0.5]
    return max(found)[1] if found else None


def _overlap(points: Array, cabinet: Solid) -> float:
    """Share of points that lie in the cabinet or before its open side, no farther than a drawer can slide."""
    facing = opened_towards(cabinet, points)
    local = facing.local(points[:, :2])
    across = np.abs(local[:, 1]) < facing.width / 2 + _SLACK
    along = (local[:, 0] < facing.length / 2) & (local[:, 0] > -facing.length * (0.5 + _REACH) - _SLACK)
    height = (points[:, 2] > cabinet.bottom - _SLACK) & (points[:, 2] < cabinet.top + _SLACK)
    return float((across & along & height).mean())


def opened_towards(cabinet: Solid, points: Array) -> Solid:
    """The same box, turned by quarter turns so that its open side (-x) is the one that the points stick out of farthest."""
    sides = [quarter(cabinet, turns) for turns in range(4)]
    return min(sides, key=lambda side: float(side.local(points[:, :2])[:, 0].min() + side.length / 2))


def quarter(solid: Solid, turns: int) -> Solid:
    """The same box, its own axes turned by quarter turns."""
    length, width = (solid.width, solid.length) if turns % 2 else (solid.length, solid.width)
    yaw = float(np.mod(solid.yaw + turns * _TURN + np.pi, 2 * np.pi) - np.pi)
    return replace(solid, yaw=yaw, length=length, width=width)


def drawer_in(cabinet: Solid, kind: str, points: Array) -> tuple[Solid, float]:
    """The drawer whose (n, 3) points were seen, and its opening (m): its front as seen, its length as the cabinet allows."""
    local = cabinet.local(points[:, :2])
    front, wall = float(local[:, 0].min()), category(cabinet.kind).wall
    length = cabinet.length - BACK
    low = max(float(points[:, 2].min()), cabinet.bottom + wall)
    top = min(float(points[:, 2].max()), cabinet.top - wall)
    width = _width(local[:, 1], cabinet)
    c, s = np.cos(cabinet.yaw), np.sin(cabinet.yaw)
    x, y = np.array([cabinet.x, cabinet.y]) + np.array([[c, -s], [s, c]]) @ (front + length / 2, 0.0)
    floors = np.linspace(cabinet.bottom + wall, low, _FLOORS)
    drawers = [Solid(kind, float(x), float(y), cabinet.yaw, length, width, floor, top) for floor in floors.tolist()]
    drawer = min(drawers, key=lambda one: one.residual(points))
    return drawer, float(np.clip(RECESS - cabinet.length / 2 - front, 0.0, _REACH * length))


def _width(across: Array, cabinet: Solid) -> float:
    """Width (m) of a drawer, which lies in the middle of its cabinet: the side that was seen farther out tells it."""
    limit = cabinet.width / 2 - category(cabinet.kind).wall
    return 2 * min(float(np.abs(across).max()), limit)


def shelf_facing(solid: Solid, points: Array) -> Solid:
    """A shelf with its open side where the points say; towards -x where they do not."""
    if category(solid.kind).shape is not Shape.SHELF:
        return solid
    sides = [quarter(solid, turns) for turns in range(4)]
    misfits = [side.residual(points) for side in sides]
    best = int(np.argmin(misfits))
    return sides[best] if misfits[best] < 0.8 * misfits[0] else sides[0]
