"""Skills as tables of phases for a Stretch: which joints go where, in which order (paper A.10).

Everything is worked out before anything moves, so that what cannot be reached is refused in time. Poses come from what was seen:
the box around an object's points, in the planning frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.robots.stretch.real.joints import JOINTS
from fail2progress.robots.stretch.real.kinematics import BasePose, Floor, Hand, Posture, Tool, UnreachableError, lift_at, postures
from fail2progress.skills.base import SkillCall

OPEN, CLOSED, SQUEEZE = 100.0, 0.0, -50.0
"""Gripper positions in stretch_body's per cent: as wide as it goes, fingers just touching, squeezing."""
CLEARANCE = 0.04
"""Metres between the lowest moving thing and the highest standing one on the way."""
GAP = 0.01
"""Metres between hand and object where a push begins."""
APPROACH = 0.06
"""Metres in front of a drawer where the hand stops first."""


@dataclass(frozen=True)
class Phase:
    """One motion: joints to positions (m, rad, %), or the base to a pose. With `contact`, resistance is arrival."""

    name: str
    to: Mapping[str, float] = field(default_factory=dict)
    drive: BasePose | None = None
    contact: bool = False
    together: bool = False


@dataclass(frozen=True)
class Site:
    """What a skill is worked out for: boxes (2, 3) of the object and (N, 2, 3) of all that was seen, hand, base and floor (m)."""

    box: Array
    boxes: Array
    tool: Tool
    base: BasePose
    floor: Floor = field(default_factory=Floor)

    @property
    def centre(self) -> Array:
        """(3,) middle of the object's box."""
        return np.asarray(self.box.mean(axis=0))

    @property
    def size(self) -> Array:
        """(3,) extents of the object's box."""
        return np.asarray(self.box[1] - self.box[0])


def phases(call: SkillCall, site: Site) -> tuple[Phase, ...]:
    """The phases that carry a call out. UnreachableError if the robot's reach or grip is too small for it."""
    return _TABLES[call.skill](call, site)


def _pick_place(call: SkillCall, site: Site) -> tuple[Phase, ...]:
    dx, dy, dz, turn = call.parameters
    grasp = _grasp(site)
    place = grasp.moved(dx, dy, dz, turn)
    (pick,) = postures((grasp,), site.tool, site.base, site.floor)
    (put,) = postures((place,), site.tool, pick.base, site.floor)
    empty, loaded = _travel(site), _travel(site, float(site.size[2]) / 2)
    return (
        *_tuck(empty, OPEN),
        *_above(pick, site),
        Phase("lower", {"lift": pick.lift}),
        Phase("grip", {"stretch_gripper": SQUEEZE}, contact=True),
        Phase("raise", {"lift": loaded}),
        Phase("retract", {"arm": 0.0}),
        *_above(put, site),
        Phase("set down", {"lift": put.lift}, contact=True),
        Phase("release", {"stretch_gripper": OPEN}, contact=True),
        *_leave(loaded),
    )


def _push(call: SkillCall, site: Site) -> tuple[Phase, ...]:
    direction, distance = call.parameters
    c, s = math.cos(direction), math.sin(direction)
    back = _extent(site.size, c, s) / 2 + site.tool.half_width + GAP
    start = _hand(site.centre - back * np.array([c, s, 0.0]), site)
    end = start.moved(c * (distance + GAP), s * (distance + GAP))
    first, last = postures((start, end), site.tool, site.base, site.floor)
    travel = _travel(site)
    return (
        *_tuck(travel, CLOSED),
        *_above(first, site),
        Phase("lower", {"lift": first.lift}),
        _slide("push", first, last),
        *_leave(travel),
    )


def _open_drawer(call: SkillCall, site: Site) -> tuple[Phase, ...]:
    near, at, out = _along(call, site)
    return (
        *_before_front(near, site, OPEN),
        Phase("reach", {"arm": at.arm}, contact=True),
        Phase("grip", {"stretch_gripper": SQUEEZE}, contact=True),
        _slide("pull", at, out),
        Phase("release", {"stretch_gripper": OPEN}, contact=True),
        Phase("retract", {"arm": 0.0}),
    )


