"""What a skill's program may ask of a Stretch: kinematics, and the ways that every skill shares (see skills/phases.py)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.robots.stretch import reach as search
from fail2progress.robots.stretch.camera import HeadCamera
from fail2progress.robots.stretch.description import AXES, finger_angle
from fail2progress.robots.stretch.kinematics import HOME, Kinematics
from fail2progress.robots.stretch.reach import ANYWHERE, FOLDED, HEADINGS, Floor
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import Cost, Phase, Posture, Reach, contained, program_of, wrapped

LOOK_OUT = {"lift": 0.40, "arm": 0.0, "yaw": 3.4, "pitch": 0.0, "pan": -math.pi / 2, "tilt": -0.72, "grip": 0.05}
"""Arm retracted below the tables' line of sight, wrist stowed over the base as stretch_body does, head towards the arm's side."""
CLEARANCE = 0.04
"""Metres between what is carried and the highest thing on its way, or where it starts and ends."""
OVER = 0.05
"""Metres between the empty hand and the highest thing on its way."""
START = np.array([LOOK_OUT.get(name, 0.0) for name in AXES])
"""Axes at the look-out pose, the base at home."""
_HEAD = ("pan", "tilt")

Where = tuple[float, float, float]
"""The base's x, y (m) and turn (rad) in the odometry frame."""


@dataclass(frozen=True)
class StretchBody:
    """A Stretch as programs see it (`skills.phases.Body`); floor: where its base may stand."""

    kinematics: Kinematics = field(default_factory=Kinematics)
    floor: Floor = ANYWHERE
    headings: Sequence[float] = HEADINGS
    adjustments: Mapping[str, float] = field(default_factory=dict)
    """Of the skill that is planned."""

    def adjusted(self, name: str) -> float:
        """See Body."""
        return self.adjustments.get(name, 0.0)

    @property
    def opening(self) -> float:
        """See Body."""
        return self.kinematics.tool.opening

    @property
    def closed_hand(self) -> tuple[float, float, float]:
        """See Body."""
        return self.kinematics.tool.closed

    @property
    def fingertip(self) -> float:
        """See Body."""
        return self.kinematics.tool.fingertip

    @property
    def folded(self) -> float:
        """See Body."""
        return FOLDED

    @property
    def down(self) -> float:
        """See Body."""
        return self.kinematics.tool.down

    def lowest(self, pitch: float) -> float:
        """See Body."""
        return self.kinematics.lowest(pitch)

    def lift(self, height: float, pitch: float, why: str) -> float:
        """See Body."""
        return self.kinematics.lift(height, pitch, why)

    def fingers(self, aperture: float) -> float:
        """See Body."""
        return finger_angle(aperture)

    def reach(
        self,
        scene: Scene,
        points: Sequence[Array],
        *,
        turn: float = 0.0,
        headings: Sequence[float] = (),
        pitch: float = 0.0,
        straight: bool = False,
        against: Cost = lambda hand: 0.0,
    ) -> Reach:
        """See Body."""
        return search.reach(self.kinematics, scene, points, turn, headings, pitch, straight, against, self.floor)

    def crowding(self, boxes: Array, aperture: float) -> Cost:
        """See Body."""
        return search.crowding(self.kinematics, boxes, aperture)

    def safe(self, scene: Scene, way: Reach, lowest: float) -> float:
        """See Body."""
        top = max(_highest(scene, way, None) + OVER, lowest + CLEARANCE)
        return self.lift(top, way.hands[0].pitch, "passing over what stands there")

    def carrying(self, scene: Scene, way: Reach, name: str, lowest: float, hanging: float) -> float:
        """See Body."""
        top = max(lowest, _highest(scene, way, scene.index(name)) + hanging) + CLEARANCE
        return self.lift(top, way.hands[0].pitch, f"carrying {name} over what stands there")

    def approach(self, first: Posture, safe: float, aperture: float) -> tuple[Phase, ...]:
        """See Body."""
        driving = _drive((0.0, 0.0, 0.0), _where(first))
        if len(driving) == 1:
            driving = (Phase("drive", {**driving[0].goals, "lift": safe}),)
        else:
            driving = (Phase("drive", {"lift": safe}), *driving)
        return (*driving, Phase("reach", {"arm": first.arm, **self._wrist(first), "grip": self.fingers(aperture)}))

    def carry(self, first: Posture, last: Posture) -> tuple[Phase, ...]:
        """Along a straight line if the base only has to drive along its heading; otherwise with the arm retracted."""
        if first.base_x == last.base_x:
            return (Phase("carry", {**_base(last), "arm": last.arm, **self._wrist(last)}),)
        driving = (Phase("carry", phase.goals) for phase in _drive(_where(first), _where(last)))
        return (Phase("carry", {"arm": 0.0}), *driving, Phase("carry", {"arm": last.arm, **self._wrist(last)}))

    def straight(self, posture: Posture) -> Mapping[str, float]:
        """See Body."""
        return {**_base(posture), "arm": posture.arm}

    def leave(self, safe: float, last: Posture) -> tuple[Phase, ...]:
        """See Body."""
        return self._home(safe, _where(last), "home")

    def recovery(self, scene: Scene, at: Mapping[str, float], holding: bool, near: Mapping[str, float]) -> tuple[Phase, ...]:
        """Back to the look-out pose from axes anywhere: put down what is held, up above everything, back, home.

        near: how far from the look-out pose (m, rad) an axis counts as there; others than these do not matter. Nothing to do
        gives no phases.
        """
        goals = {**{name: 0.0 for name in AXES}, **LOOK_OUT}
        if all(abs(at[name] - goals[name]) < near[name] for name in near if name not in _HEAD):
            return ()
        lift, pitch = self.kinematics.axes["lift"], at.get("pitch", 0.0)
        down = (
            Phase("put down", {"lift": lift.low}, guarded=True),
            Phase("release", {"grip": self.fingers(self.opening)}, hand="open"),
        )
        highest = float(scene.bounds()[:, 1, 2].max(initial=0.0)) + OVER
        top = min(max(highest, self.lowest(pitch)), self.kinematics.height(pitch) + lift.high)
        up = min(max(at["lift"], self.lift(top, pitch, "clearing the scene")), lift.high)
        return (*(down if holding else ()), *self._home(up, (at["x"], at["y"], at["turn"]), "recover"))

    def _home(self, safe: float, where: Where, name: str) -> tuple[Phase, ...]:
        """Up, back, fold, drive home."""
        *driving, last = _drive(where, (0.0, 0.0, 0.0))
        folded = {"arm": 0.0, "yaw": LOOK_OUT["yaw"], **self._pitched(LOOK_OUT["pitch"]), "grip": LOOK_OUT["grip"]}
        return (
            Phase(name, {"lift": safe}),
            Phase(name, folded),
            *(Phase(name, phase.goals) for phase in driving),
            Phase(name, {**last.goals, "lift": LOOK_OUT["lift"]}),
        )

    def _wrist(self, posture: Posture) -> dict[str, float]:
        return {"yaw": posture.yaw, **self._pitched(posture.pitch)}

    def _pitched(self, pitch: float) -> dict[str, float]:
        return {"pitch": pitch} if self.kinematics.tool.pitches else {}


