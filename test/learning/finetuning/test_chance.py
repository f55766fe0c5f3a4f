"""Executions where things bounce: of simulators that know such worlds, and of those that do not."""

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.learning.finetuning.chance import bounced
from fail2progress.learning.finetuning.worlds import explained
from fail2progress.simulation.base import Job, OrdinaryPhysicsError, Outcome, Simulator, Snapshot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.registry import SimulatorError
from fail2progress.simulation.track import record
from fail2progress.skills.base import SkillCall
from fail2progress.stein.physics import NOMINAL

SPECS = (ObjectSpec("table", "table", (0.6, 0.9, 0.04)), ObjectSpec("it", "cuboid", (0.05, 0.05, 0.03)))
SCENE = Scene(SPECS, np.stack([pose(0.6, 0.0, 0.48), pose(0.55, 0.0, 0.515)]))
PUSH = Job(SCENE, SkillCall("push", "it", (0.3, 0.12)), seed=4)
SEEN = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]])


class SetPoints(Simulator):
    """Knows one physics: what a job asks for goes through its set-points."""

    def execute(self, job: Job) -> Outcome:
        record(job)
        return MujocoSimulator().execute(job)

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        return MujocoSimulator().settle(scene, camera, seed)


class Broken(SetPoints):
    """Fails at every job."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def execute(self, job: Job) -> Outcome:
        raise self.error


def test_a_simulator_of_set_points_bounces_nothing_and_explains_nothing() -> None:
    assert SetPoints().execute(PUSH).stable
    assert bounced([PUSH, PUSH], SetPoints()) == [None, None]
    assert explained(SCENE, PUSH.call, SEEN, SetPoints(), ("friction", "weight"), 0) is NOMINAL
    (other,) = bounced([PUSH], MujocoSimulator())
    assert other is not None and other.stable


@pytest.mark.parametrize("error", [SimulatorError("worker 'x' was lost 3 times"), ValueError("operands of other shapes")])
def test_a_simulator_that_fails_is_none_that_knows_one_physics(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        bounced([PUSH], Broken(error))
    with pytest.raises(type(error), match=str(error)):
        explained(SCENE, PUSH.call, SEEN, Broken(error), ("friction",), 0)


def test_a_motion_that_was_not_seen_explains_nothing() -> None:
    assert explained(SCENE, PUSH.call, np.full((2, 3), np.nan), Broken(OrdinaryPhysicsError()), ("friction",), 0) is NOMINAL
