from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from fail2progress.core.camera import Camera
from fail2progress.core.goals import Atom, Goal
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.prediction import Belief, encode_observation
from fail2progress.planning import search as searching
from fail2progress.planning.relevance import Scene, relevant_steps
from fail2progress.planning.search import SearchOptions, search
from fail2progress.planning.steps import atom_rows
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.samplers import Segments, Step
from fail2progress.tasks.base import Trial
from fail2progress.tasks.registry import task

Make = Callable[..., SkillEffectModel]
SIMULATOR = MujocoSimulator()


def seen(model: SkillEffectModel, objects: int, seed: int) -> tuple[Trial, Belief, Segments]:
    trial = task("hierarchical-tabletop").trial(objects, seed)
    belief = encode_observation(model, SIMULATOR.settle(trial.scene, Camera(), seed).cloud)
    return trial, belief, Segments(belief.names, belief.categories)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(3))
def test_each_capsule_gets_one_step_into_its_cup(oracle: Make, seed: int) -> None:
    model = oracle()
    trial, belief, segments = seen(model, 5, seed)
    found = search(model, belief.state, trial.stages[0], segments, SearchOptions(), generator(seed))
    assert found.reached
    names = belief.names
    assert sorted((names[s.object], names[s.target]) for s in found.steps) == [
        ("capsule_1", "cup_1"),
        ("capsule_2", "cup_2"),
        ("capsule_3", "cup_1"),
    ]
    assert found.units.shape == (3, 2) and (found.units >= 0).all() and (found.units <= 1).all()
    assert torch.equal(model.detect(found.state).binary, found.relations.binary)


def test_a_goal_that_holds_needs_no_steps(oracle: Make) -> None:
    model = oracle()
    _, belief, segments = seen(model, 3, 0)
    found = search(model, belief.state, Goal((Atom("above", "cup_1", "table_a"),)), segments, SearchOptions(), generator())
    assert found.steps == () and found.reached and len(found.units) == 0


def test_a_goal_that_no_step_reaches_is_not_reached(oracle: Make) -> None:
    model = oracle()
    _, belief, segments = seen(model, 3, 0)
    for goal in (Goal((Atom("above", "table_a", "table_b"),)), Goal((Atom("inside", "cup_1", "capsule_1"),))):
        found = search(model, belief.state, goal, segments, SearchOptions(expansions=5), generator())
        assert not found.reached


def test_a_skill_that_the_model_was_not_trained_with_is_not_planned(oracle: Make) -> None:
    model = oracle()
    trial, belief, segments = seen(model, 3, 0)
    spoken = model.vocabulary
    model.vocabulary = replace(spoken, skills=tuple(skill for skill in spoken.skills if skill.name != "pick_place"))
    found = search(model, belief.state, trial.stages[0], segments, SearchOptions(expansions=5), generator())
    assert not found.reached and "pick_place" not in {step.skill for step in found.steps}


def test_options_bound_the_search(oracle: Make) -> None:
    model = oracle()
    trial, belief, segments = seen(model, 5, 0)
    one = search(model, belief.state, trial.stages[0], segments, SearchOptions(expansions=2), generator())
    assert len(one.steps) == 1 and not one.reached
    assert not search(model, belief.state, trial.stages[0], segments, SearchOptions(expansions=1), generator()).steps


def test_expansions_grow_with_the_goal_and_large_batches_come_in_parts(oracle: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = oracle()
    trial, belief, segments = seen(model, 7, 0)
    whole = search(model, belief.state, trial.stages[0], segments, SearchOptions(samples=8), generator())
    monkeypatch.setattr(searching, "_PAIRS", 8 * len(belief.names) ** 2)
    parts = search(model, belief.state, trial.stages[0], segments, SearchOptions(samples=8), generator())
    assert whole.steps and parts.steps == whole.steps and torch.equal(parts.units, whole.units)
    monkeypatch.setattr(searching, "LEAST_EXPANSIONS", 1)
    few = search(model, belief.state, trial.stages[0], segments, SearchOptions(samples=8), generator())
    assert few.reached
    monkeypatch.setattr(searching, "EXPANSIONS_EACH", 1)
    fewer = search(model, belief.state, trial.stages[0], segments, SearchOptions(samples=8), generator())
    spoken_of = len({atom.subject for atom in trial.stages[0].atoms})
    assert not fewer.reached and fewer.reason == f"the search was given up after {spoken_of} expansions"


def test_a_search_ends_when_its_time_is_up(oracle: Make) -> None:
    model = oracle()
    trial, belief, segments = seen(model, 3, 0)
    found = search(model, belief.state, trial.stages[0], segments, SearchOptions(seconds=0.0), generator())
    assert not found.steps and found.reason == "the search was given up after 0 s"


def test_the_same_generator_gives_the_same_skeleton(oracle: Make) -> None:
    model = oracle()
    trial, belief, segments = seen(model, 3, 1)
    one, other = (search(model, belief.state, trial.goal, segments, SearchOptions(), generator(4)) for _ in range(2))
    assert one.steps == other.steps and torch.equal(one.units, other.units) and one.score == other.score


def test_steps_follow_from_what_is_missing(oracle: Make) -> None:
    model = oracle()
    _, belief, segments = seen(model, 3, 0)
    row = {name: i for i, name in enumerate(belief.names)}
    goal = Goal((Atom("inside", "capsule_1", "cup_1"), Atom("above", "cup_1", "table_b"), Atom("left", "cup_1", "cup_2")))
    relations = model.detect(belief.state)

    def steps(atom: Atom, goal: Goal) -> list[Step]:
        return relevant_steps([atom_rows(atom, belief.names)], Scene.of(belief.state, relations, segments, goal))

    def placing(name: str, target: str) -> Step:
        return Step("pick_place", row[name], row[target])

    assert steps(goal.atoms[0], goal) == [placing("capsule_1", "cup_1")]
    assert steps(goal.atoms[1], goal) == [placing("cup_1", "table_b")]
    # In a row: the goal wants cup_1 on table_b, cup_2 stays on the table where it is. Pushing one of them may do it too.
    assert steps(goal.atoms[2], goal) == [
        placing("cup_1", "table_b"),
        placing("cup_2", "table_a"),
        Step("push", row["cup_1"], row["cup_2"]),
        Step("push", row["cup_2"], row["cup_1"]),
    ]
    above = Goal((Atom("above", "table_a", "table_b"),))
    assert steps(above.atoms[0], above) == []
