"""Putting things where they fit: random scenes whose objects stand apart, on surfaces, inside containers or in contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.objects import ObjectSpec, Shape
from fail2progress.core.scene import Array, Scene, bounding_boxes, pose, turn_in_plane, yaw_of

GAP = 0.008
"""Metres kept free between things that stand side by side."""
TOUCHING = 1e-3
"""Metres by which the boxes of things that touch may overlap."""
DRAWER_CLEARANCE = (0.016, 0.032, 0.034)
"""Metres by which a drawer is smaller than its cabinet."""
_DRAWER_INSET = 0.006
"""Metres by which the middle of a shut drawer lies before that of its cabinet."""

Shares = tuple[tuple[float, float], tuple[float, float]]
WHOLE: Shares = ((0.0, 1.0), (0.0, 1.0))
"""All of a surface, as shares of its length along x and y."""
Corners = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Low and high corner of a box (m). Numbers, not arrays: a scene has some ten boxes, and every call of numpy costs more."""


class DoesNotFitError(ValueError):
    """No free place was found for an object."""


@dataclass(frozen=True)
class _Region:
    """A part of a surface: low and high corner (m) in the planning frame, or about its middle (2,) and along its own sides where
    it is turned, by a rotation (2, 2)."""

    low: list[float]
    high: list[float]
    middle: Array
    turn: Array | None

    def place(self, x: float, y: float) -> tuple[float, float]:
        """In the planning frame."""
        if self.turn is not None:
            x, y = (self.middle + self.turn @ (x, y)).tolist()
        return x, y


