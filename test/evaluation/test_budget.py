import pytest

from fail2progress.core.goals import Goal
from fail2progress.evaluation.budget import shortest
from fail2progress.tasks.registry import task


@pytest.mark.parametrize("name", ["hierarchical-tabletop", "multi-object-transport"])
@pytest.mark.parametrize("objects", [3, 5, 7])
def test_every_object_of_these_tasks_is_moved_once(name: str, objects: int) -> None:
    assert {shortest(task(name).trial(objects, seed)) for seed in range(3)} == {objects}


def test_what_holds_already_takes_no_skill() -> None:
    trial = task("hierarchical-tabletop").trial(3, 0)
    assert shortest(trial.with_goal(Goal.parse("above(cup_1, table_a)"))) == 0
    assert shortest(trial.with_goal(Goal.parse("above(cup_1, table_a) and above(cup_1, table_b)"))) == 1


@pytest.mark.parametrize("objects", [1, 2, 3])
def test_a_drawer_that_is_opened_takes_a_skill_to_close(objects: int) -> None:
    assert shortest(task("drawer-tidying").trial(objects, 0)) == objects + 2
