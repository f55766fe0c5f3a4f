"""What something upright is from above, round or square, and where it stands: by its outline and by the ways that its walls face.

A camera sees one side of a thing. Seen from its side, a can shows an arc, whose smallest rectangle is flat, and a box shows two
walls, which fit as well into a rectangle that lies askew. The walls tell: those of boxes face two ways, a quarter turn apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.outlines import circle, corners_of, rectangle
from fail2progress.core.quantiles import quantile
from fail2progress.core.scene import Array


@dataclass(frozen=True)
class FootprintRules:
    """When something is round, and how its rectangle lies."""

    wall: float = 0.5
    """Vertical part of a normal, below which a point is of a wall."""
    walls: float = 0.3
    """Share of what is seen that is of walls, from which they tell whether it is round."""
    some: float = 0.1
    """The same, from which they tell how a rectangle lies."""
    least: int = 20
    """Points of walls, at least."""
    square: float = 0.5
    """How much walls face two ways only (see `squareness`), from which a thing is square."""
    narrow: tuple[float, float] = (0.3, 0.5)
    """Lesser side of the smallest rectangle in the greater one, below which nothing is round: by its walls, by its outline."""
    half: float = 0.7
    """The same, below which only part of something round may be in view: ..."""
    low: float = 0.5
    """... what is lower than this part of the greater side lies, as a banana does, ..."""
    sideways: float = 0.9
    """... and of what is round the half that faces the camera is in view: cosine of the angle between the way there and the
    lesser side, at least."""
    large: float = 0.25
    """Metres across, above which nothing is round."""
    radius: tuple[float, float] = (0.45, 0.55)
    """Radius in the greater side of the smallest rectangle: what is seen of walls may be too narrow an arc to tell."""
    askew: float = 0.2
    """Radians, from which the smallest rectangle may be another one; nearer to what the rest tells, its side is the exact one."""
    room: float = 1.5
    """Area of a rectangle in that of the smallest one, up to which it may be the thing's."""


@dataclass(frozen=True)
class Footprint:
    """Middle (2,) and full sides (2,) in m, angle (rad) of the first side, and whether it is a circle, whose sides are alike."""

    middle: Array
    size: Array
    yaw: float
    round: bool


_BINS = 36
_TRIM = 0.97
"""Part of the points in a direction that lie nearer than the outline: what flies off the edges of things is none of it."""
_FEW = 6
"""Points of an outline, below which it says nothing."""
_MOST = 200
"""Points of walls that a circle is fitted to."""
_YAWS = np.radians(np.arange(0.0, 90.0, 5.0))
_AXES = np.stack([np.stack([np.cos(_YAWS), np.sin(_YAWS)], -1), np.stack([-np.sin(_YAWS), np.cos(_YAWS)], -1)], 1)
_ROUNDS = 3
_STEPS = 6
_NEAR = 0.001
"""Metres off a curve within which all points weigh alike."""


def footprint(points: Array, normals: NDArray[np.floating], eye: Array, hollow: bool, rules: FootprintRules) -> Footprint:
    """Of (n, 3) points in m with unit normals (n, 3), seen from (3,), level axes; what is hollow is given a rectangle. n >= 1."""
    corners = corners_of(points[:, :2])
    smallest = rectangle(corners)
    front, walls = _outline(points[:, :2], corners), np.abs(normals[:, 2]) < rules.wall
    if len(front) < _FEW:
        return Footprint(*smallest, False)
    telling = int(walls.sum()) >= rules.least
    share, facing = float(walls.mean()), squareness(normals[walls]) if telling else 1 + 0j
    by_walls = telling and share >= rules.walls
    misfit, yaw = _best_rectangle(front)
    candidate = not hollow and (not by_walls or abs(facing) < rules.square)
    if candidate and _may_be_round(points, smallest, eye, by_walls, rules):
        seen = points[walls, :2][:: 1 + int(walls.sum()) // _MOST] if by_walls else front
        middle, radius = _best_circle(seen)
        if by_walls or _off(front, middle, radius) < misfit:
            middle, radius = _bounded(seen, middle, radius, smallest, rules)
            return Footprint(middle, np.full(2, 2 * radius), 0.0, True)
    if telling and share >= rules.some and abs(facing) >= rules.square:
        yaw = float(np.angle(facing)) / 4
    turned = _around(corners, yaw)
    askew = abs((yaw - smallest[2] + np.pi / 4) % (np.pi / 2) - np.pi / 4) > rules.askew
    fits = np.prod(turned[1]) <= rules.room * np.prod(smallest[1])
    return Footprint(*(turned if askew and fits else smallest), False)


def squareness(normals: NDArray[np.floating]) -> complex:
    """Of normals (n, 3), n >= 1: from 1, where all of them face along the sides of one square, to 0, where they face all ways
    alike; its angle is four times that of the sides."""
    return complex(np.exp(4j * np.arctan2(normals[:, 1], normals[:, 0])).mean())


def _may_be_round(points: Array, smallest: tuple[Array, Array, float], eye: Array, by_walls: bool, rules: FootprintRules) -> bool:
    """By the smallest rectangle around points (n, 3): its middle, sides and angle; and by their height."""
    middle, size, yaw = smallest
    part = float(size.min() / max(size.max(), 1e-9))
    if size.max() > rules.large or part < rules.narrow[0 if by_walls else 1]:
        return False
    if not by_walls or part >= rules.half:
        return True
    low, high = (quantile(points[:, 2], share) for share in (0.02, 0.98))
    turn = yaw + (np.pi / 2 if size[1] < size[0] else 0.0)
    away = eye[:2] - middle
    facing = abs(float(away @ (np.cos(turn), np.sin(turn)))) / max(float(np.hypot(*away)), 1e-9)
    return high - low >= rules.low * float(size.max()) and facing >= rules.sideways


def _outline(flat: Array, corners: Array) -> Array:
    """(k, 2) nearly outermost points (n, 2) in every direction from the middle, which of something upright is its outline."""
    offset = flat - (corners.min(axis=0) + corners.max(axis=0)) / 2
    bins = ((np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) + 0.5) * _BINS).astype(int) % _BINS
    order = np.lexsort((np.hypot(offset[:, 0], offset[:, 1]), bins))
    last = np.flatnonzero(np.diff(bins[order], append=-1))
    first = np.concatenate([[0], last[:-1] + 1])
    return np.asarray(flat[order[first + ((last - first) * _TRIM).astype(int)]])


