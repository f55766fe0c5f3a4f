"""A robot in simulation that is no more than a hand: physics carries its skills out, ray casting is its camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import mujoco
import numpy as np
from transforms3d.quaternions import mat2quat

from fail2progress.core.camera import Camera
from fail2progress.core.observation import SECOND, SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import FRAME, Array, Scene
from fail2progress.robots.base import RefusedError, Robot
from fail2progress.simulation.base import Disturbances, Job, Outcome, Simulator, Snapshot
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import optical_pose, photograph
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import infeasible

OPTICAL = "camera_color_optical_frame"
HAND = "floating_hand"
"""What the records of failures call it."""


@dataclass
class SimulatedRobot(Robot):
    """Starts in a scene; `truth` and `outcomes` are for judging, the loop does not see them."""

    kind = HAND
    simulator: Simulator
    start: Scene
    camera: Camera = field(default_factory=Camera)
    seed: int = 0
    disturbances: Disturbances = field(default_factory=Disturbances)
    outcomes: list[Outcome] = field(default_factory=list)
    progress: Callable[[float, str], None] = lambda share, phase: None

    def __post_init__(self) -> None:
        self._now: Snapshot = self.simulator.settle(self.start, self.camera, self.seed)

    @property
    def truth(self) -> RelationState:
        """The relations that hold, by the simulator."""
        return self._now.relations

    @property
    def scene(self) -> Scene:
        """Where everything is."""
        return self._now.scene

    def observe(self) -> SegmentedCloud:
        """See Robot."""
        return replace(self._now.cloud, stamp=len(self.outcomes) * SECOND)

    def execute(self, call: SkillCall) -> None:
        """See Robot."""
        try:
            reason = infeasible(self._now.scene, call)
        except ValueError as error:
            raise RefusedError(f"{call.object} has not been seen ({error})") from error
        if reason is not None:
            raise RefusedError(reason)
        self.progress(0.0, call.skill)
        seed, adjusted = self.seed + len(self.outcomes) + 1, self.adjustments.get(call.skill, {})
        job = Job(self._now.scene, call, self.camera, seed, self.disturbances, adjusted)
        self.outcomes.append(self.simulator.execute(job))
        self._now = self.outcomes[-1].after
        self.progress(1.0, call.skill)

    @property
    def now(self) -> float:
        """Skills carried out: the hand knows no other time."""
        return float(len(self.outcomes))

    def stop(self) -> None:
        """A hand's skill is over at once; there is nothing to stop."""

    def frame(self) -> RgbdFrame:
        """An RGB-D image of what is there, with true labels."""
        bodies = compile_scene(self.scene)
        mujoco.mj_forward(bodies.model, bodies.data)
        return photograph(bodies, self.scene, self.camera, stamp=round(self.now * SECOND))

    @property
    def looks(self) -> tuple[RgbdFrame, ...]:
        """What its camera sees at rest: one frame."""
        return (self.frame(),)

    def joints(self) -> dict[str, tuple[float, float, float]]:
        """A hand has none."""
        return {}

    def transforms(self) -> list[tuple[str, str, Array]]:
        """Parent, child and (7,) pose of the camera."""
        pose = optical_pose(self.camera)
        return [(FRAME, OPTICAL, np.concatenate([pose[:3, 3], mat2quat(pose[:3, :3])]))]
