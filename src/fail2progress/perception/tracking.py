"""Identities kept over time: the same object keeps its id from frame to frame, whether it was carried, hidden or put away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from fail2progress.perception.geometric_relations import complete
from fail2progress.perception.segments import Perceived, Segment
from fail2progress.world.scene import Array

Colour = NDArray[np.uint8]
_IMPOSSIBLE = 1e6


@dataclass(frozen=True)
class Gates:
    """How far two sightings of one object may differ. The first number of a pair scales the cost, the second one is a limit."""

    position: tuple[float, float] = (0.03, 0.12)
    """Metres between centres, of what has been expected there."""
    size: tuple[float, float] = (0.5, 1.2)
    """Mean absolute difference of logarithms of extents; generous, as other things hide parts."""
    colour: tuple[float, float] = (0.12, 0.5)
    """Distance of mean chromaticities and lightness, of at most about 1.4."""
    jump: tuple[float, float] = (0.3, 0.7)
    """As `size`, for something that turned up where nothing was expected."""
    through: float = 0.02
    """Metres behind a thing's last place at which something must be seen to say that it is gone."""
    gone: float = 0.6
    """Share of its points that must be seen through for that."""
    patience: int = 3
    """Frames for which something that is gone from its place, without a trace, keeps its id."""


@dataclass(frozen=True)
class Track:
    """What is known of one object: its last sighting (moved to where it must be now) and what it looked like."""

    segment: Segment
    surface: bool
    appearance: Array
    """(6,) logarithms of extents and colour, the latter NaN where images had none."""
    container: str | None = None
    gone: int = 0

    @property
    def centre(self) -> Array:
        """(3,) middle of its box, in metres."""
        return _centre(self.segment)

    def moved(self, shift: Array) -> Track:
        """The same thing elsewhere by (3,) metres."""
        pose = self.segment.pose.copy()
        pose[:3] += shift
        points = self.segment.points + shift.astype(np.float32)
        return replace(self, segment=replace(self.segment, points=points, pose=pose))


