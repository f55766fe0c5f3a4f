"""What is known of one object from its sightings: where it is, what it looks like, whether its place can be seen through."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fail2progress.core.objects import Shape
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.base import Perceived, Segment

Colour = NDArray[np.uint8]
_ENOUGH = 4000
"""Points that a box is made from, at least where there are so many."""
_FACE = 2 / 3
"""Faces of things are as the volumes of their boxes to this power."""


@dataclass(frozen=True)
class Track:
    """What is known of one object: its last sighting (moved to where it must be now) and what it looked like."""

    segment: Segment
    surface: bool
    """Whether it is a table, or furniture: nothing that can be carried."""
    centre: Array
    """(3,) middle of its box, of a drawer of its front, in metres: how much is seen behind that changes as it is pulled out."""
    appearance: Array
    """(6,) logarithms of extents and colour, the latter NaN where images had none."""
    container: str | None = None
    gone: int = 0

    @property
    def hidden(self) -> bool:
        """Whether the last frame did not show it."""
        return len(self.segment.pixels) == 0

    @property
    def is_drawer(self) -> bool:
        """Whether it slides in a cabinet: how far, and so how much of it is seen, says nothing of which one it is."""
        return self.surface and self.segment.shape is Shape.DRAWER

    def moved(self, shift: Array) -> Track:
        """The same thing elsewhere by (3,) metres."""
        pose = self.segment.pose.copy()
        pose[:3] += shift
        points = self.segment.points + shift.astype(np.float32)
        return replace(self, segment=replace(self.segment, points=points, pose=pose), centre=self.centre + shift)


def continued(track: Track, sighting: Track) -> Track:
    """The sighting under the track's id. Its size, and what its shape is called, are known from when most of it was seen: who
    says "the blue cuboid" means it in the next frame, too. That it is hollow is remembered from when its inside was. No more of
    it is seen than what shows is as large as it was: of a can in a bag the camera may see a sliver, which nothing nearer hides.
    """
    appearance, known = sighting.appearance.copy(), track.segment
    segment = replace(sighting.segment, id=known.id)
    smaller = float(appearance[:3].sum() - track.appearance[:3].sum())
    if smaller < 0 and not sighting.is_drawer:
        segment = replace(segment, visibility=min(segment.visibility, float(np.exp(_FACE * smaller))))
        appearance[:3] = track.appearance[:3]
        if not (segment.hollow or known.hollow):
            segment = replace(segment, category=known.category)
    if not np.isfinite(appearance[3:]).all():
        appearance[3:] = track.appearance[3:]
    if segment.cavity == 0 and known.cavity:
        segment = replace(segment, category=known.category, shape=known.shape, cavity=known.cavity)
    if track.surface and not sighting.surface:
        segment = replace(segment, category=known.category, shape=known.shape, cavity=known.cavity)
    return replace(sighting, segment=segment, appearance=appearance, surface=track.surface or sighting.surface)


def off_rails(track: Track, sighting: Track) -> float:
    """Metres between two sightings of drawers, but for how far they are pulled out."""
    apart = sighting.centre - track.centre
    along = float(apart[:2] @ _inwards(sighting.segment))
    return float(np.sqrt(max(float(apart @ apart) - along**2, 0.0)))


def _inwards(drawer: Segment) -> Array:
    """(2,) level direction in which it is shut."""
    angle = 2 * np.arctan2(drawer.pose[6], drawer.pose[3])
    return np.array([np.cos(angle), np.sin(angle)])


def may_be(track: Track, sighting: Track) -> bool:
    """Whether a sighting may be of a thing. A table is a table; a cabinet or a drawer may be taken for a thing to carry
    where a frame does not show what it is."""
    shapes = [one.segment.shape for one in (track, sighting) if one.surface]
    return shapes[0] is shapes[1] if len(shapes) == 2 else Shape.TABLE not in shapes


def sighting(segment: Segment, surface: bool, colour: Colour | None) -> Track:
    """A track that begins with a segment, which must have points. colour: (H, W, 3) of its frame."""
    some = segment.points[:: 1 + len(segment.points) // _ENOUGH].astype(float)
    low, high = np.quantile(some, (0.01, 0.99), axis=0)
    extents = np.maximum(high - low, 0.005)
    mean = np.full(3, np.nan) if colour is None else _hue(colour.reshape(-1, 3)[segment.pixels])
    centre = (low + high) / 2
    if surface and segment.shape is Shape.DRAWER:
        inwards = _inwards(segment)
        ahead = some[:, :2] @ inwards
        centre[:2] += inwards * (float(np.quantile(ahead, 0.01)) - float(centre[:2] @ inwards))
    return Track(segment, surface, centre, np.concatenate([np.sort(np.log(extents)), mean]))


def _hue(pixels: Colour) -> Array:
    """(3,) median share of red and of green in the light, which shading leaves alone, and a little of its strength."""
    values = pixels.astype(float) + 1.0
    total = values.sum(axis=1)
    return np.array([*np.median(values[:, :2] / total[:, None], axis=0), 0.2 * np.median(total) / 768])


def differences(track: Track, other: Track) -> tuple[float, float]:
    """Of sizes (mean absolute logarithm of ratios) and of colours (0 where one has none). What looks smaller may be hidden."""
    apart = other.appearance - track.appearance
    colour = float(np.linalg.norm(apart[3:])) if np.isfinite(apart[3:]).all() else 0.0
    return float(np.maximum(apart[:3], -0.5 * apart[:3]).mean()), colour


@dataclass(frozen=True)
class View:
    """Directions and ranges of what a frame shows, to ask whether something can be seen behind a place."""

    eye: Array
    directions: cKDTree | None
    ranges: Array

    @classmethod
    def of(cls, perceived: Perceived, enough: int = 20_000) -> View:
        """Every so many of the frame's points."""
        clouds = [part.points for part in (*perceived.surfaces, *perceived.segments) if len(part.points)]
        eye = np.asarray(perceived.pose[:3, 3])
        if not clouds:
            return cls(eye, None, np.empty(0))
        rays = np.concatenate(clouds).astype(float)
        rays = rays[:: 1 + len(rays) // enough] - eye
        ranges = np.maximum(np.linalg.norm(rays, axis=1), 1e-6)
        return cls(eye, cKDTree(rays / ranges[:, None]), ranges)

    def through(self, points: NDArray[np.float32], behind: float, aperture: float = 0.01) -> float:
        """Share of points behind which, within an angle in radians, something further away is seen."""
        if self.directions is None:
            return 0.0
        rays = points[:: 1 + len(points) // 100].astype(float) - self.eye
        ranges = np.maximum(np.linalg.norm(rays, axis=1), 1e-6)
        angles, nearest = self.directions.query(rays / ranges[:, None])
        return float(((angles < aperture) & (self.ranges[nearest] > ranges + behind)).mean())
