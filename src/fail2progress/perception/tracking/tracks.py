"""What is known of one object from its sightings: where it is, what it looks like, whether its place can be seen through."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fail2progress.core.objects import Shape
from fail2progress.core.rgbd import NOISE
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.tracking.states import Evidence, State, after
from fail2progress.perception.tracking.tables import Camera

Colour = NDArray[np.uint8]
_ENOUGH = 4000
"""Points that a box is made from, at least where there are so many."""
_FACE = 2 / 3
"""Faces of things are as the volumes of their boxes to this power."""
_NOISE = np.sqrt(2.0) * NOISE
"""Standard deviation (1 / m) of the difference of two readings of inverse depth."""
_TELLING = 0.3
"""Share of a thing's points that must be far enough from what it stands on to tell whether it is gone."""
_LEVEL = 0.05
"""Sine of the angle below the horizon from which a ray comes down within reach."""


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
    state: State = State.SEEN
    missed: int = 0
    """Frames in which its place was seen to be empty since it was last known to be there."""

    @property
    def hidden(self) -> bool:
        """Whether the last frame did not show it."""
        return self.state is not State.SEEN

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

    def unseen(self, evidence: Evidence, patience: int) -> Track:
        """After a frame without a sighting of it. Of what is gone no point is kept."""
        state, missed = after(self.state, self.missed, evidence, patience)
        points = self.segment.points[:0] if state is State.GONE else self.segment.points
        bare = replace(self.segment, points=points, pixels=np.empty(0, np.int64), visibility=0.0)
        container = None if state is State.GONE else self.container
        return replace(self, segment=bare, container=container, state=state, missed=missed)


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
    along = float(apart[:2] @ sighting.segment.inwards)
    return float(np.sqrt(max(float(apart @ apart) - along**2, 0.0)))


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
        inwards = segment.inwards
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
    """What a frame shows of places."""

    perceived: Perceived
    camera: Camera | None
    told: dict[str, Evidence] = field(default_factory=dict)
    """Evidence that is known already, by the names of things."""

    def evidence(self, track: Track, most: float, enough: float, aperture: float = 0.01) -> Evidence:
        """What is seen within an angle in radians of a thing's points, of at least a share `enough` of them.

        Its place is empty where something is seen farther away by `most` (m); or, of the points for which that is beyond noise,
        by half the way on to what the thing stands on, if they are not few: what is seen is nearer to that than to the thing.
        """
        eye, points = np.asarray(self.perceived.pose[:3, 3]), track.segment.points[:: 1 + len(track.segment.points) // 100]
        rays, ranges = _towards(points, eye)
        along = self._along(rays, aperture)
        farther = along - ranges
        behind = _halfway(track, rays, eye + rays * ranges[:, None])
        tells = behind > _NOISE * ranges**2
        shares = [(farther > most).mean()]
        if tells.mean() > _TELLING:
            shares.append((farther > np.minimum(behind, most))[tells].mean())
        if max(shares) > enough:
            return Evidence.EMPTY
        if (np.abs(farther) <= most).mean() > enough:
            return Evidence.FILLED
        bare = (farther > most) | ((along == 0.0) & (self.camera is not None and ~self.camera.misses(points)))
        return Evidence.BARE if bare.mean() > enough else Evidence.NOTHING

    @cached_property
    def _seen(self) -> tuple[Array, Array]:
        """(N, 3) unit vectors from the camera, and (N,) m to what is seen along them: all points of the frame."""
        clouds = [part.points for part in (*self.perceived.surfaces, *self.perceived.segments)]
        cloud = np.concatenate(clouds) if clouds else np.empty((0, 3), np.float32)
        return _towards(cloud, np.asarray(self.perceived.pose[:3, 3]))

    def _along(self, rays: Array, aperture: float) -> Array:
        """(N,) m to what is seen along rays (N, 3), each within an angle; 0 where nothing is.

        A tree of the few points around a thing takes a tenth of the time of one of all points of a frame.
        """
        all_rays, all_ranges = self._seen
        middle = rays.mean(axis=0)
        middle /= np.linalg.norm(middle)
        reach = np.linalg.norm(rays - middle, axis=1).max() + aperture
        near = np.flatnonzero(all_rays @ middle > 1.0 - reach**2 / 2)  # as the chord between two unit vectors has it
        if not len(near):
            return np.zeros(len(rays))
        angles, nearest = cKDTree(all_rays[near]).query(rays)
        return np.asarray(np.where(angles < aperture, all_ranges[near[nearest]], 0.0))


def _towards(points: NDArray[np.float32], eye: Array) -> tuple[Array, Array]:
    """(N, 3) unit vectors from the camera to points, and (N,) metres to them."""
    away = points.astype(float) - eye
    ranges = np.maximum(np.linalg.norm(away, axis=1), 1e-6)
    return away / ranges[:, None], ranges


def _halfway(track: Track, rays: Array, points: Array) -> Array:
    """(N,) m from points half the way on along their rays to the height that a thing stands on; infinite where they meet none,
    and of tables and furniture."""
    if track.surface:
        return np.full(len(points), np.inf)
    bottom = track.segment.pose[2] - track.segment.size[2] / 2
    down = np.maximum(-rays[:, 2], 0.0)
    height = np.maximum(points[:, 2] - bottom, 0.0)
    return np.asarray(np.where(down > _LEVEL, height / np.maximum(down, _LEVEL) / 2, np.inf))
