import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.core.camera import Camera
from fail2progress.core.objects import CATEGORIES
from fail2progress.core.relations import ground_truth
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.hierarchical import TASKS, HierarchicalTabletop, task

TASK = task("hierarchical-tabletop")
counts = st.sampled_from(TASK.counts)


@settings(max_examples=20)
@given(counts, st.integers(0, 10_000))
def test_the_same_seed_gives_the_same_trial(objects: int, seed: int) -> None:
    one, other = TASK.trial(objects, seed), HierarchicalTabletop().trial(objects, seed)
    assert one.scene.objects == other.scene.objects and one.stages == other.stages
    assert np.array_equal(one.scene.poses, other.scene.poses)
    assert not np.array_equal(one.scene.poses, TASK.trial(objects, seed + 1).scene.poses)


@settings(max_examples=20)
@given(counts, st.integers(0, 10_000))
def test_trials_start_with_everything_on_the_first_table_and_nothing_done(objects: int, seed: int) -> None:
    trial = TASK.trial(objects, seed)
    scene = trial.scene
    movable = [spec.name for spec in scene.objects if spec.movable]
    assert len(movable) == objects
    state = ground_truth(scene, np.zeros((len(scene),) * 2, bool))
    assert all(state.value("above", name, "table_a") for name in movable)
    assert not any(state.value("inside", a, b) for a in movable for b in movable)
    assert all(not stage.satisfied(state) for stage in trial.stages)


@pytest.mark.parametrize(
    ("objects", "cups", "expected"),
    [
        (3, 2, {"inside(capsule_1, cup_1)", "left(cup_1, cup_2)"}),
        (5, 2, {"inside(capsule_1, cup_1)", "inside(capsule_2, cup_2)", "inside(capsule_3, cup_1)", "left(cup_1, cup_2)"}),
        (
            7,
            3,
            {f"inside(capsule_{i}, cup_{j})" for i, j in ((1, 1), (2, 2), (3, 3), (4, 1))}
            | {"left(cup_1, cup_2)", "left(cup_2, cup_3)"},
        ),
    ],
)
def test_goals(objects: int, cups: int, expected: set[str]) -> None:
    trial = TASK.trial(objects, 0)
    there = {f"above(cup_{i + 1}, table_b)" for i in range(cups)}
    assert set(map(str, trial.goal.atoms)) == expected | there
    assert len(trial.stages) == 2
    assert {atom.relation for atom in trial.stages[0].atoms} == {"inside"}
    assert set(trial.stages[0].atoms) < set(trial.goal.atoms)


def test_free_order_drops_the_first_stage_and_nothing_else() -> None:
    ordered, free = TASK.trial(5, 3), HierarchicalTabletop(free_order=True).trial(5, 3)
    assert free.stages == (ordered.goal,)
    assert np.array_equal(free.scene.poses, ordered.scene.poses)


@pytest.mark.parametrize("objects", [-1, 0, 1, 4, 8])
def test_other_counts_are_refused(objects: int) -> None:
    with pytest.raises(ValueError, match=rf"3, 5, 7 objects, not {objects}"):
        TASK.trial(objects, 0)


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(ValueError, match=r"'juggling'.*hierarchical-tabletop"):
        task("juggling")
    assert all(name == known.name for name, known in TASKS.items())


@pytest.mark.parametrize(("objects", "seed"), [(3, 5), (5, 5), (7, 5)])
def test_trials_start_at_rest(simulator: MujocoSimulator, objects: int, seed: int) -> None:
    scene = TASK.trial(objects, seed).scene
    assert all(CATEGORIES[spec.category].movable or spec.category == "table" for spec in scene.objects)
    np.testing.assert_allclose(simulator.settle(scene, Camera()).scene.poses, scene.poses, atol=2e-3)
