"""Simulating a skill, planning for a goal, and carrying a task out, in simulation or with a robot of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from fail2progress.agent.correcting import Correcting, forgiving
from fail2progress.agent.loop import DONE, Agent, AgentConfig, Episode, TaskSpec
from fail2progress.agent.monitor import StepResult
from fail2progress.core.brief import brief
from fail2progress.core.camera import Camera
from fail2progress.core.goals import Goal
from fail2progress.core.parts import PartError
from fail2progress.core.scene import Scene
from fail2progress.evaluation.trials import TrialResult, run_trial
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.corrections import Corrector
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore
from fail2progress.library.arguments import require, require_whole
from fail2progress.library.models import ModelLike, model_and_digest
from fail2progress.library.scenes import Goals, goals_of
from fail2progress.models.prediction import encode_observation
from fail2progress.planning.planner import Plan, Planner
from fail2progress.robots.base import Robot
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.simulation.watched import watched
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.base import Trial

SimulatorLike = str | Simulator
"""A choice (`fail2progress simulators ls`, or a file with options) or a simulator, which stays open."""


STOPPED = "stopped"
"""Outcome of an episode that Ctrl-C ended."""


@dataclass(frozen=True)
class TrialRun:
    """A task carried out: how it is judged, what happened, what failed, every skill's outcome, and the scene at the end."""

    result: TrialResult
    episode: Episode
    failures: tuple[FailureEvent, ...]
    outcomes: tuple[Outcome, ...]
    scene: Scene

    __repr__ = brief

    @property
    def success(self) -> bool:
        """Whether the goal holds in the simulator's ground truth."""
        return self.result.success


@dataclass(frozen=True)
class Pursuit:
    """Goals that a robot of one's own pursued: what happened, and what failed.

    Beside the outcomes of every episode there is "stopped" (Ctrl-C), and what a part raised or gave amiss once something was
    planned: "robot 'Arm' of mine raised OSError: the serial line is closed (arm.py, line 12)".
    """

    episode: Episode
    failures: tuple[FailureEvent, ...]

    __repr__ = brief

    @property
    def success(self) -> bool:
        """Whether the last goal is seen to hold."""
        return self.episode.outcome == DONE


def simulate(scene: Scene, call: SkillCall, seed: int = 0, simulator: SimulatorLike = simulators.DEFAULT) -> Outcome:
    """Carry one skill out in physics: the scene at rest before and after, what is true and what the default camera sees of both.

    Poses are (N, 7) in metres and unit quaternions, displacements (N, 3) in metres. The same seed gives the same outcome.

    Raises ValueError: an object that is not there or that the skill cannot move; RegistryError: no such simulator.

        cups = scene([{"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.09), "margin": 0.1}])
        outcome = simulate(cups, SkillCall("pick_place", "mug", (0.0, -0.8, 0.02, 0.0)))
    """
    require(scene, Scene, "scene", "a Scene")
    require(call, SkillCall, "call", 'a SkillCall, such as SkillCall("pick_place", "mug", (0.0, -0.8, 0.02, 0.0))')
    require_whole(seed, "seed")
    with opened(simulator) as physics:
        return physics.execute(Job(scene, call, seed=seed))


def plan(trial: Trial, model: ModelLike = None, simulator: SimulatorLike = simulators.DEFAULT) -> Plan:
    """The skills that the model expects to reach a task's goals from what the default camera sees of its start.

    Each skill comes with the relations expected after it and the expected motion (N, 3) in metres; the plan with its probability
    of the goal and, where it does not reach that, the reason. The trial's seed decides everything random.

    Raises ValueError: a goal about what is not seen; CheckpointError: weights that cannot be read.

        found = plan(task("hierarchical-tabletop", objects=3))
        print([str(skill.call) for skill in found.skills], found.probability)
    """
    require(trial, Trial, "trial", "what task() gives")
    found, _ = model_and_digest(model)
    with opened(simulator) as physics:
        seen = physics.settle(trial.scene, Camera(), trial.seed).cloud
    planner = Planner(found, torch.Generator().manual_seed(trial.seed))
    return planner.plan(encode_observation(found, seen), trial.stages)