@dataclass
class Layout:
    """A scene under construction. Boxes are axis-aligned bounds in metres, planning frame."""

    rng: np.random.Generator
    objects: list[ObjectSpec] = field(default_factory=list)
    poses: list[Array] = field(default_factory=list)
    openings: dict[str, float] = field(default_factory=dict)
    _boxes: list[Corners] = field(default_factory=list)

    def scene(self) -> Scene:
        """What has been built so far."""
        return Scene(tuple(self.objects), np.array(self.poses), dict(self.openings))

    def add(self, spec: ObjectSpec, at: Array) -> None:
        """Put an object at a (7,) pose without asking."""
        self.objects.append(spec)
        self.poses.append(at)
        self._boxes.append(_box(spec.size, at))

    def fix(self, spec: ObjectSpec, at: Array) -> None:
        """Put an object at a (7,) pose. DoesNotFitError where it would stand inside a solid one; what is turned is not asked."""
        low, high = _box(spec.size, at)
        for other, place, box in zip(self.objects, self.poses, self._boxes, strict=True):
            crossed = all(low[i] < box[1][i] - TOUCHING and box[0][i] < high[i] - TOUCHING for i in range(3))
            if crossed and not (spec.kind.container or other.kind.container or _is_turned(at) or _is_turned(place)):
                raise DoesNotFitError(f"{spec.name} would stand inside {other.name}")
        self.add(spec, at)

    def take_back(self) -> None:
        """Take the object out that was put in last."""
        for values in (self.objects, self.poses, self._boxes):
            values.pop()

    def bounds(self) -> Array:
        """(n, 2, 3) boxes of what stands so far."""
        return np.array(self._boxes)

    def stand(
        self, spec: ObjectSpec, table: str, yaw: float = 0.0, margin: float = 0.01, tries: int = 60, shares: Shares = WHOLE
    ) -> None:
        """Stand an object at a random free place on a surface, or on a part of it. DoesNotFitError if there is none."""
        self.add(spec, self.spot(spec, table, yaw, margin, tries, shares))

    def spot(
        self, spec: ObjectSpec, table: str, yaw: float = 0.0, margin: float = 0.01, tries: int = 60, shares: Shares = WHOLE
    ) -> Array:
        """The (7,) pose of a random free place for an object on a surface. DoesNotFitError if there is none."""
        half = _footprint(spec.size, yaw) / 2
        region = self._region(table, spec.name, spec.size, yaw, margin, shares)
        low, high = region.low, region.high
        height, extent = self._top(table) + spec.size[2] / 2, (*half.tolist(), spec.size[2] / 2)
        for _ in range(tries):
            x, y = region.place(self.rng.uniform(low[0], high[0]), self.rng.uniform(low[1], high[1]))
            if self._free((x, y, height), extent):
                return pose(x, y, height, yaw)
        raise DoesNotFitError(f"no free place for {spec.name} on {table}")

    def stand_row(
        self,
        specs: Sequence[ObjectSpec],
        table: str,
        gaps: Sequence[float],
        yaw: float = 0.0,
        margin: float = 0.01,
        tries: int = 60,
        shares: Shares = WHOLE,
    ) -> None:
        """Stand objects in a row along the direction `yaw`, so many metres apart, each turned with the row."""
        sizes = np.array([spec.size for spec in specs])
        length = sizes[:, 0].sum() + sum(gaps)
        extents = length, sizes[:, 1].max()
        region = self._region(table, f"the row of {specs[0].name}", extents, yaw, margin, shares)
        starts = np.cumsum([0.0, *(size + gap for size, gap in zip(sizes[:-1, 0], gaps, strict=True))])
        along = starts + sizes[:, 0] / 2 - length / 2
        heights = self._top(table) + sizes[:, 2] / 2
        for _ in range(tries):
            middle = np.array(region.place(*self.rng.uniform(region.low, region.high)))
            centres = middle + along[:, None] * np.array([np.cos(yaw), np.sin(yaw)])
            places = np.column_stack([centres, heights])
            free = (self._free(at, (*_footprint(s.size, yaw) / 2, s.size[2] / 2)) for at, s in zip(places, specs, strict=True))
            if all(free):
                for spec, (x, y, z) in zip(specs, places, strict=True):
                    self.add(spec, pose(x, y, z, yaw))
                return
        raise DoesNotFitError(f"no free place for the row of {specs[0].name} on {table}")

    def drop_in(self, spec: ObjectSpec, container: str, tries: int = 20) -> None:
        """Put an object on the floor of a container, beside what lies in it. DoesNotFitError if there is no room."""
        index = self.index(container)
        wall, roofed = self.objects[index].kind.wall, self.objects[index].kind.shape is Shape.SHELF
        half = spec.size[0] / 2, spec.size[1] / 2, spec.size[2] / 2
        inner = [self.objects[index].size[axis] / 2 - wall - half[axis] - 0.002 for axis in (0, 1)]
        if min(inner) < 0 or (roofed and spec.size[2] > self.objects[index].size[2] - 2 * wall):
            raise DoesNotFitError(f"{spec.name} does not fit into {container}")
        at = self.poses[index].tolist()
        height, yaw = at[2] - self.objects[index].size[2] / 2 + wall + half[2], yaw_of(self.poses[index])
        (c, s), around = (np.cos(yaw), np.sin(yaw)), [index, *self._around(index)]
        for _ in range(tries):
            along, across = self.rng.uniform(-inner[0], inner[0]), self.rng.uniform(-inner[1], inner[1])
            x, y = at[0] + c * along - s * across, at[1] + s * along + c * across
            if self._free((x, y, height), half, gap=0.001, but=around):
                return self.add(spec, pose(x, y, height, yaw))
        raise DoesNotFitError(f"no room for {spec.name} in {container}")

    def stack(self, spec: ObjectSpec, base: str) -> None:
        """Put an object on the middle of another. DoesNotFitError where something is in its way; what is turned is not asked."""
        index, top, half = self.index(base), self._top(base), (np.array(spec.size) / 2).tolist()
        (x, y), z, around = self.poses[index][:2].tolist(), top + half[2], self._around(index)
        roofs = [self._boxes[i][1][2] - self.objects[i].kind.wall for i in around if self.objects[i].kind.shape is Shape.SHELF]
        turned = [i for i, (low, _) in enumerate(self._boxes) if low[2] < top - TOUCHING and _is_turned(self.poses[i])]
        if z + half[2] > min(roofs, default=z + half[2]) or not self._free((x, y, z), half, 0.0, [index, *around, *turned]):
            raise DoesNotFitError(f"no room for {spec.name} on {base}")
        self.add(spec, pose(x, y, z))

    def beside(self, spec: ObjectSpec, other: str, side: int, gap: float = 0.001) -> None:
        """Put an object against another: side 0 to 3 is its own +x, +y, -x, -y. DoesNotFitError if taken or sticking out."""
        index = self.index(other)
        at, size = self.poses[index], self.objects[index].size
        axis, sign = side % 2, 1 if side < 2 else -1
        offset = np.eye(2)[axis] * sign * ((size[axis] + spec.size[axis]) / 2 + gap)
        x, y = at[:2] + turn_in_plane(yaw_of(at)) @ offset
        z = at[2] - size[2] / 2 + spec.size[2] / 2
        half = (*_footprint(spec.size, yaw_of(at)) / 2, spec.size[2] / 2)
        if not self._free((x, y, z), half, gap=0.0, but=[index]) or self._sticks_out(spec.size, (x, y), index):
            raise DoesNotFitError(f"no room for {spec.name} beside {other}")
        self.add(spec, pose(x, y, z, yaw_of(at)))

    def fit_drawer(self, name: str, cabinet: str, opening: float) -> None:
        """Put a drawer into its cabinet, pulled out by so many metres towards the cabinet's -x. DoesNotFitError: no room."""
        index = self.index(cabinet)
        size = np.array(self.objects[index].size) - DRAWER_CLEARANCE
        at = self.poses[index].copy()
        at[:2] -= turn_in_plane(yaw_of(at)) @ np.array([opening + _DRAWER_INSET, 0.0])
        if not self._free(at[:3].tolist(), (*_footprint(size.tolist(), yaw_of(at)) / 2, size[2] / 2), gap=0.0, but=[index]):
            raise DoesNotFitError(f"no room for {name} in {cabinet}")
        self.add(ObjectSpec(name, "drawer", (float(size[0]), float(size[1]), float(size[2])), inside_of=cabinet), at)
        self.openings[name] = opening

    def index(self, name: str) -> int:
        """Row of an object; DoesNotFitError where it has not been put anywhere yet."""
        names = [spec.name for spec in self.objects]
        if name not in names:
            raise DoesNotFitError(f"{name} is not there yet: what supports others comes first")
        return names.index(name)

    def heading(self, name: str) -> float:
        """Yaw (rad) of an object."""
        return yaw_of(self.poses[self.index(name)])

    def _region(self, surface: str, what: str, size: Sequence[float], yaw: float, margin: float, shares: Shares) -> _Region:
        """Where the middle of something of a size (m) may be. DoesNotFitError where it is larger than the surface."""
        index = self.index(surface)
        at, box, turn = self.poses[index], np.array(self._boxes[index])[:, :2], None
        if np.abs(at[4:]).max() > 1e-6:
            turn, box = turn_in_plane(yaw_of(at)), np.array([[-0.5], [0.5]]) * self.objects[index].size[:2]
        half = _footprint(size, yaw - yaw_of(at) if turn is not None else yaw) / 2
        low, high = box[0] + half + margin, box[1] - half - margin
        if (low > high).any():
            raise DoesNotFitError(f"{what} is larger than {surface}")
        if shares != WHOLE:
            between = np.array(shares)
            low, high = low + between[:, 0] * (high - low), low + between[:, 1] * (high - low)
        return _Region(low.tolist(), high.tolist(), at[:2], turn)

    def _sticks_out(self, size: Sequence[float], place: Sequence[float], index: int) -> bool:
        """Whether a thing beside another one, turned as that is, sticks out of what that stands on, if on a thing."""
        foot, turn = self._boxes[index][0][2], turn_in_plane(yaw_of(self.poses[index]))
        corners = place + np.array([[x, y] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) * size[:2] @ turn.T
        level = [i for i, box in enumerate(self._boxes) if abs(box[1][2] - foot) < TOUCHING and i != index]
        below = [i for i in level if _within(self.poses[index][None, :2], self.poses[i], self.objects[i].size)]
        return bool(below) and not any(_within(corners, self.poses[i], self.objects[i].size) for i in below)

    def _around(self, index: int) -> list[int]:
        """What a container lies in: its cabinet, if it is a drawer, and other containers."""
        boxes = self.bounds()
        middle = boxes[index].mean(axis=0)
        within = ((boxes[:, 0] < middle) & (boxes[:, 1] > middle)).all(axis=1)
        return [i for i, spec in enumerate(self.objects) if within[i] and spec.kind.container and i != index]

    def _top(self, name: str) -> float:
        """Height (m) of an object's upper side."""
        return self._boxes[self.index(name)][1][2]

    def _free(self, centre: Sequence[float], half: Sequence[float], gap: float = GAP, but: Sequence[int] = ()) -> bool:
        """Whether a box of (3,) half extents (m) keeps so far from all others, side by side, or stands above or below them."""
        (x, y, z), (dx, dy, dz) = centre, half
        return all(
            x - dx - gap > high[0]
            or x + dx + gap < low[0]
            or y - dy - gap > high[1]
            or y + dy + gap < low[1]
            or z - dz > high[2] - TOUCHING
            or z + dz < low[2] + TOUCHING
            for i, (low, high) in enumerate(self._boxes)
            if i not in but
        )


def two_tables(rng: np.random.Generator) -> Layout:
    """Two tables in front of the robot, table_a to its left and table_b to its right."""
    layout = Layout(rng)
    for name, side in (("table_a", 1), ("table_b", -1)):
        size = (rng.uniform(0.42, 0.55), rng.uniform(0.50, 0.62), 0.04)
        top = rng.uniform(0.42, 0.58)
        layout.add(ObjectSpec(name, "table", size), pose(rng.uniform(0.55, 0.65), side * rng.uniform(0.36, 0.44), top - 0.02))
    return layout


def random_camera_pose(rng: np.random.Generator) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Eye and target (m) of a head camera somewhere near where the Stretch carries it."""
    eye = rng.uniform([-0.20, -0.15, 1.25], [0.0, 0.15, 1.50])
    target = rng.uniform([0.55, -0.08, 0.44], [0.65, 0.08, 0.56])
    return (eye[0], eye[1], eye[2]), (target[0], target[1], target[2])


def _box(size: Sequence[float], at: Array) -> Corners:
    """The box around an object, in numbers where it stands upright, as most do."""
    x, y, z, w, tilt, roll, turn = at.tolist()
    if tilt or roll:
        low, high = bounding_boxes(at[None], np.array([size]))[0].tolist()
        return tuple(low), tuple(high)
    c, s = abs(1 - 2 * (turn * turn)), abs(2 * (w * turn))
    dx, dy, dz = c * (size[0] / 2) + s * (size[1] / 2), s * (size[0] / 2) + c * (size[1] / 2), size[2] / 2
    return (x - dx, y - dy, z - dz), (x + dx, y + dy, z + dz)


def _is_turned(at: Array) -> bool:
    """Whether the box around a (7,) pose is larger than what is in it."""
    return bool(np.abs(at[4:6]).max() > 1e-6 or abs(at[3] * at[6]) > 1e-6)


def _footprint(size: Sequence[float], yaw: float) -> Array:
    """(2,) extents of the axis-aligned box around a turned object."""
    c, s = abs(np.cos(yaw)), abs(np.sin(yaw))
    return np.array([c * size[0] + s * size[1], s * size[0] + c * size[1]])


def _within(places: Array, at: Array, size: Sequence[float]) -> bool:
    """Whether (n, 2) places all lie within the outline of an object."""
    return bool((np.abs((places - at[:2]) @ turn_in_plane(yaw_of(at))) <= np.array(size[:2]) / 2 + 1e-9).all())
