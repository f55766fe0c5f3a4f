"""Trials of a task from unseen seeds, judged on the simulator's ground truth, with what explains success and failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch

from fail2progress.agent.correcting import Correcting
from fail2progress.agent.loop import Agent, AgentConfig, Episode, TaskSpec
from fail2progress.agent.monitor import StepResult
from fail2progress.core.camera import Camera
from fail2progress.core.relations import RelationState
from fail2progress.evaluation.embodiment import Embodiment, Simulated, asked_of, in_true_names
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.monitor import MonitorRule, relied_on
from fail2progress.models.base import SkillEffectModel
from fail2progress.planning.planner import Planner
from fail2progress.planning.search import SearchOptions
from fail2progress.robots.base import Robot
from fail2progress.robots.sighted import SightedRobot
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Outcome, Simulator
from fail2progress.tasks.base import Trial


@dataclass(frozen=True)
class TrialResult:
    """One trial. Errors in metres are of the model's predicted displacements, for what travelled along and for bystanders."""

    seed: int
    objects: int
    success: bool
    outcome: str
    skills: int
    plans: int
    plan_probability: float
    """P(goal) of the first plan; NaN where there was none."""
    failed_step: str
    """The first skill whose intended relation did not come true, or "" if there was none."""
    detected: tuple[int, int, int, int]
    """Skills by (failed, detected): true positives, false positives, misses, true negatives."""
    along_error: float
    bystander_error: float
    pairs: tuple[int, int, int]
    """Predicted relations of the pairs with something that moved: true positives, false positives, misses."""
    seen: tuple[int, int, int] = (0, 0, 0)
    """Relations detected after each skill, of all pairs: true positives, false positives, misses."""
    gap: float = float("nan")
    """Sim2Real gap (`evaluation.gap`), NaN where it was not measured."""
    ended: tuple[tuple[float, ...], ...] = ()
    """Poses (N, 7) of all objects in the end, of a trial without success."""

    def to_dict(self) -> dict[str, object]:
        """For the report."""
        return asdict(self)


def from_row(row: Mapping[str, Any]) -> TrialResult:
    """A result from what `to_dict` gave, read back from JSON. KeyError where values are missing."""
    values = {field.name: row[field.name] for field in fields(TrialResult)}
    return TrialResult(**{key: _exact(value) for key, value in values.items()})


def _exact(value: object) -> Any:
    """Lists of JSON as the tuples that they were."""
    return tuple(map(_exact, value)) if isinstance(value, list) else value


def run_trial(
    model: SkillEffectModel,
    digest: str,
    trial: Trial,
    config: AgentConfig = AgentConfig(),  # noqa: B008 (frozen)
    search: SearchOptions = SearchOptions(),  # noqa: B008 (frozen)
    simulator: Simulator | None = None,
    camera: Camera = Camera(),  # noqa: B008 (frozen)
    correcting: Correcting | None = None,
    embodiment: Embodiment = Embodiment(),  # noqa: B008 (frozen)
) -> tuple[TrialResult, list[FailureEvent], Episode, Simulated]:
    """Carry out one trial, by the default simulator unless one is given; the trial's seed decides everything random in it.

    Failures are in the names that the robot has for things, the episode is in the simulator's.
    """
    kept: list[FailureEvent] = []
    robot, known = embodiment.before(trial, simulator or simulators.make(), camera)
    episode = carry_out(trial, known, model, digest, kept.append, config, search, correcting=correcting)
    if isinstance(known, SightedRobot):
        episode = in_true_names(episode, known)
    return judge(trial, episode, robot), kept, episode, robot


def carry_out(
    trial: Trial,
    robot: Robot,
    model: SkillEffectModel,
    digest: str,
    keep: Callable[[FailureEvent], None],
    config: AgentConfig = AgentConfig(),  # noqa: B008 (frozen)
    search: SearchOptions = SearchOptions(),  # noqa: B008 (frozen)
    on_event: Callable[[str, object], None] = lambda kind, value: None,
    correcting: Correcting | None = None,
) -> Episode:
    """Planner, agent and robot in this process, seeded by the trial. `keep` makes each failure durable, `on_event` hears all.

    "not seen: what" is the outcome where the robot has no segment for something that the goals name.
    """
    stages = trial.stages
    if isinstance(robot, SightedRobot):
        stages, missing = asked_of(robot, stages)
        if missing:
            return Episode(f"not seen: {', '.join(missing)}", (), ())
    planner = Planner(model, torch.Generator().manual_seed(trial.seed), search)
    agent = Agent(planner, digest, keep, config, on_event, correcting=correcting)
    return agent.run(robot, TaskSpec(stages, trial.task, trial.objects, trial.seed))


