"""What a robot refuses to begin: another place is asked for, then another skill; what is possible is done."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from fail2progress.agent.loop import Agent, AgentConfig, Episode, TaskSpec
from fail2progress.core.goals import Atom, Goal
from fail2progress.core.observation import SegmentedCloud
from fail2progress.failures.store import FailureStore
from fail2progress.models.base import SkillEffectModel
from fail2progress.planning.planner import Planner
from fail2progress.planning.refusals import MOST, NOTHING_REFUSED, Refusals
from fail2progress.robots.base import ExecutionError, RefusedError
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.skills.samplers import Step
from fail2progress.tasks.registry import task

Make = Callable[..., SkillEffectModel]
TRIAL = task("hierarchical-tabletop").trial(3, 0)


@pytest.fixture
def store(tmp_path: Path) -> FailureStore:
    return FailureStore(tmp_path / "failures.db")


def pursued(
    robot: SimulatedRobot, model: SkillEffectModel, store: FailureStore, goal: Goal
) -> tuple[Episode, list[tuple[str, object]]]:
    """An episode with at most six skills, and what was told of it."""
    told: list[tuple[str, object]] = []
    planner = Planner(model, torch.Generator().manual_seed(TRIAL.seed))
    agent = Agent(planner, "d" * 64, store.add, AgentConfig(max_skills=6), lambda kind, value: told.append((kind, value)))
    return agent.run(robot, TaskSpec((goal,), TRIAL.task, TRIAL.objects, TRIAL.seed)), told


@dataclass
class Picky(SimulatedRobot):
    """A robot that does not reach what lies beyond a place along y (m) on the far table."""

    beyond: float = 0.0

    def execute(self, call: SkillCall) -> None:
        if float(self.scene.position(call.object)[1] + call.shift[1]) < self.beyond:
            raise RefusedError("out of reach")
        super().execute(call)


@pytest.mark.parametrize(("beyond", "outcome"), [(-0.3, "done"), (0.0, "execution: out of reach")])
def test_what_the_robot_refuses_is_planned_anew_in_another_place(
    oracle: Make, store: FailureStore, beyond: float, outcome: str
) -> None:
    """The middle of table_b is at y = -0.4; its nearer side is within reach, or nothing of it is."""
    robot = Picky(MujocoSimulator(), TRIAL.scene, seed=TRIAL.seed, beyond=beyond)
    goal = Goal((Atom("above", "cup_1", "table_b"),))
    assert robot.scene.position("table_b")[1] == pytest.approx(-0.4, abs=0.05)
    episode, told = pursued(robot, oracle(), store, goal)
    assert episode.outcome == outcome
    said = [value for kind, value in told if kind == "refused"]
    assert said and all(isinstance(value, Refusals) for value in said)
    assert len(episode.taken) == (outcome == "done") and robot.truth.value("above", "cup_1", "table_b") == (outcome == "done")


def test_what_is_possible_is_done_though_something_else_is_refused(oracle: Make, store: FailureStore) -> None:
    first, second = "cup_1", "cup_2"

    @dataclass
    class Averse(SimulatedRobot):
        """Does not touch one thing."""

        def execute(self, call: SkillCall) -> None:
            if call.object == first:
                raise RefusedError("out of reach")
            super().execute(call)

    robot = Averse(MujocoSimulator(), TRIAL.scene, seed=TRIAL.seed)
    goal = Goal((Atom("above", first, "table_b"), Atom("above", second, "table_b")))
    episode, _ = pursued(robot, oracle(), store, goal)
    assert episode.outcome == "execution: out of reach"
    assert robot.truth.value("above", second, "table_b") and not robot.truth.value("above", first, "table_b")


def test_nothing_is_asked_for_that_counts_as_refused(oracle: Make, store: FailureStore) -> None:
    """Where there is no place on a small thing far enough from those that were refused, another step is taken, or none."""

    @dataclass
    class Idle(SimulatedRobot):
        """Refuses everything."""

        def execute(self, call: SkillCall) -> None:
            raise RefusedError("not today")

    robot = Idle(MujocoSimulator(), TRIAL.scene, seed=TRIAL.seed)
    episode, told = pursued(robot, oracle(), store, Goal((Atom("inside", "capsule_1", "cup_1"),)))
    assert episode.outcome == "execution: not today" and episode.taken == ()
    refused = NOTHING_REFUSED
    names = TRIAL.scene.names
    for said in (value for kind, value in told if kind == "refused"):
        assert isinstance(said, Refusals)
        call = said.calls[-1]
        step = Step(call.skill, names.index(call.object), None if call.target is None else names.index(call.target))
        assert not refused.forbid(step, names) and not refused.near(step, torch.tensor([call.parameters]), names).any()
        refused = said
    assert 0 < len(refused.calls) <= MOST


def test_an_error_of_ones_own_is_what_it_is_derived_from(oracle: Make, store: FailureStore) -> None:
    class TooWideError(RefusedError):
        """As a robot's author writes it."""

    @dataclass
    class Narrow(SimulatedRobot):
        """Of another package, by the look of it; blind after its first skill."""

        def execute(self, call: SkillCall) -> None:
            if call.object == "cup_1":
                raise TooWideError("9 cm wide")
            super().execute(call)

        def observe(self) -> SegmentedCloud:
            if self.outcomes:
                raise ExecutionError("the run-stop was pressed")
            return super().observe()

    robot = Narrow(MujocoSimulator(), TRIAL.scene, seed=TRIAL.seed)
    episode, told = pursued(robot, oracle(), store, Goal((Atom("above", "cup_1", "table_b"), Atom("above", "cup_2", "table_b"))))
    assert episode.outcome == "execution: the run-stop was pressed"
    assert any(kind == "refused" for kind, _ in told)