def run(
    trial: Trial,
    model: ModelLike = None,
    config: AgentConfig = AgentConfig(),  # noqa: B008 (frozen)
    simulator: SimulatorLike = simulators.DEFAULT,
    corrections: Path | None = None,
) -> TrialRun:
    """Perceive, plan, act and monitor until the goal holds or nothing more can be done, with a hand in simulation.

    By default the robot plans again after every skill; `AgentConfig(replan=False)` carries the first plan out. With a file for
    `corrections`, skills are carried out as earlier runs corrected them, and what fails now is corrected for the next one.

    Raises ValueError: a goal about what is not seen; CheckpointError: weights that cannot be read; RegistryError: no such part.

        done = run(task("hierarchical-tabletop", objects=3))
        print(done.success, [str(step.planned.call) for step in done.episode.taken], len(done.failures))
    """
    require(trial, Trial, "trial", "what task() gives")
    with opened(simulator) as physics:
        weights, correcting = model_and_digest(model), _correcting(corrections, physics)
        result, failures, episode, robot = run_trial(*weights, trial, config, simulator=physics, correcting=correcting)
    return TrialRun(result, episode, tuple(failures), tuple(robot.outcomes), robot.scene)


def pursue(
    robot: Robot,
    goal: Goals,
    model: ModelLike = None,
    config: AgentConfig = AgentConfig(),  # noqa: B008 (frozen)
    simulator: SimulatorLike = simulators.DEFAULT,
    corrections: Path | None = None,
    seed: int = 0,
    store: str | Path | None = None,
) -> Pursuit:
    """Plan, act and monitor with a robot of your own until the goal is seen to hold or nothing more can be done.

    A robot looks, (N, 128, 3) points in metres of the planning frame, and carries skills out (`fail2progress.robots.base`).
    `goal` is a text in its names for things, or several to reach one after the other. `simulator` is what failures are
    classified in, where there is a file for `corrections`; the seed decides what the planner draws. `store` is a file in which
    failures are kept the moment they are met (`fail2progress failures ls --store FILE`).

    What the robot raises (but for ExecutionError, which it is meant to) and Ctrl-C end the episode once something was planned:
    the outcome says so, and what was met until then is returned.

    Raises ValueError: a goal that cannot be read, or about what is not seen, or a robot that sees what cannot be (PartError);
    CheckpointError: weights that cannot be read; StoreError: a store that cannot be used.

        done = pursue(MyRobot(), ["inside(pill, mug)", "inside(pill, mug) and above(mug, table_b)"])
        print(done.success, done.episode.outcome, len(done.failures))
    """
    require(robot, Robot, "robot", "an object of a class derived from fail2progress.robots.base.Robot")
    require(robot.kind, str, "the robot's kind", "a text, what records of its failures call it")
    require_whole(seed, "seed")
    stages = tuple(one if isinstance(one, Goal) else Goal.parse(one) for one in goals_of(goal))
    if not stages:
        raise ValueError('a robot needs a goal, for example "above(mug, table_b)"')
    met = _Met(FailureStore(Path(store)) if store is not None else None)
    found, digest = model_and_digest(model)
    planner = Planner(found, torch.Generator().manual_seed(seed))
    with opened(simulator) as physics:
        agent = Agent(planner, digest, met.keep, config, met.hear, correcting=_correcting(corrections, physics))
        try:
            episode = agent.run(robot, TaskSpec(stages, seed=seed))
        except (PartError, KeyboardInterrupt) as error:
            if not met.plans:
                raise
            episode = Episode(STOPPED if isinstance(error, KeyboardInterrupt) else str(error), tuple(met.plans), tuple(met.taken))
    return Pursuit(episode, tuple(met.failures))


@dataclass
class _Met:
    """What an episode has come to so far, in case that it does not return."""

    store: FailureStore | None
    plans: list[Plan] = field(default_factory=list)
    taken: list[StepResult] = field(default_factory=list)
    failures: list[FailureEvent] = field(default_factory=list)

    def keep(self, event: FailureEvent) -> None:
        """Durable before anything acts on it, where there is a store."""
        if self.store is not None:
            self.store.add(event)
        self.failures.append(event)

    def hear(self, kind: str, value: object) -> None:
        """See agent.loop.EventCallback."""
        if isinstance(value, Plan):
            self.plans.append(value)
        elif isinstance(value, StepResult):
            self.taken.append(value)


def _correcting(corrections: Path | None, physics: Simulator) -> Correcting | None:
    if corrections is None:
        return None
    return Correcting(Corrector(corrections), forgiving(Classifier(physics, Camera()).classify))


@contextmanager
def opened(simulator: SimulatorLike) -> Iterator[Simulator]:
    """A simulator of a choice, closed in the end; one that is given stays open, and is watched where it is of another package."""
    if isinstance(simulator, Simulator):
        yield watched(simulator, type(simulator).__name__)
        return
    require(simulator, str, "simulator", "a name, a file of options or a Simulator")
    with simulators.make(simulator) as made:
        yield made
