"""Where the Stretch must stand and how it must hold its arm for the hand to be at a point: its kinematics inverted.

At its working heading the arm points along x of the planning frame and the base drives along y, so a hand pose has a closed
form: the heading of the hand is the wrist's, the lift gives z, the base y, and the arm x.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.robots.stretch.simulated.joints import AXES, GRASP, frames

HOME = (0.0, 0.0, math.pi / 2)
"""Base at plan time in the planning frame: x, y (m), heading (rad). The arm then points along x, to the tables."""
FOOT_RADIUS, FOOT_HEIGHT = 0.30, 0.17
"""Metres: everything of the base, however it is turned, lies within this radius and below this height."""
BODY_RADIUS, BODY_HEIGHT = 0.22, 1.40
"""Metres: mast, lift and retracted arm."""
HEADINGS = np.linspace(-1.65, 1.65, 23)
"""Headings (rad) of the hand that are tried, straight away from the robot first; further ones would fold it into the arm."""
_TIP_RADIUS, _FINGER = 0.022, 0.012
"""Metres: of a fingertip, and half a finger's thickness."""
_ASIDE = 0.03
"""Metres from the inside of an open finger to its middle, where it bows out."""
_FINGER_SLOPE = 0.5
"""Metres that the fingers rise for every metre from the tip to the wrist."""
_PER_CENTIMETRE = 6.0
_BEST_FIRST = sorted(HEADINGS.tolist(), key=abs)


class OutOfReachError(ValueError):
    """A pose that the robot cannot bring its hand to: the joint that ends first and what to do."""


@dataclass(frozen=True)
class Geometry:
    """The few lengths (m) that the closed form needs, read off the kinematics at zero."""

    wrist: tuple[float, float]
    """Wrist axis from the base's centre at home: along x, along y."""
    hand: float
    """From the wrist's axis to the centre of the grasp."""
    height: float
    """Of the grasp above the floor with the lift at zero."""


def _geometry() -> Geometry:
    zero = frames({})
    wrist, hand = zero["link_wrist_yaw"][:3, 3], zero[GRASP][:3, 3]
    return Geometry((-float(wrist[1]), float(wrist[0])), float(np.linalg.norm((hand - wrist)[:2])), float(hand[2]))


GEOMETRY = _geometry()


@dataclass(frozen=True)
class Hand:
    """A pose of the hand in the planning frame: centre of the grasp (m) and heading (rad)."""

    x: float
    y: float
    z: float
    heading: float = 0.0

    def at_height(self, z: float) -> Hand:
        """The same place at another height."""
        return Hand(self.x, self.y, z, self.heading)


@dataclass(frozen=True)
class Posture:
    """Base (m, planning frame, at the working heading) and joints that bring the hand to a pose."""

    base_x: float
    base_y: float
    lift: float
    arm: float
    yaw: float

    def goals(self) -> Mapping[str, float]:
        """Of the lift, the arm and the wrist."""
        return {"lift": self.lift, "arm": self.arm, "yaw": self.yaw}


def posture(hand: Hand, stand: float) -> Posture:
    """The only posture for a hand pose with the base's x (m) given; joints may lie outside their limits."""
    wrist_x = hand.x - GEOMETRY.hand * math.cos(hand.heading)
    wrist_y = hand.y - GEOMETRY.hand * math.sin(hand.heading)
    arm = wrist_x - GEOMETRY.wrist[0] - stand
    return Posture(stand, wrist_y - GEOMETRY.wrist[1], hand.z - GEOMETRY.height, arm, hand.heading)


def stand_for(hand: Hand, preferred: float) -> float:
    """The base's x (m) nearest to a preferred one from which the arm is long and short enough."""
    arm = posture(hand, preferred).arm
    return preferred + (arm - float(np.clip(arm, AXES["arm"].low, AXES["arm"].high)))


def lift_for(height: float, why: str) -> float:
    """Lift (m) for a height of the hand. OutOfReachError beyond the joint's range."""
    lift, axis = height - GEOMETRY.height, AXES["lift"]
    if not axis.low - 1e-9 <= lift <= axis.high + 1e-9:
        raise OutOfReachError(
            f"{why} needs the hand at {height:.3f} m, but joint_lift takes it from {GEOMETRY.height + axis.low:.3f} to "
            f"{GEOMETRY.height + axis.high:.3f} m; choose another height"
        )
    return lift


