"""What a failed motion tells of the world's physics becomes a coordinate of particles."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.physics import PROPERTIES, disturbances, shifts
from fail2progress.learning.finetuning.targeted import TargetOptions, target
from fail2progress.learning.finetuning.worlds import drawn, explained
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.simulation.base import Disturbances, Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.stein.physics import NOMINAL

SLIPPERY = 0.13


@pytest.fixture(scope="module")
def push() -> Job:
    specs = (ObjectSpec("table", "table", (0.6, 0.9, 0.04)), ObjectSpec("it", "cuboid", (0.05, 0.05, 0.03)))
    scene = Scene(specs, np.stack([pose(0.6, 0.0, 0.48), pose(0.55, 0.0, 0.515)]))
    return Job(scene, SkillCall("push", "it", (0.3, 0.12)), seed=4)


def test_a_slide_that_was_too_long_makes_the_world_slippery(push: Job) -> None:
    simulator = MujocoSimulator()
    world = simulator.execute(replace(push, disturbances=Disturbances(surface=SLIPPERY)))
    seen = shifts(world.before.cloud, world.after.cloud, push.scene.names)
    found = explained(push.scene, push.call, seen, simulator, ("friction",), 0)
    assert found.names == ("friction",)
    assert np.exp(float(found.likeliest[0])) == pytest.approx(SLIPPERY, rel=0.3)
    worlds = drawn(found, 40, 1)
    assert 0.7 * SLIPPERY < np.median([one.surface for one in worlds]) < 1.3 * SLIPPERY
    assert all(one.weight == 1.0 and one.bounce == 0.0 for one in worlds)


def test_an_ordinary_motion_tells_nothing(push: Job) -> None:
    simulator = MujocoSimulator()
    world = simulator.execute(push)
    seen = shifts(world.before.cloud, world.after.cloud, push.scene.names)
    assert explained(push.scene, push.call, seen, simulator, ("friction",), 0) is NOMINAL
    assert drawn(NOMINAL, 2, 0) == [Disturbances()] * 2


def test_properties_go_by_their_names(event: FailureEvent, model: Points2Plans) -> None:
    assert disturbances({"weight": 2.0, "restitution": 0.4}) == Disturbances(weight=2.0, bounce=0.4)
    assert all(prop.disturb(prop.low).in_contact or prop.low == prop.ordinary for prop in PROPERTIES.values())
    with pytest.raises(ValueError, match="property of physics 'gravity'"):
        TargetOptions(physics=("gravity",))
    brief = TargetOptions(samples=3, oversampling=2.0, state_steps=4, action_steps=3, physics=("friction",))
    made = target(event, model, MujocoSimulator(), brief, 0)
    assert made.states.shape[1] == made.space.chart().dimensions