def plan(scene: Scene, call: SkillCall, body: StretchBody) -> tuple[Phase, ...]:
    """The phases of a skill from the look-out pose and back. OutOfReachError where the robot cannot get there."""
    return program_of(call.skill, "stretch")(scene, call, body)


def looks(camera: HeadCamera) -> tuple[Phase, ...]:
    """A look in every direction that the camera needs to see the whole workspace. Only the head moves."""
    return tuple(Phase("look", {"pan": pan, "tilt": tilt}, look=True) for pan, tilt in camera.looks)


def _where(stand: Posture) -> Where:
    """The base's x, y and turn in the odometry frame, at the working heading."""
    east, north = stand.base_x - HOME[0], stand.base_y - HOME[1]
    c, s = math.cos(HOME[2]), math.sin(HOME[2])
    return c * east + s * north, -s * east + c * north, 0.0


def _base(stand: Posture) -> dict[str, float]:
    x, y, _ = _where(stand)
    return {"x": x, "y": y}


def _drive(begin: Where, end: Where) -> tuple[Phase, ...]:
    """Turn, translate along the heading, turn: all that a differential drive can do; at least one phase, which may be empty."""
    dx, dy = end[0] - begin[0], end[1] - begin[1]
    heading = begin[2] if math.hypot(dx, dy) < 1e-4 else math.atan2(dy, dx)
    if math.hypot(dx, dy) >= 1e-4:
        heading = begin[2] + wrapped(heading - begin[2])
        heading -= math.pi * round((heading - begin[2]) / math.pi)
    turns = [Phase("drive", {"turn": heading})] if abs(heading - begin[2]) > 1e-6 else []
    back = [Phase("drive", {"turn": end[2]})] if abs(heading - end[2]) > 1e-6 else []
    return (*turns, Phase("drive", {"x": end[0], "y": end[1]}), *back)


def _highest(scene: Scene, way: Reach, carried: int | None) -> float:
    """Top (m) of everything under the arm on its way; what is carried and contained is left out."""
    bounds = scene.bounds()
    spots = np.array([(hand.x, hand.y) for hand in way.hands])
    low, high = spots.min(axis=0) - 0.25, spots.max(axis=0) + 0.15
    if carried is None or not way.one_stand:
        low[0] = min(float(low[0]), HOME[0])
    near = ((bounds[:, 0, :2] < high) & (bounds[:, 1, :2] > low)).all(axis=1)
    if carried is not None:
        near &= ~contained(scene, carried)
    return float(bounds[near, 1, 2].max(initial=0.0))