def standable(scene: Scene, x: float, y: float) -> str | None:
    """What the base would collide with at a place, or None. Furniture above the base's height may overhang it."""
    for spec, (low, high) in zip(scene.objects, scene.bounds(), strict=True):
        if spec.movable:
            continue
        gap = math.hypot(max(low[0] - x, x - high[0], 0.0), max(low[1] - y, y - high[1], 0.0))
        if (gap < FOOT_RADIUS and low[2] < FOOT_HEIGHT) or (gap < BODY_RADIUS and low[2] < BODY_HEIGHT):
            return spec.name
    return None


@dataclass(frozen=True)
class Reach:
    """Postures that bring the hand to some points one after the other."""

    hands: tuple[Hand, ...]
    postures: tuple[Posture, ...]

    @property
    def one_stand(self) -> bool:
        """Whether the base only drives along its working heading in between: then the hand moves straight."""
        return len({p.base_x for p in self.postures}) == 1


Cost = Callable[[Hand], float]
"""What speaks against a hand pose besides bending the wrist, in rad."""


def reach(
    scene: Scene,
    points: Sequence[Array],
    turn: float = 0.0,
    headings: Sequence[float] = (),
    straight: bool = False,
    against: Cost = lambda hand: 0.0,
) -> Reach:
    """How to bring the hand to (3,) points in turn; at the last it has turned by so many rad against the others.

    The heading is the one that bends the wrist and drives the base least, and has the least against it. straight: from one
    stand. OutOfReachError where there is no way, or where the base would stand in furniture.
    """
    best: tuple[float, Reach] | None = None
    obstacle = "front of it"
    for hands in _candidates(points, turn, headings or _BEST_FIRST):
        stands = _stands(hands, straight)
        if stands is None:
            continue
        found = Reach(hands, tuple(posture(hand, stand) for hand, stand in zip(hands, stands, strict=True)))
        blocked = [standable(scene, p.base_x, p.base_y) for p in found.postures]
        obstacle = next(filter(None, blocked), obstacle)
        cost = sum(abs(hand.heading) for hand in hands) + 20 * sum(abs(stand - HOME[0]) for stand in stands)
        cost += sum(map(against, hands))
        if not any(blocked) and (best is None or cost < best[0]):
            best = cost, found
    if best is None:
        where = ", then ".join(str(np.round(point, 3).tolist()) for point in points)
        raise OutOfReachError(f"{where} is out of reach of joint_arm unless the base stands in {obstacle}; choose a nearer place")
    return best[1]


def crowding(boxes: Array, aperture: float) -> Cost:
    """Rad that a heading costs for every centimetre that (N, 2, 3) boxes reach into the open gripper's fingers."""
    along = np.linspace(-_TIP_RADIUS, GEOMETRY.hand, 16)
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


def _candidates(points: Sequence[Array], turn: float, headings: Sequence[float]) -> Iterator[tuple[Hand, ...]]:
    limit = max(abs(HEADINGS[0]), *map(abs, headings)) + 1e-9
    for first in headings:
        for last in (first + turn, first + turn - 2 * math.pi, first + turn + 2 * math.pi):
            if abs(last) <= limit and AXES["yaw"].low <= last <= AXES["yaw"].high:
                ways = [first] * (len(points) - 1) + [last]
                yield tuple(Hand(float(p[0]), float(p[1]), float(p[2]), way) for p, way in zip(points, ways, strict=True))


def _stands(hands: Sequence[Hand], straight: bool) -> tuple[float, ...] | None:
    """The base's x (m) for every pose: one for all where the arm is long enough, else one each unless `straight`."""
    arms = [posture(hand, HOME[0]).arm for hand in hands]
    low, high = max(arms) - AXES["arm"].high, min(arms) - AXES["arm"].low
    if low <= high:
        return (HOME[0] + float(np.clip(0.0, low, high)),) * len(hands)
    return None if straight else tuple(stand_for(hand, HOME[0]) for hand in hands)
