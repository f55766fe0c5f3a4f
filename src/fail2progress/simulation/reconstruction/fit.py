"""Yaw, place and extents of one asset from its points: the outline's smallest rectangle, then a fit of the surface.

The rectangle is right where the far edges were seen. The fit moves the sides until the points lie on the asset's surface, which
also places walls that were seen from inside only; sides without points stay at the outermost point.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from fail2progress.core.objects import ObjectSpec, Shape, category
from fail2progress.core.outlines import corners_of, rectangle
from fail2progress.core.scene import SMALLEST as THINNEST
from fail2progress.core.scene import Array, pose
from fail2progress.simulation.reconstruction.distance import residuals

SMALLEST = 0.01
"""No asset is narrower (m), as a segment that was seen edge-on has no extent of its own, nor lower where that is all there is to
tell its height."""
GAIN = 0.2
"""Share by which the residual must fall for a turned asset to be taken in place of one along the axes."""
FIXED_GAIN = 0.5
"""The same for furniture, which mostly stands along the axes and of which little more than the top is seen."""
_EXACT = 0.0001
"""Residual (m) below which nothing is to be gained."""
_SCALE = 0.0015
"""Metres from which on a point counts as an outlier of the fit."""
_ON_SIDE = 0.001
"""Metres from a side at which a point lies on it."""
_MANY = 3
"""So many points on a side are no accident."""
_SQUARE = 0.8
"""Narrower than this share of its length, something square was not seen whole."""
_FLAT = 0.0005
"""Noise (m) up to which the highest point is the top."""
_TOP, _DEEP = 0.002, 0.004
"""A top face was seen where points no farther below the highest one than the first (m) reach deeper than the second (m)."""
_UNSEEN = 0.2
"""Weight of one pseudo point that holds a circle of which points tell little at the one over what was seen."""
_AWAY = 0.3
"""A side whose normal's cosine with the way from the robot to it is larger cannot be seen from outside, wherever its head is."""
_TIGHT = 0.3
"""Weight of one pseudo point a side, which holds sides without points at the outermost point."""


@dataclass(frozen=True)
class Solid:
    """An upright asset: middle (x, y) and heights (bottom, top) in m, yaw (rad), horizontal extents (m) along its own axes."""

    kind: str
    x: float
    y: float
    yaw: float
    length: float
    width: float
    bottom: float
    top: float

    @property
    def pose(self) -> Array:
        """(7,) pose of its middle."""
        return pose(self.x, self.y, (self.bottom + self.top) / 2, self.yaw)

    @property
    def floor(self) -> float:
        """Height (m) of what lies in it, if it is hollow."""
        return self.bottom + category(self.kind).wall

    def spec(self, name: str, inside_of: str | None = None) -> ObjectSpec:
        """The asset."""
        height = max(self.top - self.bottom, least_height(self.kind))
        return ObjectSpec(name, self.kind, (max(self.length, SMALLEST), max(self.width, SMALLEST), height), inside_of)

    def residual(self, points: Array) -> float:
        """Mean distance (m) of (n, 3) points from its surface."""
        return float(np.abs(residuals(points, self.spec("asset"), self.pose)).mean())

    def local(self, flat: Array) -> Array:
        """(n, 2) places in its own frame."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.asarray((flat - (self.x, self.y)) @ np.array([[c, -s], [s, c]]))

    def covers(self, flat: Array, margin: float = 0.0) -> Array:
        """(n,) whether places lie within its outline, grown by a margin (m)."""
        half = np.array([self.length, self.width]) / 2 + margin
        return np.asarray((np.abs(self.local(np.atleast_2d(flat))) < half).all(axis=1))

    def grid(self, count: int = 8) -> Array:
        """(count squared, 2) places spread evenly over its outline."""
        return self._places((np.arange(count) + 0.5) / count - 0.5)

    def corners(self) -> Array:
        """(4, 2) corners of its outline."""
        return self._places(np.array([-0.5, 0.5]))

    def _places(self, steps: Array) -> Array:
        """(n squared, 2) places at n parts of its length and width, from -0.5 to 0.5."""
        local = np.stack(np.meshgrid(steps * self.length, steps * self.width), axis=-1).reshape(-1, 2)
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.asarray(local @ np.array([[c, s], [-s, c]]) + (self.x, self.y))


def least_height(kind: str) -> float:
    """Metres that an asset of a category is high at least which stands on something known: the hollow ones have a bottom."""
    return THINNEST + category(kind).wall


def along_axes(kind: str, points: Array, bottom: float, top: float) -> Solid:
    """The box around (n, 3) points along the axes of the frame."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    (x, y), (length, width) = ((low + high) / 2).tolist(), (high - low).tolist()
    return Solid(kind, x, y, 0.0, length, width, bottom, top)


def turned(kind: str, points: Array, bottom: float, top: float) -> Solid:
    """The smallest rectangle around the outline, extruded."""
    middle, size, yaw = rectangle(corners_of(points[:, :2]))
    (x, y), (length, width) = middle.tolist(), size.tolist()
    return Solid(kind, x, y, yaw, length, width, bottom, top)


