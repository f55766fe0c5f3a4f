"""The real Stretch behind the Robot interface. It has not been run on a real robot; see docs/decisions/0009-real-stretch.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array
from fail2progress.robots.base import Robot
from fail2progress.robots.stretch.real.driver import Clock, StretchDriver, SystemClock
from fail2progress.robots.stretch.real.joints import JOINTS, odometry, read, wrap
from fail2progress.robots.stretch.real.kinematics import TOOLS, BasePose, Floor, UnreachableError
from fail2progress.robots.stretch.real.motion import Rules
from fail2progress.robots.stretch.real.readout import base_pose, joints, transforms
from fail2progress.robots.stretch.real.skills import SQUEEZE, Phase, Site, phases
from fail2progress.robots.stretch.real.states import State, StretchError, Trouble
from fail2progress.robots.stretch.real.transport import StretchTransport, TransportError
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import STRETCH_RE2, Limits

Progress = Callable[[float, str], None]


@dataclass
class StretchRobot(Robot):
    """A Stretch RE2. The planning frame is where the base stands when this is made, turned by 90 degrees: x along the arm.

    transport: the robot (stretch_transport.connect()). look: the camera's segments in the planning frame; pose() says where the
    base is in it. alive() must be called at 20 Hz or more by whoever wants the robot to move.
    """

    transport: StretchTransport
    look: Callable[[], SegmentedCloud]
    clock: Clock = field(default_factory=SystemClock)
    rules: Rules = field(default_factory=Rules)
    limits: Limits = STRETCH_RE2
    floor: Floor = field(default_factory=Floor)
    progress: Progress = lambda share, phase: None
    """Told the share of the skill's phases that is done, and which one begins."""
    phase: str = field(default="", init=False)
    """What it is doing, for feedback."""
    _squeezing: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.transport.eoa_name not in TOOLS:
            raise TransportError(f"unknown tool {self.transport.eoa_name!r}; this robot can use: {', '.join(TOOLS)}")
        self._tool = TOOLS[self.transport.eoa_name]
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
        """End all motion and let go of the devices; the robot is of no use afterwards."""
        self._driver.stop()
        self.transport.stop()

    def pose(self) -> BasePose:
        """Where the base is in the planning frame, by its odometry."""
        return base_pose(odometry(self._driver.status()), self._origin)

    def joints(self) -> dict[str, tuple[float, float, float]]:
        """See stretch_readout.joints."""
        return joints(self._driver.status())

    def transforms(self) -> list[tuple[str, str, Array]]:
        """See stretch_readout.transforms."""
        return transforms(self._driver.status(), self._origin, self._tool.pitches)

    @property
    def holding(self) -> bool:
        """Whether something keeps the squeezing fingers apart."""
        gripper = read(self._driver.status(), JOINTS["stretch_gripper"])
        return self._squeezing and gripper.position > SQUEEZE + 2 * JOINTS["stretch_gripper"].tolerance

    def observe(self) -> SegmentedCloud:
        """See Robot. What was seen last is where execute() takes objects to be."""
        self._seen = self.look()
        return self._seen

    def execute(self, call: SkillCall) -> None:
        """See Robot. StretchError says which kind of trouble it was, and what to do; the robot then stands still."""
        site = self._site(call)
        try:
            table = phases(call, site)
        except UnreachableError as error:
            raise StretchError(Trouble.UNREACHABLE, f"{call}: {error}") from error
        with self._driver.goal():
            for number, phase in enumerate(table):
                self.progress(number / len(table), phase.name)
                self._run(phase)
        self.phase = ""

    def point_head(self, pan: float, tilt: float) -> None:
        """Turn the camera (rad)."""
        with self._driver.goal():
            self._driver.move({"head_pan": pan, "head_tilt": tilt})

    def _site(self, call: SkillCall) -> Site:
        cloud = self._seen
        if cloud is None:
            raise StretchError(Trouble.NOT_SEEN, "nothing has been looked at yet: call observe() first")
        if call.object not in cloud.names or not cloud.seen[cloud.index(call.object)]:
            raise StretchError(Trouble.NOT_SEEN, f"{call.object} has not been seen: turn the head or the base, then observe()")
        boxes = cloud.bounds()
        box = boxes[cloud.index(call.object)]
        self._check_workspace(call, box)
        return Site(box, boxes[cloud.seen], self._tool, self.pose(), self.floor)

    def _check_workspace(self, call: SkillCall, box: Array) -> None:
        """Where the object is and where it shall go must lie within the limits."""
        here = box.mean(axis=0)
        for place in (here, here + _displacement(call)):
            if (place < self.limits.low).any() or (place > self.limits.high).any():
                raise StretchError(
                    Trouble.LIMIT,
                    f"{call} leads to {np.round(place, 3).tolist()} m, outside {self.limits.low} to {self.limits.high}: "
                    "choose a place within",
                )

    def _run(self, phase: Phase) -> None:
        self.phase = phase.name
        if phase.drive is not None:
            self._drive(phase.drive)
            return
        self._driver.move(phase.to, contact=phase.contact, together=phase.together)
        if "stretch_gripper" in phase.to:
            self._squeezing = phase.to["stretch_gripper"] == SQUEEZE

    def _drive(self, to: BasePose) -> None:
        """First to its x, turned by 90 degrees, then to its y; a leg shorter than the base can resolve is left out."""
        now = self.pose()
        if abs(to.x - now.x) > 2 * JOINTS["translate"].tolerance:
            self._turn(0.0)
            self._driver.move({"translate": to.x - self.pose().x})
        self._turn(to.heading)
        along = to.y - self.pose().y
        if abs(along) > JOINTS["translate"].tolerance:
            self._driver.move({"translate": along})

    def _turn(self, heading: float) -> None:
        by = wrap(heading - self.pose().heading)
        if abs(by) > JOINTS["rotate"].tolerance:
            self._driver.move({"rotate": by})


def _displacement(call: SkillCall) -> Array:
    """How far a call moves its object at most (m)."""
    if call.skill == "pick_place":
        return np.array(call.parameters[:3])
    direction, distance = call.parameters
    return distance * np.array([math.cos(direction), math.sin(direction), 0.0])
