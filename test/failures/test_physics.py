"""What a motion tells of the friction between things."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.failures.physics import FINE, SURFACE, Inference, Posterior, explanation, shifts
from fail2progress.simulation.base import Disturbances, Job, Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall

SLIPPERY = 0.16


def posterior(middle: float, width: float) -> Posterior:
    values = np.geomspace(SURFACE.low, SURFACE.high, FINE)
    density = np.exp(-0.5 * (np.log(values / middle) / width) ** 2)
    return Posterior(values, density / density.sum())


@given(st.floats(0.2, 0.8), st.floats(0.03, 0.1))
def test_mean_spread_and_interval_are_those_of_the_density(middle: float, width: float) -> None:
    found = posterior(middle, width)
    assert found.mean == pytest.approx(middle, rel=0.05) and found.spread == pytest.approx(width, rel=0.1)
    low, high = found.interval(0.9)
    assert low < middle < high and np.log(high / low) == pytest.approx(2 * 1.645 * width, rel=0.25)
    assert found.tells


def test_a_value_at_the_end_of_what_was_tried_is_not_told() -> None:
    assert not posterior(SURFACE.low, 0.08).tells


def test_the_ordinary_friction_is_no_explanation() -> None:
    assert explanation(SURFACE, posterior(1.0, 0.1)) == ""
    assert explanation(SURFACE, posterior(0.2, 0.6)) == ""
    assert explanation(replace(SURFACE, ordinary=0.2), posterior(0.2, 0.08)) == ""
    assert "at 0.20 of the ordinary (0.1" in explanation(SURFACE, posterior(0.2, 0.08))


def test_densities_must_sum_to_one() -> None:
    with pytest.raises(ValueError, match="must sum to 1"):
        Posterior(np.array([0.5, 1.0]), np.array([0.5, 0.6]))


TABLE = ObjectSpec("table", "table", (0.8, 1.4, 0.04))
BLOCK = ObjectSpec("block", "cuboid", (0.06, 0.06, 0.05))
SCENE = Scene((TABLE, BLOCK), np.stack([pose(0.6, 0.0, 0.48), pose(0.6, 0.3, 0.525)]))
PUSH = SkillCall("push", "block", (-np.pi / 2, 0.06))


def pushed(surface: float) -> Outcome:
    """What a push does to the block over a ground of so much of the ordinary friction."""
    return MujocoSimulator().execute(Job(SCENE, PUSH, Camera(), seed=1, disturbances=Disturbances(surface=surface)))


def test_a_block_slides_on_over_slippery_ground_and_tells_how_slippery() -> None:
    world, ordinary = pushed(SLIPPERY), pushed(1.0)
    assert world.displacements[1, 1] < ordinary.displacements[1, 1] - 0.01
    seen = shifts(world.before.cloud, world.after.cloud, SCENE.names)
    found = Inference(MujocoSimulator(), Camera()).infer(world.before.scene, PUSH, seen)
    assert found.tells is True and found.mean == pytest.approx(SLIPPERY, rel=0.2)
    assert "would explain the motion" in explanation(SURFACE, found)


def test_a_motion_far_from_all_that_is_tried_still_tells_which_value_comes_nearest() -> None:
    """Also where the likelihood of each is too small for a number."""
    world = pushed(SLIPPERY)
    seen = shifts(world.before.cloud, world.after.cloud, SCENE.names)
    seen[1, 1] -= 2.0
    found = Inference(MujocoSimulator(), Camera(), repetitions=1).infer(world.before.scene, PUSH, seen)
    assert found.mean < SLIPPERY and found.surprise() > 3.0 and not found.tells


def test_a_motion_that_was_not_seen_is_refused() -> None:
    with pytest.raises(ValueError, match="no motion of the 2 objects was seen"):
        Inference(MujocoSimulator(), Camera()).infer(SCENE, PUSH, np.full((2, 3), np.nan))


def test_shares_of_the_ordinary_are_above_zero() -> None:
    with pytest.raises(ValueError, match="surface = 0"):
        Disturbances(surface=0.0)
