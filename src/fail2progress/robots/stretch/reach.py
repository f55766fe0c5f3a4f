"""Where the Stretch must stand and how it must turn its hand for a skill: a search over headings of the hand and stands."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.robots.stretch.kinematics import HOME, Kinematics
from fail2progress.skills.phases import Cost, Ends, Hand, OutOfReachError, Posture, Reach

FOOT_RADIUS, FOOT_HEIGHT = 0.30, 0.17
"""Metres: everything of the base, however it is turned, lies within this radius and below this height."""
BODY_RADIUS, BODY_HEIGHT = 0.22, 1.40
"""Metres: mast, lift and retracted arm."""
HEADINGS = tuple(sorted([-1.39, *(0.15 * np.arange(-9, 12)).tolist(), 1.76], key=abs))
"""Headings (rad) of the hand that are tried, straight away from the robot first: to one side as far as the wrist turns, to the
other as far as the hand keeps clear of the arm. It is half a turn from end to end: an object can be turned by any angle."""
FOLDED = 1.77
"""Heading (rad) from which on the hand would be folded into the arm; across any direction, one of two headings is below it."""
_TIP_RADIUS, _FINGER = 0.022, 0.012
"""Metres: of a fingertip, and half a finger's thickness."""
_ASIDE = 0.03
"""Metres from the inside of an open finger to its middle, where it bows out."""
_FINGER_SLOPE = 0.5
"""Metres that the fingers rise for every metre from the tip to the wrist."""
_PER_CENTIMETRE = 6.0
_PACE = 0.1
"""Metres between two places at which the way of the base is looked at."""


@dataclass(frozen=True)
class Floor:
    """Where the base may stand (m, planning frame)."""

    low: tuple[float, float] = (-0.8, -1.6)
    high: tuple[float, float] = (0.30, 1.6)

    def holds(self, x: float, y: float) -> bool:
        """Whether the base's centre may be there."""
        return self.low[0] <= x <= self.high[0] and self.low[1] <= y <= self.high[1]

    def __str__(self) -> str:
        return f"x {self.low[0]:g} to {self.high[0]:g} m, y {self.low[1]:g} to {self.high[1]:g} m"


ANYWHERE = Floor((-math.inf, -math.inf), (math.inf, math.inf))
"""Where nothing stands but what is known."""


@dataclass(frozen=True)
class _Furniture:
    """What the base must keep clear of, within its floor: names and (M, 2, 3) boxes (m)."""

    names: tuple[str, ...]
    boxes: Array
    floor: Floor

    def hit(self, spots: Array) -> str | None:
        """What the base would collide with at the first of (K, 2) places (m) where it does, or None. Furniture above the base's
        height may overhang it."""
        for x, y in spots:
            if not self.floor.holds(x, y):
                return f"a place (x = {x:.2f}, y = {y:.2f} m) outside its floor ({self.floor})"
        if not self.names:
            return None
        low, high = self.boxes[:, 0], self.boxes[:, 1]
        gap = np.hypot(
            *np.moveaxis(np.maximum(np.maximum(low[:, :2] - spots[:, None], spots[:, None] - high[:, :2]), 0.0), -1, 0)
        )
        hits = ((gap < FOOT_RADIUS) & (low[:, 2] < FOOT_HEIGHT)) | ((gap < BODY_RADIUS) & (low[:, 2] < BODY_HEIGHT))
        return self.names[int(hits.any(axis=0).argmax())] if hits.any() else None


def _furniture(scene: Scene, floor: Floor) -> _Furniture:
    fixed = [row for row, spec in enumerate(scene.objects) if not spec.movable]
    return _Furniture(tuple(scene.names[row] for row in fixed), scene.bounds().reshape(-1, 2, 3)[fixed], floor)


def _way(postures: Sequence[Posture]) -> Array:
    """(K, 2) places (m) that the base passes on its straight ways from home to the stands, none further than _PACE apart."""
    spots = [np.array(HOME[:2])]
    for stand in postures:
        end = np.array([stand.base_x, stand.base_y])
        steps = max(math.ceil(float(np.linalg.norm(end - spots[-1])) / _PACE), 1)
        spots.extend(spots[-1] + (end - spots[-1]) * (k / steps) for k in range(1, steps + 1))
    return np.array(spots[1:])


