"""A Stretch RE2 in simulation: its own kinematics, joints within their limits, its head camera; no ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from fail2progress.core.observation import SECOND, SegmentedCloud
from fail2progress.core.relations import DEFAULT, RelationState, Thresholds, ground_truth
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import FRAME, Array, Scene
from fail2progress.perception.segmentation.base import Segmenter
from fail2progress.perception.segmentation.registry import LABEL_IMAGE
from fail2progress.perception.segmentation.registry import segmenter as segmenter_named
from fail2progress.robots.base import ExecutionError, RefusedError, Robot
from fail2progress.robots.stretch.body import START, StretchBody, looks, plan
from fail2progress.robots.stretch.camera import WIDE, HeadCamera, aim_at
from fail2progress.robots.stretch.description import (
    AXES,
    BASE,
    GRASP,
    JOINTS,
    LINKS,
    OPTICAL,
    RE2,
    WHEEL_RADIUS,
    WHEEL_SEPARATION,
    local_transforms,
    matrix,
)
from fail2progress.robots.stretch.kinematics import HOME
from fail2progress.robots.stretch.seen import known
from fail2progress.robots.stretch.simulated.bodies import close_on, compile_stretch, grip_for, own, refuse_strange
from fail2progress.robots.stretch.simulated.camera import posed, together
from fail2progress.robots.stretch.simulated.motion import Motion, MotionError, Progress, StoppedError
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Disturbances, Outcome, Snapshot
from fail2progress.simulation.held import Held
from fail2progress.simulation.knock import knocked
from fail2progress.simulation.mujoco.bodies import TIMESTEP
from fail2progress.simulation.mujoco.rgbd import DepthNoise
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import infeasible
from fail2progress.skills.phases import OutOfReachError, Phase, ProgramError
from fail2progress.skills.registry import skill

ODOM = "odom"
GRASP_TOLERANCE = 0.015
"""Metres that an object's centre may be beside the hand's for the fingers to close on it."""
_SETTLE = 1.6
"""Seconds at most until everything rests after a skill."""
_REST_SPEED = 0.01
_THERE = 0.005
"""Metres or radians from the look-out pose that count as there."""


@dataclass
class SimulatedStretch(Robot):
    """Starts at its look-out pose before a scene. Physics moves on only within `execute`.

    `frame`, `joints` and `transforms` may be read from `progress` while a skill is under way, `stop` may be called from anywhere;
    nothing else is safe for several threads. `truth`, `scene` and `outcomes` are for judging, the loop does not see them.
    OrdinaryPhysicsError where it is made with a centre of mass or a restitution other than ordinary.
    """

    kind = RE2
    start: Scene
    seed: int = 0
    disturbances: Disturbances = field(default_factory=Disturbances)
    camera: HeadCamera = WIDE
    body: StretchBody = field(default_factory=StretchBody)
    noise: DepthNoise = DepthNoise()  # noqa: RUF009 (frozen)
    segmenter: Segmenter = field(default_factory=lambda: segmenter_named(LABEL_IMAGE))
    progress: Progress = lambda share, phase: None
    thresholds: Thresholds = DEFAULT
    by_sight: bool = False
    """Work skills out from the boxes around what the camera saw, as the real robot must, not from where things truly are."""
    outcomes: list[Outcome] = field(default_factory=list)
    simulator: str = simulators.DEFAULT
    """A registered simulator that a robot with bodies of its own can act in; RegistryError for any other."""

    def __post_init__(self) -> None:
        self._opened = simulators.stage(self.simulator)
        refuse_strange(self.disturbances)
        self._calls = 0
        self._last: RgbdFrame | None = None
        self._stage = compile_stretch(self.start, np.array(HOME), world=self.disturbances, opened=self._opened)
        self._motion = Motion(self._stage, START.copy())
        self._rest()
        self._looks = self._look_around()
        self._now = self._snapshot(self.start)

    @property
    def now(self) -> float:
        """Simulated seconds since the start."""
        return self._motion.now

    @property
    def truth(self) -> RelationState:
        """The relations that hold, by the simulator."""
        return self._now.relations

    @property
    def scene(self) -> Scene:
        """Where everything was when the robot last came to rest."""
        return self._now.scene

    @property
    def looks(self) -> tuple[RgbdFrame, ...]:
        """What the head camera saw when the robot came to rest, one frame for each of its looks."""
        return self._looks

    def observe(self) -> SegmentedCloud:
        """See Robot: the segments of all looks together. Nothing moves, time stands still."""
        return self._now.cloud

    def picture(self) -> NDArray[np.uint8] | None:
        """See Robot: the first of its looks."""
        return self._looks[0].colour

    def execute(self, call: SkillCall) -> None:
        """See Robot. ExecutionError also after `stop`, and where a joint stalls; the robot then stays as it is."""
        self._motion.stopping = False
        refusal: type[ExecutionError] = RefusedError
        if self._recovery():
            self.recover()
            refusal = ExecutionError  # what was seen before is not so any more
        believed = known(self.observe()) if self.by_sight else self._now.scene
        try:
            reason = infeasible(believed, call)
        except ValueError as error:
            raise refusal(f"{call.object} has not been seen ({error})") from error
        if reason is not None:
            raise refusal(reason)
        try:
            phases = plan(believed, call, replace(self.body, adjustments=self._true_adjustments(call)))
        except (OutOfReachError, ProgramError) as error:
            raise refusal(str(error)) from error
        before = self._now
        self._calls += 1
        grip = grip_for(call.object, phases)
        self._stage = compile_stretch(before.scene, np.array(HOME), grip, self.disturbances, self._opened)
        self._motion.attach(self._stage)
        self._carry_out(lambda: self._perform(call, phases))
        self.outcomes.append(Outcome(call, before, self._now, {"simulated": self.now - before.cloud.stamp / SECOND}, stable=True))

    def _true_adjustments(self, call: SkillCall) -> dict[str, float]:
        """What is commanded, with the errors of the hand."""
        commanded, names = self.adjustments.get(call.skill, {}), [one.name for one in skill(call.skill).adjustables]
        return {name: self.disturbances.adjusted(commanded, name) for name in names}

    def aim(self, point: Array) -> None:
        """Turn the camera to a (3,) point (m, planning frame). ExecutionError where the head does not turn so far."""
        ahead, aside, turn = map(float, self._motion.positions()[:3])
        base = matrix(np.array([*HOME[:2], 0.0]), Rotation.from_euler("z", HOME[2])) @ (ahead, aside, 0.0, 1.0)
        self._motion.stopping = False
        try:
            pan, tilt = aim_at(point, float(base[0]), float(base[1]), HOME[2] + turn)
            self._motion.run((Phase("aim", {"pan": pan, "tilt": tilt}),), {}, self.progress)
        except (OutOfReachError, MotionError) as error:
            raise ExecutionError(str(error)) from error

    def recover(self) -> None:
        """After a skill that ended half-way: put down what is held, go home and look. `execute` does so where it is needed."""
        self._motion.stopping = False
        phases = self._recovery()
        self._carry_out(lambda: self._motion.run(phases, {"open": self._stage.release}, self.progress))

    def _recovery(self) -> tuple[Phase, ...]:
        at = dict(zip(AXES, map(float, self._motion.at), strict=True))
        return self.body.recovery(self.scene, at, self._holding, dict.fromkeys(AXES, _THERE))

    def stop(self) -> None:
        """End the motion under way within 0.2 s of simulated time; the running `execute` raises. Without one, nothing happens."""
        self._motion.stopping = True

    def frame(self) -> RgbdFrame:
        """What the head camera sees now, with true labels; taken once for any simulated time, as casting the rays takes long."""
        stamp = round(self.now * SECOND)
        if self._last is None or self._last.stamp != stamp:
            self._stage.refresh()
            rng = np.random.default_rng([self.seed, round(self.now / TIMESTEP)])
            view = posed(self._stage, self.camera)
            self._last = self._stage.photograph(self.start, view, self.noise, rng, stamp=stamp)
        return self._last

    def joints(self) -> dict[str, tuple[float, float, float]]:
        """Position (m, rad), velocity and effort (N, Nm) of every joint, under the names of the robot's ROS 2 driver."""
        columns = (self._motion.positions(), self._motion.velocities(), self._motion.efforts())
        values = {name: (float(p), float(v), float(e)) for name, p, v, e in zip(JOINTS, *columns, strict=True)}
        x, y, turn = (values.pop(name) for name in ("odom_x", "odom_y", "odom_turn"))
        arm = [values[f"joint_arm_l{i}"] for i in range(4)]
        values["wrist_extension"] = (sum(part[0] for part in arm), sum(part[1] for part in arm), arm[0][2])
        forward = float(np.cos(turn[0]) * x[1] + np.sin(turn[0]) * y[1])
        for name, half in (("joint_left_wheel", -WHEEL_SEPARATION / 2), ("joint_right_wheel", WHEEL_SEPARATION / 2)):
            way, speed = self._motion.driven + half * turn[0], forward + half * turn[1]
            values[name] = (way / WHEEL_RADIUS, speed / WHEEL_RADIUS, 0.0)
        return values

    def transforms(self) -> list[tuple[str, str, Array]]:
        """Parent, child and (7,) pose (m, w x y z) of the child in the parent: everything from odom to the camera and the hand.

        The planning frame is fixed in odom: where the base was at plan time, turned so that x leads away from the arm's side.
        """
        base = self._motion.positions()[:3]
        home = matrix(np.array([HOME[0], HOME[1], 0.0]), Rotation.from_euler("z", HOME[2]))
        moving = matrix(np.array([base[0], base[1], 0.0]), Rotation.from_euler("z", base[2]))
        local = local_transforms({name: value[0] for name, value in self.joints().items()})
        local[OPTICAL] = local[OPTICAL] @ matrix(np.zeros(3), Rotation.from_matrix(self.camera.mounting()))
        names = [(ODOM, FRAME), (ODOM, BASE), *((link.parent, link.name) for link in LINKS)]
        poses = _poses(np.stack([np.linalg.inv(home), moving, *(local[link.name] for link in LINKS)]))
        return [(parent, child, pose) for (parent, child), pose in zip(names, poses, strict=True)]

    @property
    def _holding(self) -> bool:
        return self._stage.holding

    def _carry_out(self, motion: Callable[[], None]) -> None:
        """Move, come to rest and look. ExecutionError where the motion ended early."""
        try:
            motion()
            self._rest()
            self._looks = self._look_around()
            if self._motion.stopping:
                raise StoppedError("stopped on request when all was done but the looking")
        except MotionError as error:
            self._rest()
            self._looks = (self.frame(),)
            raise ExecutionError(str(error)) from error
        finally:
            self._now = self._snapshot(self._now.scene)

    def _perform(self, call: SkillCall, phases: tuple[Phase, ...]) -> None:
        rng = np.random.default_rng([self.seed, self._calls])
        missed = bool(rng.random() < self.disturbances.grasp_miss)
        slips_at = float(rng.random()) if rng.random() < self.disturbances.grasp_slip else 2.0
        grip = self._true_adjustments(call).get("grip", 0.0)
        held = Held(self.disturbances.friction * (1.0 + grip) / self.disturbances.weight)

        def close() -> None:
            if not missed and self._within_fingers(call.object):
                close_on(self._stage, call.object)

        def watch(phase: str, share: float) -> None:
            if phase == "carry" and (share > slips_at or held.after(self.now)):
                self._stage.release()

        self._motion.run(phases, {"close": close, "open": self._stage.release}, self.progress, watch)
        if self.disturbances.bump and rng.random() < self.disturbances.bump:
            found = knocked(self._now.scene, call.object, rng)
            if found is not None:
                self._stage.knock(*found)

    def _within_fingers(self, name: str) -> bool:
        """Whether the centre of the grasp lies in an object, give or take what fingers forgive."""
        hand, body = self._stage.body(own(GRASP)), self._stage.body(name)
        local = body.rotation.T @ (hand.position - body.position)
        return bool((np.abs(local) < self.start.sizes[self.start.index(name)] / 2 + GRASP_TOLERANCE).all())

    def _rest(self) -> None:
        """Hold still until nothing moves any more, at most so long."""
        begin = self.now
        while self.now - begin < _SETTLE:
            self._motion.wait(0.1, self.progress)
            if self._stage.speed < _REST_SPEED:
                return

    def _look_around(self) -> tuple[RgbdFrame, ...]:
        """A frame from every direction that the camera needs. Only the head moves."""
        frames: list[RgbdFrame] = []
        self._motion.run(looks(self.camera), {"look": lambda: frames.append(self.frame())}, self.progress)
        return tuple(frames)

    def _snapshot(self, was: Scene) -> Snapshot:
        scene = self._stage.read(was)
        relations = ground_truth(scene, self._stage.touching(len(scene), self.thresholds.contact), self.thresholds)
        return Snapshot(scene, relations, together([self.segmenter.segment(frame) for frame in self._looks], scene.names))


def _poses(transforms: Array) -> Array:
    """(n, 4, 4) to (n, 7) m and unit quaternions w, x, y, z."""
    quats = Rotation.from_matrix(transforms[:, :3, :3]).as_quat(scalar_first=True)
    return np.concatenate([transforms[:, :3, 3], quats], axis=1)
