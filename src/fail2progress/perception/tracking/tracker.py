"""Identities kept over time: the same object keeps its id from frame to frame, whether it was carried, hidden or put away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from fail2progress.core.objects import Shape
from fail2progress.core.scene import Array
from fail2progress.perception.completion import Thresholds, complete
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.tracking.matching import IMPOSSIBLE, Gates, assign, cost_of, off_course
from fail2progress.perception.tracking.states import Evidence, State
from fail2progress.perception.tracking.tables import Camera, common, whole
from fail2progress.perception.tracking.tracks import Colour, Track, View, continued, differences, may_be, off_rails, sighting

_STILL = 0.01
"""Metres by which nothing is thought to have been moved: a model says some millimetres of all that stays."""


@dataclass
class Tracker:
    """Renames what a segmenter finds, frame by frame, and adds what it cannot see now but knows to be there."""

    gates: Gates = field(default_factory=Gates)
    tracks: dict[str, Track] = field(default_factory=dict)
    _joined: set[str] = field(default_factory=set)
    """Names of what turned out to be parts of other tables: given to nothing else."""
    _named: int = 0

    def update(
        self, perceived: Perceived, expected_shift: Mapping[str, Array] | None = None, colour: Colour | None = None
    ) -> Perceived:
        """The frame with ids that last. Hidden things come with visibility 0, no pixels and their last points, moved along;
        tables with what earlier frames showed of them beyond the edges of this one, and then no point for each pixel (`whole`).

        expected_shift: id to (3,) m by which a skill is thought to have moved it since the last frame; what turns out not to have
        moved is found at its old place all the same. colour: (H, W, 3) the image of the frame, where there is one.
        """
        found = [
            *(sighting(part, True, colour) for part in perceived.surfaces if len(part.points)),
            *(sighting(part, False, colour) for part in perceived.segments if len(part.points)),
        ]
        expected = {name: np.asarray(shift, float) for name, shift in (expected_shift or {}).items() if name in self.tracks}
        expected = {name: shift for name, shift in expected.items() if np.linalg.norm(shift) > _STILL}
        view = View(perceived, Camera.of(perceived))
        pairs = self._match(found, expected, view)
        for name, parts in self._join(pairs, found).items():
            shown = found[pairs[name]].segment
            if (segment := whole(shown, parts, view.camera)) is not shown:
                found[pairs[name]] = sighting(segment, True, colour)
        seen = {name: continued(self.tracks[name], found[i]) for name, i in pairs.items()}
        known = {name: seen.get(name) or self._unseen(name, seen, expected, view) for name in self.tracks}
        taken = set(pairs.values())
        new = dict(self._new(found[i]) for i in range(len(found)) if i not in taken)
        self.tracks = self._with_containers(known | new, perceived, expected)
        return _as_perceived(_present(self.tracks), perceived)

    def forget(self) -> None:
        """Forget everything."""
        self.tracks.clear()
        self._joined.clear()
        self._named = 0

    def _match(self, found: list[Track], expected: Mapping[str, Array], view: View) -> dict[str, int]:
        """Track names to rows of sightings: first where they are expected, then along with containers, then anywhere, of what
        need not be where it was."""
        pairs: dict[str, int] = {}
        assign(pairs, self.tracks, found, lambda name, track, other: self._near(track, other, expected.get(name)))
        seen = {name: found[i] for name, i in pairs.items()}
        carried = {name: shift for name in self.tracks if (shift := self._carried(name, seen)) is not None}
        assign(pairs, self.tracks, found, lambda name, track, other: self._near(track, other, carried.get(name)))
        strangers = [found[i] for i in range(len(found)) if i not in pairs.values()]
        moved = {name for name in self.tracks if np.linalg.norm(self._shift(name, seen, expected)) > _STILL}
        lost = {name: track for name, track in self.tracks.items() if name not in pairs and strangers}
        loose = {name: track for name, track in lost.items() if name in moved or self._has_left(name, strangers, view)}
        assign(pairs, loose, found, lambda name, track, other: self._alike(track, other))
        return pairs

    def _has_left(self, name: str, strangers: list[Track], view: View) -> bool:
        """Whether a thing is seen not to be where it was: nothing is there, or something that was elsewhere before."""
        track = self.tracks[name]
        if track.state is State.GONE:
            return True
        evidence = self._where_it_was(name, view)
        taken = evidence is Evidence.FILLED and any(_covers(track, other) for other in strangers)
        return taken or evidence in (Evidence.EMPTY, Evidence.BARE)

    def _where_it_was(self, name: str, view: View) -> Evidence:
        """What the frame shows of the last place of a thing."""
        if name not in view.told:
            view.told[name] = view.evidence(self.tracks[name], self.gates.through, self.gates.gone)
        return view.told[name]

    def _join(self, pairs: dict[str, int], found: list[Track]) -> dict[str, list[Segment]]:
        """What is known of tables in view where they are now, by name. Of several that one sighting shows to be one the first is
        kept."""
        known = {}
        for name, i in list(pairs.items()):
            shown = found[i].segment
            if shown.shape is not Shape.TABLE:
                continue
            near = [other for other, track in self.tracks.items() if other == name or other not in pairs]
            parts = [other for other in near if 1.0 - common(self.tracks[other].segment, shown) < self.gates.area[1]]
            first, *rest = [other for other in near if other == name or other in parts]
            known[first] = [self.tracks[other].segment for other in parts]
            pairs[first] = pairs.pop(name)
            self._joined.update(rest)
            self.tracks = {other: track for other, track in self.tracks.items() if other not in rest}
        return known

    def _near(self, track: Track, other: Track, shift: Array | None) -> float:
        """Cost of one being the other, at the place where it was expected or else where it was."""
        if not may_be(track, other):
            return IMPOSSIBLE
        if (share := common(track.segment, other.segment)) > 0.0:
            return cost_of((1.0 - share, differences(track, other)[1]), (self.gates.area, self.gates.colour))
        if track.is_drawer and other.is_drawer:
            return cost_of((off_rails(track, other), differences(track, other)[1]), (self.gates.position, self.gates.colour))
        distance = float(np.linalg.norm(other.centre - track.centre))
        if shift is not None:
            distance = min(off_course(other.centre - track.centre - shift), distance + 0.5 * self.gates.position[0])
        size, colour = differences(track, other)
        limits = (self.gates.position, self.gates.size, self.gates.colour)
        return cost_of((distance, size, colour), limits)

    def _alike(self, track: Track, other: Track) -> float:
        """Cost of one being the other by its looks alone; between twins the nearer one."""
        if track.surface != other.surface or track.is_drawer or not may_be(track, other):
            return IMPOSSIBLE
        size, colour = differences(track, other)
        cost = cost_of((size, colour), (self.gates.jump, self.gates.colour))
        return min(cost + min(float(np.linalg.norm(other.centre - track.centre)), 1.0), IMPOSSIBLE)

    def _carried(self, name: str, seen: Mapping[str, Track]) -> Array | None:
        """(3,) m by which the thing's container was seen to move, if it has one that is in view."""
        container = self.tracks[name].container
        if container is None or container not in seen:
            return None
        return np.asarray(seen[container].centre - self.tracks[container].centre)

    def _shift(self, name: str, seen: Mapping[str, Track], expected: Mapping[str, Array]) -> Array:
        """(3,) m by which a thing is thought to have moved: with its container as that turned out, or as expected."""
        carried = None if _taken_out(self.tracks[name], name, expected) else self._carried(name, seen)
        return expected.get(name, np.zeros(3)) if carried is None else carried

    def _unseen(self, name: str, seen: Mapping[str, Track], expected: Mapping[str, Array], view: View) -> Track:
        """A track without a sighting, where it must be now."""
        track = self.tracks[name]
        if track.state is State.GONE:
            return track
        shift = self._shift(name, seen, expected)
        track = track.moved(shift) if shift.any() else track
        left = _taken_out(track, name, expected) and _around(track, seen) is None
        if track.container is not None and not left:
            evidence = Evidence.INSIDE
        elif shift.any():
            evidence = view.evidence(track, self.gates.through, self.gates.gone)
        else:
            evidence = self._where_it_was(name, view)
        if evidence is Evidence.EMPTY and name not in expected and (along := self._gone_along(track, seen)) is not None:
            track, evidence = along, Evidence.INSIDE
        elif evidence is Evidence.EMPTY and left:
            evidence = Evidence.NEVER_CAME
        return track.unseen(evidence, self.gates.patience)

    def _gone_along(self, track: Track, seen: Mapping[str, Track]) -> Track | None:
        """Where a thing is that has left its place unseen with the hollow thing around it, in which it was not known to lie."""
        around = _around(track, self.tracks)
        if around is None or around not in seen:
            return None
        shift = np.asarray(seen[around].centre - self.tracks[around].centre)
        return replace(track.moved(shift), container=around) if np.linalg.norm(shift) > _STILL else None

    def _new(self, sighting: Track) -> tuple[str, Track]:
        name = sighting.segment.id
        while name in self.tracks or name in self._joined:
            self._named += 1
            name = f"{'surface' if sighting.surface else 'object'}_{self._named}"
        self.tracks[name] = sighting
        return name, replace(sighting, segment=replace(sighting.segment, id=name))

    def _with_containers(self, tracks: dict[str, Track], perceived: Perceived, moved: Mapping[str, Array]) -> dict[str, Track]:
        """What lies in what now, by geometry. What is hidden stays where it was put, though its place is not known well; what is
        gone holds nothing any more."""
        there = _present(tracks)
        rows = complete(_as_perceived(there, perceived), Thresholds()).container
        names = [track.segment.id for track in _in_order(there)]
        inside = {name: names[row] for name, row in zip(names, rows, strict=True) if row >= 0}
        lies_in = {name: inside.get(name) for name in tracks}
        for name, track in there.items():
            if track.hidden and not track.surface:
                stays = track.container in there and not _taken_out(track, name, moved)
                lies_in[name] = track.container if stays else _around(track, tracks)
        return {name: _put_in(track, lies_in[name], tracks) for name, track in tracks.items()}


