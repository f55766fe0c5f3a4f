import pytest

from fail2progress.evaluation.doubts import doubts
from fail2progress.tasks.base import Trial
from fail2progress.tasks.registry import task, tasks

EDGES = ("boundary(cup_1, table_b)", "not boundary(cup_1, capsule_1)")


def test_nothing_speaks_against_the_tasks_of_the_package() -> None:
    assert [doubts(one.trial(one.counts[0], 0)) for one in tasks()] == [()] * len(tasks())


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("above(table_a, table_b)", "above(table_a, table_b): neither table_a nor table_b can be moved"),
        ("left(table_b, table_a)", "left(table_b, table_a): neither table_b nor table_a can be moved"),
        ("above(table_a, cup_1)", "above(table_a, cup_1): table_a is a table, which nothing moves"),
        ("open(cup_1)", "open(cup_1): cup_1 is a cup, only drawers open"),
        (
            "boundary(cup_1, capsule_1)",
            "boundary(cup_1, capsule_1): capsule_1 is a capsule of 0.03 by 0.03 m, "
            "only what is wider than 0.2 m both ways has an edge to stand at",
        ),
        ("movable(table_a)", "movable(table_a): no skill changes what table_a is"),
    ],
)
def test_what_no_skill_makes_true_is_told(goal: str, said: str) -> None:
    assert doubts(task("hierarchical-tabletop").trial(3, 0).with_goal(goal)) == (said,)


@pytest.mark.parametrize(
    "goal", ["left(table_a, table_b)", "not open(cup_1)", "not above(cup_1, table_a)", "open(drawer)", *EDGES]
)
def test_what_holds_or_can_be_reached_is_no_doubt(goal: str) -> None:
    name = "drawer-tidying" if "drawer" in goal else "hierarchical-tabletop"
    assert doubts(_trial(name).with_goal(goal)) == ()


def test_a_place_beyond_every_skill_is_told() -> None:
    trial = _trial("hierarchical-tabletop").with_goal("above(cup_1, table_b)")
    poses = trial.scene.poses.copy()
    poses[trial.scene.index("table_b"), 2] += 9.0
    far = Trial(trial.task, trial.objects, trial.seed, trial.scene.with_poses(poses), trial.stages)
    assert len(doubts(far)) == 1 and "from cup_1 in dz, pick_place goes to +2 m" in doubts(far)[0]


def _trial(name: str) -> Trial:
    return task(name).trial(task(name).counts[0], 0)