def fit(kind: str, points: Array, bottom: float, top: float, noise: float = 0.0) -> Solid:
    """The asset of a category whose surface lies nearest to (n, 3) points, standing at `bottom` and reaching up to `top` (m).

    `noise` is the standard deviation (m) of the points; above half a millimetre the height of the top is fitted too.
    """
    points = np.asarray(points, float)
    straight = _polished(along_axes(kind, points, bottom, top), points, noise, fixed_yaw=True)
    if category(kind).shape is Shape.CYLINDER or straight.residual(points) < max(_EXACT, noise):
        return straight
    loose = _polished(turned(kind, points, bottom, top), points, noise, fixed_yaw=False)
    gain = GAIN if category(kind).movable else FIXED_GAIN
    before, after = straight.residual(points), loose.residual(points)
    return loose if after < (1 - gain) * before else straight


def _polished(solid: Solid, points: Array, noise: float, fixed_yaw: bool) -> Solid:
    """The best fit. Of a side that faces away from the camera only the inner face is seen: tried with the wall behind it."""
    best = _Fit(solid, points, noise, fixed_yaw).run()
    for sides in _walls_behind(best):
        other = _Fit(grown(best, sides), points, noise, fixed_yaw).run()
        if other.residual(points) < (1 - GAIN) * best.residual(points):
            best = other
    behind = _seen_through(best, points, noise)
    if behind.any():
        other = _Fit(grown(best, np.where(behind, category(solid.kind).wall, 0.0)), points, noise, fixed_yaw).run()
        if other.residual(points) < (1 + GAIN) * best.residual(points) + _EXACT:
            best = other
    return squared(completed(best, points, noise), points)


def _seen_through(solid: Solid, points: Array, noise: float) -> NDArray[np.bool_]:
    """(2, 2) on the outer face of which sides points lie, below the rim, that no camera of the robot's can see: of a rim as thin
    as two pixels nothing may have been seen, and the face that was is the inner one."""
    wall, reach = category(solid.kind).wall, max(_ON_SIDE, 2 * noise)
    if reach > wall / 2 or category(solid.kind).shape is not Shape.OPEN_BOX:
        return np.zeros((2, 2), dtype=bool)
    local, half = solid.local(points[:, :2]), np.array([solid.length, solid.width]) / 2
    on = np.abs(np.stack([half + local, half - local])) < reach
    many = (on & (points[:, 2] < solid.top - wall)[:, None]).sum(axis=1) >= _MANY
    return np.asarray(many & (_facing_away(solid) > _AWAY))


def _facing_away(solid: Solid) -> Array:
    """(2, 2) cosines of the low and high sides' normals with the way from the robot, where the camera is."""
    c, s = np.cos(solid.yaw), np.sin(solid.yaw)
    normals = np.array([[[-c, -s], [s, -c]], [[c, s], [-s, c]]])
    return np.asarray(normals @ np.array([solid.x, solid.y]) / max(np.hypot(solid.x, solid.y), SMALLEST))


def _walls_behind(solid: Solid) -> Iterator[Array]:
    """(2, 2) growths by a wall, of every choice of the sides that face away from the robot."""
    if not category(solid.kind).wall:
        return
    away = np.argwhere(_facing_away(solid) > 0)
    for chosen in itertools.product((False, True), repeat=len(away)):
        sides = np.zeros((2, 2))
        sides[tuple(away[list(chosen)].T)] = category(solid.kind).wall
        if any(chosen):
            yield sides


def grown(solid: Solid, sides: Array) -> Solid:
    """The same with its low and high sides, (2, 2) along its own axes, moved out by so many metres."""
    c, s = np.cos(solid.yaw), np.sin(solid.yaw)
    x, y = (np.array([solid.x, solid.y]) + np.array([[c, -s], [s, c]]) @ ((sides[1] - sides[0]) / 2)).tolist()
    length, width = (np.array([solid.length, solid.width]) + sides.sum(axis=0)).tolist()
    return replace(solid, x=x, y=y, length=length, width=width)


def completed(solid: Solid, points: Array, noise: float = 0.0) -> Solid:
    """Sides on which no points lie moved out by what the outermost of n points falls short of a side on average."""
    if category(solid.kind).shape is Shape.CYLINDER:
        return solid
    missing = np.array([solid.length, solid.width]) / (len(points) + 1)
    return grown(solid, np.where(supported_sides(solid, points, noise), 0.0, missing))


def squared(solid: Solid, points: Array) -> Solid:
    """What is as deep as wide but was seen much narrower, grown to the side or sides where its points still lie on it best."""
    size = np.array([solid.length, solid.width])
    if not category(solid.kind).square or size.min() > _SQUARE * size.max():
        return solid
    missing = np.zeros((2, 2))
    missing[:, int(np.argmin(size))] = size.max() - size.min()
    ways = [grown(solid, missing * np.array(share)[:, None]) for share in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5))]
    best = min(ways, key=lambda way: way.residual(points))
    return best if best.residual(points) < solid.residual(points) + _ON_SIDE else solid


