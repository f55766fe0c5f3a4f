"""A robot in simulation: physics carries its skills out, ray casting is its camera."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fail2progress.agent.robot import ExecutionError, Robot
from fail2progress.sim.base import Disturbances, Job, Outcome, Simulator, Snapshot
from fail2progress.sim.camera import Camera
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import infeasible
from fail2progress.world.observation import SegmentedCloud
from fail2progress.world.relations import RelationState
from fail2progress.world.scene import Scene


@dataclass
class SimulatedRobot(Robot):
    """Starts in a scene; `truth` and `outcomes` are for judging, the loop does not see them."""

    simulator: Simulator
    start: Scene
    camera: Camera = field(default_factory=Camera)
    seed: int = 0
    disturbances: Disturbances = field(default_factory=Disturbances)
    outcomes: list[Outcome] = field(default_factory=list)

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
        return replace(self._now.cloud, stamp=float(len(self.outcomes)))

    def execute(self, call: SkillCall) -> None:
        """See Robot."""
        reason = infeasible(self._now.scene, call)
        if reason is not None:
            raise ExecutionError(reason)
        job = Job(self._now.scene, call, self.camera, self.seed + len(self.outcomes) + 1, self.disturbances)
        self.outcomes.append(self.simulator.execute(job))
        self._now = self.outcomes[-1].after