def reach(
    body: Kinematics,
    scene: Scene,
    points: Sequence[Array],
    turn: float = 0.0,
    headings: Sequence[float] = (),
    pitch: float = 0.0,
    straight: bool = False,
    against: Cost = lambda hand: 0.0,
    floor: Floor = ANYWHERE,
) -> Reach:
    """How to bring the hand to (3,) points in turn; at the last it has turned by so many rad against the others.

    The heading is the one that bends the wrist and drives the base least, and has the least against it. straight: from one
    stand. OutOfReachError where there is no way, or where the base would stand in, or drive through, furniture or off the floor.
    """
    best: tuple[float, Reach] | None = None
    obstacle, furniture = "", _furniture(scene, floor)
    for hands in _candidates(body, points, turn, headings or HEADINGS, pitch):
        stands = _stands(body, hands, straight)
        if stands is None:
            continue
        found = Reach(hands, tuple(body.posture(hand, stand) for hand, stand in zip(hands, stands, strict=True)))
        blocked = furniture.hit(_way(found.postures))
        obstacle = blocked or obstacle
        cost = sum(abs(hand.heading) for hand in hands) + 20 * sum(abs(stand - HOME[0]) for stand in stands)
        cost += sum(map(against, hands))
        if blocked is None and (best is None or cost < best[0]):
            best = cost, found
    if best is None:
        where = ", then ".join(str(np.round(point, 3).tolist()) for point in points)
        unless = f" unless the base stands in {obstacle}" if obstacle else ""
        text = f"{where} is out of reach of joint_arm{unless}; choose a nearer place"
        raise OutOfReachError(text, Ends.BASE if obstacle else Ends.DISTANCE)
    return best[1]


def crowding(body: Kinematics, boxes: Array, aperture: float) -> Cost:
    """Rad that a heading costs for every centimetre that (N, 2, 3) boxes reach into the open gripper's fingers."""
    along = np.linspace(-_TIP_RADIUS, body.tool.reach, 16)
    aside = np.array([-1.0, -0.5, 0.0, 0.5, 1.0]) * (aperture / 2 + _ASIDE)

    def cost(hand: Hand) -> float:
        c, s = math.cos(hand.heading), math.sin(hand.heading)
        x = hand.x - along[:, None] * c - aside * s
        y = hand.y - along[:, None] * s + aside * c
        bottom = hand.z - _TIP_RADIUS + _FINGER_SLOPE * np.maximum(along, 0.0)[:, None]
        points = np.stack([x, y, np.broadcast_to(bottom, x.shape)], axis=-1).reshape(-1, 1, 3)
        depth = np.minimum(points - boxes[:, 0], boxes[:, 1] - points)[..., :2].min(axis=-1) + _FINGER
        inside = (depth > 0) & (points[..., 2] < boxes[:, 1, 2]) & (points[..., 2] > boxes[:, 0, 2] - 0.1)
        return float(np.where(inside, depth, 0.0).max(axis=0, initial=0.0).sum() * 100 * _PER_CENTIMETRE)

    return cost


def _candidates(
    body: Kinematics, points: Sequence[Array], turn: float, headings: Sequence[float], pitch: float
) -> Iterator[tuple[Hand, ...]]:
    yaw = body.axes["yaw"]
    for first in headings:
        for last in (first + turn, first + turn - 2 * math.pi, first + turn + 2 * math.pi):
            if yaw.low <= first <= yaw.high and yaw.low <= last <= min(FOLDED, yaw.high):
                ways = [first] * (len(points) - 1) + [last]
                yield tuple(Hand(float(p[0]), float(p[1]), float(p[2]), way, pitch) for p, way in zip(points, ways, strict=True))


def _stands(body: Kinematics, hands: Sequence[Hand], straight: bool) -> tuple[float, ...] | None:
    """The base's x (m) for every pose: one for all where the arm is long enough, else one each unless `straight`."""
    arms, arm = [body.posture(hand, HOME[0]).arm for hand in hands], body.axes["arm"]
    low, high = max(arms) - arm.high, min(arms) - arm.low
    if low <= high:
        return (HOME[0] + float(np.clip(0.0, low, high)),) * len(hands)
    return None if straight else tuple(body.stand_for(hand, HOME[0]) for hand in hands)
