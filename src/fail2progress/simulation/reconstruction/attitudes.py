"""Things that lean, lie on their side or are upside down: an asset in any attitude, fitted to its points (docs/decisions/0097).

Faces say how a thing may be turned: the frames in which the planes that most points lie on are sides of a box. The prior is tried
each way round in each of them, and the best ones are fitted in all of attitude, place and extents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from fail2progress.core.objects import ObjectSpec, Shape, category
from fail2progress.core.outlines import corners_of, rectangle, seen_from_above
from fail2progress.core.scene import Array, boxes_around
from fail2progress.simulation.reconstruction.distance import signed_distance
from fail2progress.simulation.reconstruction.fit import SMALLEST, Solid

_GAIN = 0.6
"""Share by which the residual must fall for an attitude to be believed in place of the upright one."""
_EXPLAINED = 0.001
"""Mean residual (m), or that of noise, up to which an attitude explains what was seen: a bowl is no box that lies on its side."""
_UPRIGHT, _UPRIGHT_HOLLOW = 0.0005, 0.0015
"""Mean residual (m) of an upright asset up to which no other attitude is looked for: a cup that is not quite square may be off
by a millimetre, and one upside down is then as good."""
_NOT_NOISE = 1.6
"""Standard deviations of noise up to which the same holds: of the right asset the mean residual is 0.8."""
_FLAT = 0.0012
"""Metres from a plane at which a point lies on it, where there is no noise."""
_TRIPLETS = 256
"""Planes tried through three points each."""
_APART = np.cos(np.radians(25))
"""Planes of less than this angle between them are one side."""
_LEVEL = np.cos(np.radians(5))
"""An axis nearer to the vertical than this stands upright: of a block this is nothing new."""
_TRIED = 4
"""Attitudes that are fitted, of those that suit best as they are."""
_ALIKE = 0.0005
"""Metres of residual within which two attitudes are as good: an opening that is not seen is below, not behind."""
_SCALE = 0.0015
"""Metres from which on a point counts as an outlier of the fit."""
_TIGHT, _STANDS = 0.3, 3.0
"""Weights of a side that has no points, held at the outermost point, and of what stands below, which the lowest point touches."""


@dataclass(frozen=True)
class Tilted:
    """An asset of a category in any attitude: (3, 3) its axes as columns, (3,) its middle and its full extents in m."""

    kind: str
    axes: Array
    middle: Array
    size: Array

    @property
    def pose(self) -> Array:
        """(7,) pose of its middle."""
        quaternion = Rotation.from_matrix(self.axes).as_quat()
        return np.array([*self.middle, quaternion[3], *quaternion[:3]])

    def spec(self, name: str, inside_of: str | None = None) -> ObjectSpec:
        """The asset."""
        length, width, height = np.maximum(self.size, SMALLEST).tolist()
        return ObjectSpec(name, self.kind, (length, width, height), inside_of)

    def bounds(self) -> Array:
        """(2, 3) low and high corners in m of the box around it along the axes of the frame."""
        rounded = np.array([_round(self.kind)])
        return np.asarray(boxes_around(self.middle[None], self.axes[None], self.size[None], rounded)[0])

    def distances(self, points: Array) -> Array:
        """(n,) signed metres from (n, 3) points to its surface."""
        return signed_distance((points - self.middle) @ self.axes, self.spec("asset").primitives())

    def residual(self, points: Array) -> float:
        """Mean distance (m) of (n, 3) points from its surface."""
        return float(np.abs(self.distances(points)).mean())

    def hull(self) -> Solid:
        """The upright block around it: what others stand on or beside. What is not upright holds nothing."""
        middle, size, yaw = seen_from_above(self.middle, self.axes, self.size)
        (x, y), (length, width), (low, high) = middle.tolist(), size.tolist(), self.bounds()[:, 2].tolist()
        return Solid("cuboid", x, y, yaw, length, width, low, high)


def tilted(solid: Solid, points: Array, noise: float) -> Tilted | None:
    """The asset in the attitude that its (n, 3) points say, on what the upright `solid` stands on; None where that is as good."""
    upright = solid.residual(points)
    least = _UPRIGHT_HOLLOW if category(solid.kind).wall else _UPRIGHT
    if not category(solid.kind).movable or upright < max(least, _NOT_NOISE * noise):
        return None
    starts = sorted(_starts(solid, points, noise), key=lambda start: start.residual(points))
    fits = [_fitted(start, points, noise, solid.bottom) for start in starts[:_TRIED]]
    off = [found.residual(points) for found in fits]
    if not fits or min(off) > max(_EXPLAINED, noise) or _beyond(min(off), noise) > (1 - _GAIN) * _beyond(upright, noise):
        return None
    alike = [found for found, now in zip(fits, off, strict=True) if now < min(off) + _ALIKE]
    return max(alike, key=lambda found: round(abs(float(found.axes[2, 2])), 2))


def _beyond(residual: float, noise: float) -> float:
    """What of a mean residual (m) is not noise (standard deviation, m)."""
    return float(np.sqrt(max(residual**2 - 2 / np.pi * noise**2, 0.0)))


def _starts(solid: Solid, points: Array, noise: float) -> Iterator[Tilted]:
    """The prior, each way round that it is not upright, in every frame that its faces suggest."""
    for frame in _frames(points, noise):
        for axes in _ways_round(solid.kind, frame):
            local = points @ axes
            low, high = local.min(axis=0), local.max(axis=0)
            size = high - low
            if _round(solid.kind):
                size[:2] = size[:2].max()
            yield Tilted(solid.kind, axes, axes @ ((low + high) / 2), np.maximum(size, SMALLEST))


def _round(kind: str) -> bool:
    return category(kind).shape is Shape.CYLINDER


def _ways_round(kind: str, frame: Array) -> Iterator[Array]:
    """(3, 3) axes of an asset along those of a frame, by which of them its own z is: the others are alike."""
    hollow = bool(category(kind).wall)
    if not hollow and not _round(kind):
        if np.abs(frame[2]).max() < _LEVEL:
            yield frame
        return
    for axis in range(3):
        for sign in (1.0, -1.0) if hollow else (1.0,):
            up, other = sign * frame[:, axis], frame[:, (axis + 1) % 3]
            if (up[2] if hollow else abs(up[2])) < _LEVEL:
                yield np.stack([other, np.cross(up, other), up], axis=1)


def _frames(points: Array, noise: float) -> Iterator[Array]:
    """(3, 3) right-handed axes as columns: along the outline, and along each of the two planes that most points lie on."""
    yaw = rectangle(corners_of(points[:, :2]))[2]
    yield np.array([[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
    for normal in _faces(points, noise):
        if abs(normal[2]) < _LEVEL:
            level = np.cross([0.0, 0.0, 1.0], normal)
            level /= np.linalg.norm(level)
            yield np.stack([normal, level, np.cross(normal, level)], axis=1)


def _faces(points: Array, noise: float) -> list[Array]:
    """Up to two (3,) normals of the planes that most of (n, 3) points lie on."""
    found: list[Array] = []
    rng, near = np.random.default_rng(0), max(_FLAT, 2 * noise)
    a, b, c = points[rng.integers(len(points), size=(3, _TRIPLETS))]
    normals = np.cross(b - a, c - a)
    lengths = np.linalg.norm(normals, axis=1)
    good = lengths > 1e-6
    normals, a = normals[good] / lengths[good, None], a[good]
    on = np.abs((points[None] - a[:, None]) @ normals[:, :, None])[:, :, 0] < near
    while len(found) < 2 and len(on) and on.any():
        best = int(on.sum(axis=1).argmax())
        members = points[on[best]]
        found.append(np.linalg.svd(members - members.mean(axis=0))[2][2])
        other = np.abs(normals @ found[-1]) < _APART
        on, normals = on[other] & ~on[best], normals[other]
    return found


def _fitted(start: Tilted, points: Array, noise: float, floor: float) -> Tilted:
    """Robust least squares over attitude, middle and extents, with the lowest point on the floor (m)."""
    rounded = _round(start.kind)
    turns, extents = ([0, 1], [0, 0, 1]) if rounded else ([0, 1, 2], [0, 1, 2])  # a cylinder is the same turned about its axis

    def asset(theta: Array) -> Tilted:
        turn, size = np.zeros(3), theta[: -len(turns) - 3]
        turn[turns] = theta[-len(turns) :]
        axes = start.axes @ Rotation.from_rotvec(turn).as_matrix()
        return Tilted(start.kind, axes, theta[-len(turns) - 3 : -len(turns)], np.maximum(size[extents], SMALLEST))

    def misfit(theta: Array) -> Array:
        now = asset(theta)
        local = (points - now.middle) @ now.axes
        gaps = now.size / 2 - np.stack([local.max(axis=0), -local.min(axis=0)])
        gaps = gaps[:, 2:] if rounded else gaps
        stands = _STANDS * (now.bounds()[0, 2] - floor)
        return np.concatenate([now.distances(points), _TIGHT * np.maximum(gaps, 0.0).ravel(), [stands]])

    theta = np.concatenate([start.size[1:] if rounded else start.size, start.middle, np.zeros(len(turns))])
    return asset(
        least_squares(misfit, theta, loss="soft_l1", f_scale=max(_SCALE, noise), max_nfev=40, diff_step=1e-5, ftol=1e-4).x
    )