def judge(trial: Trial, episode: Episode, robot: Simulated) -> TrialResult:
    """Success is the goal in the simulator's ground truth, whatever the robot believes."""
    along, bystanders = _errors(episode, robot.outcomes)
    success = trial.goal.satisfied(robot.truth)
    return TrialResult(
        seed=trial.seed,
        objects=trial.objects,
        success=success,
        outcome=episode.outcome,
        skills=len(episode.taken),
        plans=len(episode.plans),
        plan_probability=episode.plans[0].probability if episode.plans else float("nan"),
        failed_step=_first_miss(trial, robot.outcomes),
        detected=_detection(trial, episode, robot.outcomes),
        along_error=along,
        bystander_error=bystanders,
        pairs=_pairs(episode, robot.outcomes),
        seen=_seen(episode, robot.outcomes),
        ended=() if success else tuple(tuple(pose) for pose in robot.scene.poses.round(4).tolist()),
    )


def _first_miss(trial: Trial, outcomes: list[Outcome]) -> str:
    """Traces an unsuccessful trial to its step: "put" into a container, "carry" to a surface, or what was lost on the way."""
    for outcome in outcomes:
        name, target = outcome.call.object, outcome.call.target
        before, after = outcome.before.relations, outcome.after.relations
        if target is None:
            continue
        spec = outcome.before.scene.objects[outcome.before.scene.index(target)]
        # Things are put into what is open at the top, and onto shelves and cabinets.
        container = spec.kind.container and (spec.movable or spec.is_drawer)
        if after.value("inside" if container else "above", name, target) < 0.5:
            return "put" if container else "carry"
        if any(
            before.value(a.relation, a.subject, a.other) > 0.5
            and a.relation == "inside"
            and after.value(a.relation, a.subject, a.other) < 0.5
            for a in trial.goal.atoms
        ):
            return "lost"
    return ""


def _detection(trial: Trial, episode: Episode, outcomes: list[Outcome]) -> tuple[int, int, int, int]:
    """Failure by the simulator: a relation that the plan relies on came out otherwise than expected."""
    counts = [0, 0, 0, 0]
    for taken, outcome in zip(episode.taken, outcomes, strict=False):
        failed = _differs(taken, outcome.after.relations, trial)
        said = taken.event is not None
        counts[0 if failed and said else 1 if said else 2 if failed else 3] += 1
    return counts[0], counts[1], counts[2], counts[3]


def _differs(taken: StepResult, truth: RelationState, trial: Trial) -> bool:
    expected = taken.planned.expected
    atoms = relied_on(expected, trial.goal, MonitorRule(), taken.conduct)
    return any((expected.value(*atom) > 0.5) != (truth.value(*atom) > 0.5) for atom in atoms)


def _errors(episode: Episode, outcomes: list[Outcome]) -> tuple[float, float]:
    """Mean displacement errors (m): of other objects that moved by over 5 cm, and of those that stayed; NaN if there are none."""
    along, still = [], []
    for taken, outcome in zip(episode.taken, outcomes, strict=False):
        error = np.linalg.norm(taken.planned.displacement - outcome.displacements, axis=1)
        moved = np.linalg.norm(outcome.displacements, axis=1) > 0.05
        other = np.arange(len(error)) != outcome.before.scene.index(outcome.call.object)
        along += error[moved & other].tolist()
        still += error[~moved & other].tolist()
    return float(np.mean(along)) if along else float("nan"), float(np.mean(still)) if still else float("nan")


def _pairs(episode: Episode, outcomes: list[Outcome]) -> tuple[int, int, int]:
    """Predicted relations after each skill, of all pairs with an object that moved."""
    counts = np.zeros(3, int)
    for taken, outcome in zip(episode.taken, outcomes, strict=False):
        moved = np.linalg.norm(outcome.displacements, axis=1) > 0.002
        pairs = moved[:, None] | moved[None]
        said, true = (
            np.asarray(taken.planned.expected.binary)[pairs] > 0.5,
            np.asarray(outcome.after.relations.binary)[pairs],
        )
        counts += [(said & true).sum(), (said & ~true).sum(), (~said & true).sum()]
    return int(counts[0]), int(counts[1]), int(counts[2])


def _seen(episode: Episode, outcomes: list[Outcome]) -> tuple[int, int, int]:
    """Relations that are believed after each skill, of all pairs."""
    counts = np.zeros(3, int)
    for taken, outcome in zip(episode.taken, outcomes, strict=False):
        said, true = (np.asarray(side.binary, float) > 0.5 for side in (taken.observed, outcome.after.relations))
        counts += [(said & true).sum(), (said & ~true).sum(), (~said & true).sum()]
    return int(counts[0]), int(counts[1]), int(counts[2])