def _best_rectangle(points: Array) -> tuple[float, float]:
    """Mean distance (m) of points (k, 2) from the sides of the rectangle that fits them best, and its angle in rad."""
    along = np.repeat(_AXES @ points.T, 2, axis=1)
    sides = np.stack([along[:, ::2].min(axis=2), along[:, ::2].max(axis=2)], axis=2).reshape(len(_YAWS), 4)
    for _ in range(_ROUNDS):
        off = np.abs(along - sides[..., None])
        weights = (off.argmin(axis=1)[:, None] == np.arange(4)[:, None]) / np.maximum(off, _NEAR)
        total = weights.sum(axis=2)
        sides = np.where(total > 0, (weights * along).sum(axis=2) / np.maximum(total, 1e-9), sides)
    misfit = np.abs(along - sides[..., None]).min(axis=1).mean(axis=1)
    best = int(misfit.argmin())
    return float(misfit[best]), float(_YAWS[best])


def _best_circle(points: Array) -> tuple[Array, float]:
    """Middle (2,) and radius (m) of the circle nearest to points (k, 2), of which some may be none of it; k >= 3."""
    middle, radius, _ = circle(points)
    for _ in range(_STEPS):
        away, off, weights = _weighed(points, middle, radius)
        step = _solved(np.column_stack([away, np.ones(len(points))]), off, weights)
        middle, radius = middle + step[:2], radius + float(step[2])
    return middle, abs(radius)


def _bounded(
    points: Array, middle: Array, radius: float, smallest: tuple[Array, Array, float], rules: FootprintRules
) -> tuple[Array, float]:
    """The same circle, or one of a radius that is likely, as near to the points as may be."""
    low, high = (part * float(smallest[1].max()) for part in rules.radius)
    if low <= radius <= high:
        return middle, radius
    radius, middle = min(max(radius, low), high), smallest[0]
    for _ in range(2 * _STEPS):
        away, off, weights = _weighed(points, middle, radius)
        middle = middle + _solved(away, off, weights)
    return middle, radius


def _weighed(points: Array, middle: Array, radius: float) -> tuple[Array, Array, Array]:
    """Ways (k, 2) from the middle to points (k, 2), how far beyond the circle these are (k,) in m, and their weights (k,), by
    which the sum of distances becomes least, not that of squares."""
    away = points - middle
    length = np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-9)
    off = length - radius
    return away / length[:, None], off, np.sqrt(1 / np.maximum(np.abs(off), _NEAR))


def _solved(terms: Array, values: Array, weights: Array) -> Array:
    return np.asarray(np.linalg.lstsq(terms * weights[:, None], values * weights, rcond=None)[0])


def _off(points: Array, middle: Array, radius: float) -> float:
    """Mean distance (m) of points (k, 2) from a circle."""
    return float(np.abs(np.hypot(*(points - middle).T) - radius).mean())


def _around(corners: Array, yaw: float) -> tuple[Array, Array, float]:
    """Middle, sides and angle in [-pi / 4, pi / 4) of the rectangle around corners (k, 2) that lies so."""
    yaw = (yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4
    axes = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    along = corners @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    return (low + high) / 2 @ axes, high - low, yaw
