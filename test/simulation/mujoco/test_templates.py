"""A compiled scene that is used again is the one that would be compiled afresh."""

import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.simulation.base import Disturbances, Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rays import Bodies
from fail2progress.simulation.mujoco.templates import Templates
from fail2progress.skills.programs import FLOATING_HAND, Equipment, HandProgram
from fail2progress.skills.registry import skill
from fail2progress.tasks.pretraining import job

SAME = (
    *("geom_type", "geom_size", "geom_pos", "geom_rbound", "geom_aabb", "geom_friction", "body_pos", "body_quat", "body_mass"),
    *("body_ipos", "body_subtreemass", "body_invweight0", "dof_invweight0", "dof_M0", "dof_length", "qpos0", "qpos_spring"),
    *("jnt_range", "eq_obj2id", "tree_sleep_policy", "actuator_acc0"),
)
NUMBERS = range(40)


def equipment(work: Job) -> Equipment:
    program: HandProgram = skill(work.call.skill).program(FLOATING_HAND)
    return program.equip(work.scene, work.call)


def inertia(bodies: Bodies) -> np.ndarray:
    """(N, 3) about the axes of the bodies, whichever order the compiler gives its axes."""
    turns = bodies.data.ximat.reshape(-1, 3, 3).transpose(0, 2, 1) @ bodies.data.xmat.reshape(-1, 3, 3)
    return np.asarray((turns**2 * bodies.model.body_inertia[:, :, None]).sum(axis=1))


@pytest.mark.parametrize(("weight", "surface"), [(1.0, 1.0), (1.7, 0.4)])
def test_a_model_that_was_written_is_the_one_that_would_be_compiled(weight: float, surface: float) -> None:
    templates, rng = Templates(), np.random.default_rng(0)
    for work in (job(1, number) for number in NUMBERS):
        fresh = compile_scene(work.scene, equipment(work), weight=weight, surface=surface)
        rays = rng.normal(size=(500, 3)) - [0.0, 0.0, 0.5]
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        with templates.ready(work.scene, equipment(work), Disturbances(weight=weight, surface=surface)) as written:
            for name in SAME:
                expected = np.asarray(getattr(fresh.model, name), float)
                np.testing.assert_allclose(getattr(written.model, name), expected, rtol=1e-9, atol=1e-12, err_msg=name)
            assert written.model.stat.meaninertia == pytest.approx(fresh.model.stat.meaninertia)
            np.testing.assert_allclose(inertia(written), inertia(fresh), rtol=1e-9)
            np.testing.assert_allclose(written.data.xpos, fresh.data.xpos, atol=1e-12)
            np.testing.assert_array_equal(
                written.cast(np.array(work.camera.eye), rays)[0], fresh.cast(np.array(work.camera.eye), rays)[0]
            )
    assert len(templates) < len(NUMBERS)


def test_an_outcome_does_not_depend_on_what_was_simulated_before() -> None:
    work = [job(1, number) for number in NUMBERS]
    there, back = MujocoSimulator(), MujocoSimulator()
    first = [there.execute(one) for one in work]
    there.execute(Job(work[0].scene, work[0].call, disturbances=Disturbances(weight=3.0, surface=0.2)))
    for one, outcome in zip(reversed(work), reversed(first), strict=True):
        again = back.execute(one)
        np.testing.assert_array_equal(again.after.scene.poses, outcome.after.scene.poses)
        np.testing.assert_array_equal(again.after.cloud.points, outcome.after.cloud.points)


@pytest.mark.parametrize(("first", "then"), [("shelf", "drawer"), ("drawer", "shelf")])
def test_what_slides_is_told_from_what_stands_fast_and_has_as_many_parts(first: str, then: str) -> None:
    """A drawer that was seen without its cabinet slides in nothing."""

    def scene(kind: str) -> Scene:
        things = ObjectSpec("table", "table", (0.6, 0.8, 0.04)), ObjectSpec("thing", kind, (0.2, 0.2, 0.1))
        return Scene(things, np.array([pose(0.6, 0.0, 0.48), pose(0.6, 0.0, 0.55)]), {"thing": 0.0} if kind == "drawer" else {})

    templates = Templates()
    for kind in (first, then):
        with templates.ready(scene(kind)) as bodies:
            assert bodies.model.njnt == compile_scene(scene(kind)).model.njnt == (kind == "drawer")


def test_what_is_in_use_is_not_given_away_and_no_more_is_kept_than_was_asked_for() -> None:
    one, other = job(1, 0), job(1, 1)
    templates = Templates(kept=1)
    with templates.ready(one.scene) as first, templates.ready(one.scene) as second, templates.ready(other.scene):
        assert first.data is not second.data and first.model is not second.model
    assert len(templates) == 1


def test_a_centre_of_mass_that_is_higher_and_contacts_that_bounce_are_written_and_taken_back() -> None:
    templates, work = Templates(), job(1, 0)
    with templates.ready(work.scene) as bodies:
        ordinary = bodies.model.body_ipos.copy(), bodies.model.geom_solref.copy()
    with templates.ready(work.scene, world=Disturbances(centre=1.5, bounce=0.5)) as bodies:
        for row, spec in enumerate(work.scene.objects, start=1):
            height = ordinary[0][row, 2] + spec.size[2] / 2
            expected = ordinary[0][row, 2] + 0.5 * height * spec.movable
            assert bodies.model.body_ipos[row, 2] == pytest.approx(expected)
        assert (bodies.model.geom_solref[:, 1] < 0.3).all()
    with templates.ready(work.scene) as bodies:
        np.testing.assert_array_equal(bodies.model.body_ipos, ordinary[0])
        np.testing.assert_array_equal(bodies.model.geom_solref, ordinary[1])


def test_what_bounces_leaves_the_table_again() -> None:
    from fail2progress.simulation.mujoco.hand import Running

    highest = {}
    for bounce in (0.0, 0.6):
        work = job(1, 0)
        row = next(row for row, spec in enumerate(work.scene.objects) if spec.category == "cuboid")
        poses = work.scene.poses.copy()
        poses[row, :3] += [0.0, 0.0, 0.15]
        with Templates().ready(work.scene.with_poses(poses), world=Disturbances(bounce=bounce)) as bodies:
            run = Running(bodies, work.scene)
            speeds = []
            for _ in range(150):
                run.step(1)
                speeds.append(float(bodies.data.body(1 + row).cvel[5]))
        highest[bounce] = max(speeds)
    assert highest[0.6] > highest[0.0] + 0.3


def test_more_bounce_than_the_steps_of_physics_bear_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bounce = 0\.8: .*more than 0\.6"):
        Disturbances(bounce=0.8)