@dataclass
class Tracker:
    """Renames what a segmenter finds, frame by frame, and adds what it cannot see now but knows to be there."""

    gates: Gates = field(default_factory=Gates)
    tracks: dict[str, Track] = field(default_factory=dict)
    _named: int = 0

    def update(
        self, perceived: Perceived, expected_shift: Mapping[str, Array] | None = None, colour: Colour | None = None
    ) -> Perceived:
        """The frame with ids that last. Hidden things come with visibility 0, no pixels and their last points, moved along.

        expected_shift: id to (3,) m by which a skill is thought to have moved it since the last frame; what turns out not to have
        moved is found at its old place all the same. colour: (H, W, 3) the image of the frame, where there is one.
        """
        found = [
            *(_sighting(part, True, colour) for part in perceived.surfaces if len(part.points)),
            *(_sighting(part, False, colour) for part in perceived.segments if len(part.points)),
        ]
        expected = {name: np.asarray(shift, float) for name, shift in (expected_shift or {}).items() if name in self.tracks}
        pairs = self._match(found, expected)
        seen = {name: replace(found[i], segment=replace(found[i].segment, id=name)) for name, i in pairs.items()}
        hidden = self._hidden(seen, expected, perceived)
        taken = set(pairs.values())
        new = {name: track for name, track in (self._new(found[i]) for i in range(len(found)) if i not in taken)}
        self.tracks = self._with_containers({**seen, **hidden, **new}, perceived)
        return self._renamed(perceived)

    def forget(self) -> None:
        """Start anew."""
        self.tracks.clear()
        self._named = 0

    def _match(self, found: list[Track], expected: Mapping[str, Array]) -> dict[str, int]:
        """Track names to rows of sightings: first where they are expected, then along with containers, then anywhere."""
        pairs: dict[str, int] = {}
        _assign(pairs, self.tracks, found, lambda track, name, other: self._near(track, other, expected.get(name)))
        carried = {name: shift for name in self.tracks if (shift := self._carried(name, pairs, found)) is not None}
        _assign(pairs, self.tracks, found, lambda track, name, other: self._near(track, other, carried.get(name)))
        _assign(pairs, self.tracks, found, lambda track, name, other: self._alike(track, other))
        return pairs

    def _near(self, track: Track, other: Track, shift: Array | None) -> float:
        """Cost of one being the other, at the place where it was expected or else where it was."""
        if track.surface != other.surface:
            return _IMPOSSIBLE
        distance = float(np.linalg.norm(other.centre - track.centre))
        if shift is not None:
            distance = min(float(np.linalg.norm(other.centre - track.centre - shift)), distance + 0.5 * self.gates.position[0])
        size, colour = _differences(track, other)
        limits = (self.gates.position, self.gates.size, self.gates.colour)
        return _cost((distance, size, colour), limits)

    def _alike(self, track: Track, other: Track) -> float:
        """Cost of one being the other by its looks alone; between twins the nearer one."""
        if track.surface != other.surface:
            return _IMPOSSIBLE
        size, colour = _differences(track, other)
        cost = _cost((size, colour), (self.gates.jump, self.gates.colour))
        return cost + min(float(np.linalg.norm(other.centre - track.centre)), 1.0)

    def _carried(self, name: str, pairs: Mapping[str, int], found: list[Track]) -> Array | None:
        """(3,) m by which the thing's container was seen to move, if it has one that is in view."""
        container = self.tracks[name].container
        if container is None or container not in pairs:
            return None
        return np.asarray(found[pairs[container]].centre - self.tracks[container].centre)

    def _hidden(self, seen: Mapping[str, Track], expected: Mapping[str, Array], perceived: Perceived) -> dict[str, Track]:
        """Tracks without a sighting, where they must be now; without those that are gone for good."""
        view = _View.of(perceived)
        kept = {}
        for name, track in self.tracks.items():
            if name in seen:
                continue
            track = track.moved(self._shift(track, name, seen, expected))
            absent = track.container is None and view.through(track.segment.points, self.gates.through) > self.gates.gone
            track = replace(track, gone=track.gone + 1 if absent else 0)
            if track.gone <= self.gates.patience:
                bare = replace(track.segment, pixels=np.empty(0, np.int64), visibility=0.0)
                kept[name] = replace(track, segment=bare)
        return kept

    def _shift(self, track: Track, name: str, seen: Mapping[str, Track], expected: Mapping[str, Array]) -> Array:
        if track.container in seen and name not in expected:
            return seen[track.container].centre - self.tracks[track.container].centre
        if track.container in seen and track.container in expected:  # both were meant to move: together, as it came out
            return seen[track.container].centre - self.tracks[track.container].centre
        return expected.get(name, np.zeros(3))

    def _new(self, sighting: Track) -> tuple[str, Track]:
        name = sighting.segment.id
        while name in self.tracks:
            self._named += 1
            name = f"{'surface' if sighting.surface else 'object'}_{self._named}"
        self.tracks[name] = sighting
        return name, replace(sighting, segment=replace(sighting.segment, id=name))

    def _with_containers(self, tracks: dict[str, Track], perceived: Perceived) -> dict[str, Track]:
        """What lies in what now, by geometry; something hidden stays in its container unless it was moved out of it."""
        parts = sorted(tracks.values(), key=lambda track: not track.surface)
        count = sum(track.surface for track in parts)
        whole = replace(
            perceived,
            surfaces=tuple(track.segment for track in parts[:count]),
            segments=tuple(track.segment for track in parts[count:]),
        )
        rows = complete(whole).container
        names = [track.segment.id for track in parts]
        lies_in = {name: names[row] if row >= 0 else None for name, row in zip(names, rows, strict=True)}
        return {name: replace(track, container=lies_in[name]) for name, track in tracks.items()}

    def _renamed(self, perceived: Perceived) -> Perceived:
        ordered = list(self.tracks.values())
        return replace(
            perceived,
            surfaces=tuple(track.segment for track in ordered if track.surface),
            segments=tuple(track.segment for track in ordered if not track.surface),
        )
