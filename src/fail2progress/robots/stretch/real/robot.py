"""The real Stretch behind the Robot interface. It has not been run on a real robot; see docs/decisions/0009-real-stretch.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array, Scene
from fail2progress.robots.base import Robot
from fail2progress.robots.stretch.body import StretchBody, looks, plan
from fail2progress.robots.stretch.camera import D435I, HeadCamera, aim_at
from fail2progress.robots.stretch.description import RE2
from fail2progress.robots.stretch.free_space import obstacle
from fail2progress.robots.stretch.kinematics import HOME, TOOLS, BasePose
from fail2progress.robots.stretch.reach import Floor
from fail2progress.robots.stretch.real.calibration import Calibration, kinematics_of
from fail2progress.robots.stretch.real.driver import Clock, StretchDriver, SystemClock
from fail2progress.robots.stretch.real.joints import JOINT_OF, JOINTS, SQUEEZE, odometry, per_cent, read, volts, wrap
from fail2progress.robots.stretch.real.motion import Rules
from fail2progress.robots.stretch.real.readout import base_pose, joints, transforms
from fail2progress.robots.stretch.real.states import State, StretchError, StretchRefusedError, Trouble
from fail2progress.robots.stretch.real.transport import Status, StretchTransport, TransportError
from fail2progress.robots.stretch.seen import known, merged
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import STRETCH_RE2, Limits
from fail2progress.skills.phases import OutOfReachError, Phase, ProgramError

Progress = Callable[[float, str], None]
_NEAR = {"x": 0.02, "y": 0.02, "turn": 0.03, "lift": 0.02, "arm": 0.02, "yaw": 0.1, "grip": 0.1}
"""How far from the look-out pose (m, rad) an axis is there: a few of its tolerances."""


@dataclass
class StretchRobot(Robot):
    """A Stretch RE2. The planning frame is where the base stands when this is made, turned by 90 degrees: x along the arm.

    transport: the robot (transport.connect()). look: the camera's segments in the planning frame, taken after it is called;
    pose() says where the base is in it. alive() must be called at 20 Hz or more by the client that moves the robot.
    """

    kind = RE2
    transport: StretchTransport
    look: Callable[[], SegmentedCloud]
    clock: Clock = field(default_factory=SystemClock)
    rules: Rules = field(default_factory=Rules)
    limits: Limits = STRETCH_RE2
    floor: Floor = field(default_factory=Floor)
    camera: HeadCamera = D435I
    calibration: Calibration = field(default_factory=Calibration)
    progress: Progress = lambda share, phase: None
    """Told the share of the skill's phases that is done, and which one begins."""
    around: Callable[[], Array | None] = lambda: None
    """(N, 3) points (m, planning frame) of all that the last look saw, segment or not; None where that is not known. The base
    does not drive where one of them stands."""
    phase: str = field(default="", init=False)
    """What it is doing, for feedback."""
    acted: bool = field(default=False, init=False)
    """Whether the skill under way has moved anything yet, or the last one has."""
    _squeezing: bool = field(default=False, init=False)
    _squeeze: float = field(default=SQUEEZE, init=False)
    """Per cent that the closed fingers are sent to."""
    _views: list[SegmentedCloud] = field(default_factory=list, init=False)
    _looked: float = field(default=-math.inf, init=False)
    _around: list[Array] = field(default_factory=list, init=False)
    _stood: list[tuple[float, float]] = field(default_factory=list, init=False)
    """Where the base was (m, planning frame) when it saw that."""

    def __post_init__(self) -> None:
        if self.transport.eoa_name not in TOOLS:
            raise TransportError(f"unknown tool {self.transport.eoa_name!r}; this robot can use: {', '.join(TOOLS)}")
        self.body = StretchBody(kinematics_of(self.transport, self.calibration), self.floor)
        self._rose: dict[str, bool] = {}
        self._driver = StretchDriver(self.transport, self.clock, self.rules)
        self._origin = odometry(self._driver.status())
        self._seen: SegmentedCloud | None = None

    @property
    def state(self) -> State:
        """What the robot's driver is in."""
        return self._driver.state

    @property
    def reason(self) -> str:
        """Why it is not idle, and what to do."""
        return self._driver.reason

    def alive(self) -> None:
        """The client's heartbeat; motion ends within 0.2 s of the last one."""
        self._driver.alive()

    def stop(self) -> None:
        """End all motion and abort the running goal; from any thread. resume() lets it go on."""
        self._driver.stop()

    def resume(self) -> None:
        """Take goals again after a stop, a fault or a released run-stop."""
        self._driver.resume()

    def close(self) -> None:
        """End all motion and release the devices; the robot cannot be used afterwards."""
        self._driver.stop()
        self.transport.stop()

    def pose(self) -> BasePose:
        """Where the base is in the planning frame, by its odometry."""
        return base_pose(odometry(self._driver.status()), self._origin)

    def joints(self) -> dict[str, tuple[float, float, float]]:
        """See readout.joints."""
        status = self._driver.status()
        return joints(status, self._added(status))

    def transforms(self) -> list[tuple[str, str, Array]]:
        """See readout.transforms."""
        status = self._driver.status()
        tool, urdf = self.body.kinematics.tool, self.calibration.urdf
        return transforms(status, self._origin, tool.pitches, self._added(status), urdf)

    @property
    def volts(self) -> float | None:
        """Of its battery; None where that is not told."""
        return volts(self._driver.status())

    @property
    def holding(self) -> bool:
        """Whether something keeps the squeezing fingers apart."""
        gripper = read(self._driver.status(), JOINTS["stretch_gripper"])
        return self._squeezing and gripper.position > self._squeeze + 2 * JOINTS["stretch_gripper"].tolerance

    def observe(self) -> SegmentedCloud:
        """See Robot: all looks of the camera together. What was seen last is where execute() takes objects to be."""
        self.acted = False
        with self._driver.goal():
            self._run_all(looks(self.camera))
        return self._see()

    def execute(self, call: SkillCall) -> None:
        """See Robot: home first where it is elsewhere, the skill's program, and looks at what has become of it.

        StretchError says which kind of trouble it was, and what to do; the robot then stands still.
        """
        scene = self._scene(call)
        try:
            recovery = self.body.recovery(scene, self.axes(), self._squeezing, _NEAR)
            phases = (*recovery, *plan(scene, call, self._adjusted(call)), *looks(self.camera))
        except OutOfReachError as error:
            raise StretchRefusedError(Trouble.UNREACHABLE, f"{call}: {error}") from error
        except ProgramError as error:
            raise StretchRefusedError(Trouble.UNREACHABLE, str(error)) from error
        self.acted = True
        self._squeeze = self.squeeze(call)
        with self._driver.goal():
            self._run_all(phases)
        self._see()
        self.phase = ""

    def _adjusted(self, call: SkillCall) -> StretchBody:
        return replace(self.body, adjustments=self.adjustments.get(call.skill, {}))

    def squeeze(self, call: SkillCall) -> float:
        """Where the fingers are sent to hold something, in per cent: firmer where that was corrected, within their range."""
        return max(SQUEEZE * (1.0 + self._adjusted(call).adjusted("grip")), JOINTS["stretch_gripper"].low)

    def aim(self, point: Array) -> None:
        """Turn the camera to a (3,) point (m, planning frame). StretchError where the head does not turn so far."""
        base = self.pose()
        try:
            pan, tilt = aim_at(point, base.x, base.y, base.heading)
        except OutOfReachError as error:
            raise StretchError(Trouble.LIMIT, str(error)) from error
        self.point_head(pan, tilt)

    def point_head(self, pan: float, tilt: float) -> None:
        """Turn the camera (rad)."""
        with self._driver.goal():
            self._run_all((Phase("aim", {"pan": pan, "tilt": tilt}),))
        self.phase = ""

    def axes(self) -> dict[str, float]:
        """Where everything is that a phase can send somewhere (m, rad)."""
        status = self._driver.status()
        x, y, turn = self._odometry()
        fitted = {axis: name for axis, name in JOINT_OF.items() if axis != "pitch" or self.body.kinematics.tool.pitches}
        grip = float(status["end_of_arm"]["stretch_gripper"]["gripper_conversion"]["finger_rad"])
        added = self._added(status)
        at = {axis: read(status, JOINTS[name]).position + added.get(axis, 0.0) for axis, name in fitted.items()}
        return {"x": x, "y": y, "turn": turn, "grip": grip, **at}

    def _added(self, status: Status) -> dict[str, float]:
        """What calibration adds to the readings of arm (m), pan and tilt (rad)."""
        offsets, rose = self.calibration.offsets, self._rose
        names = {axis: JOINTS[JOINT_OF[axis]] for axis in ("arm", "pan", "tilt")}
        return {axis: offsets.of(axis, read(status, joint).position, rose.get(axis, True)) for axis, joint in names.items()}

    def _odometry(self) -> tuple[float, float, float]:
        """The base's x, y (m) and turn (rad) against where it stood at plan time."""
        base = self.pose()
        return base.y, -base.x, wrap(base.heading - HOME[2])

    def fresh(self, seconds: float) -> bool:
        """Whether it has looked around within so many seconds, and not moved since."""
        return self.clock.now() - self._looked < seconds

    def _see(self) -> SegmentedCloud:
        """What the looks of the last motion saw, together."""
        self._seen = merged(self._views)
        self._looked = self.clock.now()
        return self._seen

    def _scene(self, call: SkillCall) -> Scene:
        cloud = self._seen
        if cloud is None:
            raise StretchRefusedError(Trouble.NOT_SEEN, "nothing has been looked at yet: call observe() first")
        if call.object not in cloud.names or not cloud.seen[cloud.index(call.object)]:
            said = f"{call.object} has not been seen: turn the head or the base, then observe()"
            raise StretchRefusedError(Trouble.NOT_SEEN, said)
        scene = known(cloud)
        self._check_workspace(call, scene.position(call.object))
        return scene

    def _check_workspace(self, call: SkillCall, here: Array) -> None:
        """Where the object is and where it shall go must lie within the limits."""
        for place in (here, here + call.shift):
            if (place < self.limits.low).any() or (place > self.limits.high).any():
                raise StretchRefusedError(
                    Trouble.LIMIT,
                    f"{call} leads to {np.round(place, 3).tolist()} m, outside {self.limits.low} to {self.limits.high}: "
                    "choose a place within",
                )

    def _run_all(self, phases: Sequence[Phase]) -> None:
        """Carry phases out one after the other, within a goal."""
        self._views.clear()
        self._looked = -math.inf
        for number, phase in enumerate(phases):
            self.phase = phase.name
            self.progress(number / len(phases), phase.name)
            to = self._positions(phase)
            self._check_way(to.get("translate", 0.0))
            # Fingers that are stopped on their way may hold something already, or still.
            self._squeezing = self._squeezing or phase.hand == "close"
            self._driver.move(to, contact=phase.guarded, together=True)
            if "grip" in phase.goals:
                self._squeezing = phase.hand == "close"
            if phase.look:
                self._take_in()

    def _take_in(self) -> None:
        """What the camera sees now: the first look of a motion takes the place of what was seen before it."""
        if not self._views:
            self._around, self._stood = [], []
        self._views.append(self.look())
        seen, base = self.around(), self.pose()
        if seen is not None:
            self._around.append(seen)
            self._stood.append((base.x, base.y))

    def _check_way(self, ahead: float) -> None:
        """StretchError where something that was seen stands within the base's outline on a straight drive (m)."""
        if not self._around or abs(ahead) < JOINTS["translate"].tolerance:
            return
        base = self.pose()
        start = np.array([base.x, base.y])
        end = start + ahead * np.array([math.cos(base.heading), math.sin(base.heading)])
        thing = obstacle(np.concatenate(self._around), start, end, np.array(self._stood))
        if thing is not None:
            raise StretchError(
                Trouble.BLOCKED,
                f"something stands in the base's way at x, y, z = {', '.join(f'{v:.2f}' for v in thing)} m, "
                f"{float(np.linalg.norm(thing[:2] - start)):.2f} m from its middle: clear the way, then look_around",
            )

    def _positions(self, phase: Phase) -> dict[str, float]:
        """A phase's goals as positions of joints, and as distances of the base from where it is now."""
        goals = phase.goals
        to = {JOINT_OF[axis]: self._reading(axis, value) for axis, value in goals.items() if axis in JOINT_OF}
        if "grip" in goals:
            to["stretch_gripper"] = self._squeeze if phase.hand == "close" else per_cent(goals["grip"])
        x, y, turn = self._odometry()
        if "turn" in goals:
            to["rotate"] = wrap(goals["turn"] - turn)
        if "x" in goals or "y" in goals:
            ahead = (goals.get("x", x) - x) * math.cos(turn) + (goals.get("y", y) - y) * math.sin(turn)
            to["translate"] = ahead
        return to

    def _reading(self, axis: str, value: float) -> float:
        """What stretch_body reads where an axis is truly at a value (m, rad), coming from where it is now; within its range."""
        joint = JOINTS[JOINT_OF[axis]]
        now = read(self._driver.status(), joint).position
        if abs(value - now) > joint.tolerance:
            self._rose[axis] = value > now
        reading = value - self.calibration.offsets.of(axis, value, self._rose.get(axis, True))
        return min(max(reading, joint.low), joint.high) if joint.low <= value <= joint.high else value