def _close_drawer(call: SkillCall, site: Site) -> tuple[Phase, ...]:
    near, at, shut = _along(call, site)
    return (
        *_before_front(near, site, CLOSED),
        Phase("reach", {"arm": at.arm}, contact=True),
        _slide("push", at, shut, contact=True),
        Phase("retract", {"arm": 0.0}),
    )


def _grasp(site: Site) -> Hand:
    """Over the object's middle, closing across its narrower side."""
    width, turned = float(site.size[1]), 0.0
    if width > site.tool.opening and site.size[0] < width:
        width, turned = float(site.size[0]), math.pi / 2
    if width > site.tool.opening:
        raise UnreachableError(f"the object is {width:.3f} m wide, the gripper opens {site.tool.opening:.3f} m: push it instead")
    return _hand(site.centre, site, turned)


def _hand(at: Array, site: Site, heading: float = 0.0) -> Hand:
    """The hand at a point (3,), pointing as far down as it can."""
    return Hand(float(at[0]), float(at[1]), float(at[2]), heading, site.tool.down)


def _travel(site: Site, hanging: float = 0.0) -> float:
    """Position of the lift (m) at which the hand, fingers down, and what hangs so far (m) below it clear all that was seen."""
    height = float(site.boxes[:, 1, 2].max()) + CLEARANCE + hanging
    lift = lift_at(height, site.tool, site.tool.down)
    if lift > JOINTS["lift"].high:
        raise UnreachableError(
            f"the lift would have to be at {lift:.2f} m to clear what stands there, it reaches {JOINTS['lift'].high:g} m: "
            "use a lower table"
        )
    return max(lift, JOINTS["lift"].low)


def _tuck(lift: float, gripper: float) -> tuple[Phase, ...]:
    """Up and in before the base moves, whatever came before."""
    return (
        Phase("raise", {"lift": lift}),
        Phase("retract", {"arm": 0.0}),
        Phase("fingers", {"stretch_gripper": gripper}, contact=True),
    )


def _before_front(posture: Posture, site: Site, gripper: float) -> tuple[Phase, ...]:
    """Level with a drawer's front, a little before it."""
    return (
        *_tuck(_travel(site), gripper),
        Phase("drive", drive=posture.base),
        Phase("orient", _wrist(posture, site)),
        Phase("lower", {"lift": posture.lift}),
        Phase("near", {"arm": posture.arm}),
    )


def _above(posture: Posture, site: Site) -> tuple[Phase, ...]:
    return (
        Phase("drive", drive=posture.base),
        Phase("orient", _wrist(posture, site)),
        Phase("reach", {"arm": posture.arm}),
    )


def _wrist(posture: Posture, site: Site) -> dict[str, float]:
    wrist = {"wrist_yaw": posture.yaw}
    return {**wrist, "wrist_pitch": posture.pitch} if site.tool.pitches else wrist


def _leave(lift: float) -> tuple[Phase, ...]:
    return (Phase("raise", {"lift": lift}), Phase("retract", {"arm": 0.0}))


def _slide(name: str, start: Posture, end: Posture, contact: bool = False) -> Phase:
    """A straight line of the hand: arm and base move together."""
    return Phase(name, {"arm": end.arm, "translate": end.base.y - start.base.y}, contact=contact, together=True)


def _front(site: Site) -> Hand:
    """The middle of a drawer's front, which faces the robot (-x)."""
    return Hand(float(site.box[0, 0]), float(site.centre[1]), float(site.centre[2]))


def _along(call: SkillCall, site: Site) -> tuple[Posture, ...]:
    """Postures before a drawer's front, at it, and at the end of the drawer's way."""
    direction, distance = call.parameters
    front = _front(site)
    end = front.moved(distance * math.cos(direction), distance * math.sin(direction))
    return postures((front.moved(-APPROACH, 0.0), front, end), site.tool, site.base, site.floor)


def _extent(size: Array, c: float, s: float) -> float:
    """How far a box reaches along a direction (m)."""
    return float(abs(c) * size[0] + abs(s) * size[1])


_TABLES: dict[str, Callable[[SkillCall, Site], tuple[Phase, ...]]] = {
    "pick_place": _pick_place,
    "push": _push,
    "open_drawer": _open_drawer,
    "close_drawer": _close_drawer,
}