def filled_out(solid: Solid, points: Array, highest: float) -> Solid:
    """What little was seen of, as deep and as high as it is wide, up to `highest` (m) where no top face was seen.

    Where its points do not say towards which side: of a top alone the nearer part is hidden, else its front would be seen below.
    """
    size = np.array([solid.length, solid.width])
    wide, axis = float(size.max()), int(np.argmin(size))
    c, s = np.cos(solid.yaw), np.sin(solid.yaw)
    flat = bool(np.ptp(points[:, 2]) < np.ptp(solid.local(points[:, :2])[:, axis]))
    away = bool(np.array([[c, s], [-s, c]])[axis] @ np.array([solid.x, solid.y]) > 0) is not flat
    ways = [solid]
    if size[axis] < _SQUARE * wide:
        missing = np.zeros((2, 2))
        missing[:, axis] = wide - size[axis]
        shares = ((0.0, 1.0), (1.0, 0.0), (0.5, 0.5)) if away else ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5))
        ways = [grown(solid, missing * np.array(share)[:, None]) for share in shares]
    best = min(ways, key=lambda way: round(way.residual(points), 4))
    high = min(solid.bottom + wide, max(highest, solid.top))
    highest_ones = points[points[:, 2] > points[:, 2].max() - _TOP]
    level = float(np.ptp(solid.local(highest_ones[:, :2])[:, axis])) > _DEEP
    return best if flat or level else replace(best, top=max(high, solid.top))


def supported_sides(solid: Solid, points: Array, noise: float) -> NDArray[np.bool_]:
    """(2, 2) whether points lie on the outer or inner face of the low and high sides, along both axes."""
    local, half = solid.local(points[:, :2]), np.array([solid.length, solid.width]) / 2
    wall, reach = category(solid.kind).wall, max(_ON_SIDE, 2 * noise)
    distance = np.stack([half + local, half - local])
    on = np.abs(distance) < reach
    on |= (np.abs(distance - wall) < reach) & (wall > 0)
    return np.asarray(on.sum(axis=1) >= _MANY)


@dataclass(frozen=True)
class _Fit:
    """Robust least squares over the middle, the extents, and what else is free: width, yaw, top."""

    start: Solid
    points: Array
    noise: float
    fixed_yaw: bool

    @property
    def free(self) -> tuple[str, ...]:
        top = ("top",) if self.noise > _FLAT else ()
        if category(self.start.kind).shape is Shape.CYLINDER:
            return ("x", "y", "length", *top)
        return ("x", "y", "length", "width", *(() if self.fixed_yaw else ("yaw",)), *top)

    def run(self) -> Solid:
        begin = self.start if "width" in self.free else _enclosing(self.start, self.points)
        theta = np.array([getattr(begin, name) for name in self.free])
        misfit, scale = replace(self, start=begin).misfit, max(_SCALE, self.noise)
        found = least_squares(misfit, theta, loss="soft_l1", f_scale=scale, max_nfev=40, diff_step=1e-5)
        return self.solid(found.x)

    def solid(self, theta: Array) -> Solid:
        values = dict(zip(self.free, theta.tolist(), strict=True))
        values["length"] = max(values["length"], SMALLEST)
        values["width"] = max(values.get("width", values["length"]), SMALLEST)
        if "top" in values:
            values["top"] = max(values["top"], self.start.bottom + least_height(self.start.kind))
        return replace(self.start, **values)

    def misfit(self, theta: Array) -> Array:
        now = self.solid(theta)
        local, half = now.local(self.points[:, :2]), np.array([now.length, now.width]) / 2
        if "width" in self.free:
            gaps = np.concatenate([half - local.max(axis=0), half + local.min(axis=0)])
        else:
            # Any wide enough circle holds a patch of a round top: the one over what was seen is as good and needs nothing unseen.
            larger = _UNSEEN / _TIGHT * (half[:1] - self.start.length / 2)
            gaps = np.concatenate([half[:1] - np.hypot(local[:, 0], local[:, 1]).max(), larger])
        return np.concatenate([residuals(self.points, now.spec("asset"), now.pose), _TIGHT * np.maximum(gaps, 0.0)])


def _enclosing(solid: Solid, points: Array) -> Solid:
    """The circle over the two points that lie farthest apart: right as soon as half of something round was seen."""
    corners = corners_of(points[:, :2])
    apart = np.linalg.norm(corners[:, None] - corners[None], axis=-1)
    i, j = np.unravel_index(int(np.argmax(apart)), apart.shape)
    x, y = ((corners[i] + corners[j]) / 2).tolist()
    return replace(solid, x=x, y=y, length=float(apart[i, j]), width=float(apart[i, j]))