def _taken_out(track: Track, name: str, expected: Mapping[str, Array]) -> bool:
    """Whether a skill was to move a thing from where it lies, and not what it lies in."""
    return name in expected and track.container not in expected


def _put_in(track: Track, container: str | None, tracks: Mapping[str, Track]) -> Track:
    """The track with its container; what is thought to be in it unseen lies between its floor and its rim."""
    track = replace(track, container=container)
    if container is None or not track.hidden:
        return track
    around = tracks[container].segment.points[:, 2]
    over = float(track.segment.points[:, 2].max() - around.max())
    return track.moved(np.array([0.0, 0.0, -over])) if over > 0 else track


def _present(tracks: Mapping[str, Track]) -> dict[str, Track]:
    """What is somewhere."""
    return {name: track for name, track in tracks.items() if track.state is not State.GONE}


def _in_order(tracks: Mapping[str, Track]) -> list[Track]:
    """Surfaces, then objects."""
    return sorted(tracks.values(), key=lambda track: not track.surface)


def _as_perceived(tracks: Mapping[str, Track], perceived: Perceived) -> Perceived:
    surfaces = tuple(track.segment for track in tracks.values() if track.surface)
    return replace(perceived, surfaces=surfaces, segments=tuple(t.segment for t in tracks.values() if not t.surface))


def _around(track: Track, tracks: Mapping[str, Track], slack: float = 0.03, drop: float = 0.12) -> str | None:
    """The hollow thing that a hidden thing lies in, or into which it falls: the nearest if several. Metres."""
    best, least = None, np.inf
    for name, other in tracks.items():
        if other is track or other.hidden or not other.segment.hollow:
            continue
        low, high = (
            other.segment.points.min(axis=0) - slack,
            other.segment.points.max(axis=0) + np.array([slack, slack, drop]),
        )
        distance = float(np.linalg.norm(track.centre - other.centre))
        if ((track.centre > low) & (track.centre < high)).all() and distance < least:
            best, least = name, distance
    return best


def _covers(track: Track, other: Track) -> bool:
    """Whether another thing is where one was."""
    low, high = other.segment.points.min(axis=0) - _STILL, other.segment.points.max(axis=0) + _STILL
    return bool(((track.centre > low) & (track.centre < high)).all())
