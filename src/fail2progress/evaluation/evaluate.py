"""Success over trials from unseen seeds, with its interval and what explains it beside the success."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fail2progress.agent.loop import AgentConfig
from fail2progress.core.camera import Camera
from fail2progress.core.executor import Executor
from fail2progress.core.intervals import wilson
from fail2progress.core.names import unknown
from fail2progress.evaluation.budget import shortest
from fail2progress.evaluation.embodiment import Embodiment
from fail2progress.evaluation.gap import sim2real_gap
from fail2progress.evaluation.predictions import f1
from fail2progress.evaluation.trials import TrialResult, run_trial
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint
from fail2progress.perception.relations.registry import DEFAULT, DETECTORS, relation_detector
from fail2progress.planning.search import SearchOptions
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Simulator
from fail2progress.tasks.base import Trial
from fail2progress.tasks.registry import task

METHODS = ("original", "replanning", "fail2progress")
SEEDS = 100_000
"""Trials of seed s start from the seeds s * SEEDS + 0, 1, 2, ..."""


@dataclass(frozen=True)
class TrialJob:
    """What a worker needs to know to carry out one trial."""

    model: str
    task: str
    objects: int
    seed: int
    replan: bool
    free_order: bool = False
    slack: int | None = None
    simulator: str = simulators.DEFAULT
    goal: str = ""
    """Another goal than the task's, as Trial.with_goal reads it; empty for the task's own."""
    relations: str = DEFAULT
    """Name of the relation detector."""
    spare: int | None = None
    """Skills that may be carried out beyond those of the shortest plan; None: as many as the loop allows."""
    camera: Camera = field(default_factory=Camera)
    gap: bool = False
    """Whether the Sim2Real gap is measured."""
    embodiment: Embodiment = field(default_factory=Embodiment)


@dataclass(frozen=True)
class Summary:
    """Success with its 95 % Wilson interval, and what explains it. NaN where there was nothing to measure. Errors in metres."""

    trials: int
    successes: int
    rate: float
    ci95: tuple[float, float]
    plan_probability: float
    """Mean P(goal) of the first plans, over trials that had one."""
    along_error: float
    """Median over trials of the mean error of the displacement predicted for what travelled along."""
    bystander_error: float
    """The same for what stayed where it was."""
    failed_steps: dict[str, int]
    """Of the trials without success: the kind of skill that missed first, "none" where every one did what it was for."""
    outcomes: dict[str, int]
    """How the loop ended, over all trials."""
    relation_f1: float
    """Of the predicted relations, over pairs with an object that moved."""
    detection_f1: float
    """Of saying that a skill failed, against the simulator."""
    detection: dict[str, int]
    skills: float
    """Mean number of skills in a trial."""
    seen_f1: float
    """Of the relations that are detected, over all pairs and skills."""
    gap: float
    """Mean Sim2Real gap."""

    def to_dict(self) -> dict[str, object]:
        """For reports and --json."""
        return {
            "trials": self.trials,
            "successes": self.successes,
            "rate": self.rate,
            "ci95": list(self.ci95),
            "plan_probability": self.plan_probability,
            "along_error_m": self.along_error,
            "bystander_error_m": self.bystander_error,
            "failed_steps": self.failed_steps,
            "outcomes": self.outcomes,
            "relation_f1": self.relation_f1,
            "detection_f1": self.detection_f1,
            "detection": self.detection,
            "skills": self.skills,
            "seen_f1": self.seen_f1,
            "sim2real_gap": self.gap,
        }


def replans(method: str, note: dict[str, object], replan: bool | None = None) -> bool:
    """Whether a method plans again after every skill. ValueError: unknown method, or a model or choice that it excludes.

    original is the given model carried out open loop, replanning the same model planning again after every skill.
    fail2progress needs a model that was fine-tuned on failures; it plans again unless told otherwise.
    """
    if method not in METHODS:
        raise ValueError(unknown("method", method, METHODS))
    if method == "fail2progress":
        if "parent" not in note:
            raise ValueError(
                "method fail2progress needs a model that learned from a failure; make one: fail2progress learn --help"
            )
        return True if replan is None else replan
    if replan is not None and replan != (method == "replanning"):
        raise ValueError(f"method {method} is {'with' if method == 'replanning' else 'without'} replanning by definition")
    return method == "replanning"


def jobs(
    model: Path,
    task_name: str,
    objects: int,
    trials: int,
    seed: int,
    replan: bool,
    free_order: bool = False,
    slack: int | None = None,
    simulator: str = simulators.DEFAULT,
    goal: str = "",
    relations: str = DEFAULT,
    embodiment: Embodiment = Embodiment(),  # noqa: B008 (frozen)
) -> list[TrialJob]:
    """The trials of a seed. ValueError: unknown parts, objects or a goal that the task does not have, no trials."""
    if trials < 1:
        raise ValueError(f"trials must be at least 1, got {trials}")
    found = task(task_name).reference
    simulators.resolve(simulator)
    DETECTORS.get(relations)
    seeds = range(seed * SEEDS, seed * SEEDS + trials)
    embodiment.check(simulator)
    of = (replan, free_order, slack, simulator, goal, relations)
    work = [TrialJob(str(model), found, objects, number, *of, embodiment=embodiment) for number in seeds]
    start(work[0])
    return work


def evaluate(work: Sequence[TrialJob], executor: Executor) -> Iterator[TrialResult]:
    """Results as they come; closing the iterator stops the workers."""
    return executor.map_unordered(carry_out, work)


def start(job: TrialJob) -> Trial:
    """How a trial starts and what shall be reached. ValueError where there is none."""
    trial = task(job.task).trial(job.objects, job.seed)
    if job.goal:
        return trial.with_goal(job.goal)
    return trial.in_any_order() if job.free_order else trial


def carry_out(job: TrialJob) -> TrialResult:
    """One trial, in a worker."""
    checkpoint = _model(job.model)
    config, search = AgentConfig(replan=job.replan, relations=job.relations), SearchOptions(slack=job.slack)
    trial = start(job)
    if job.spare is not None:
        config = replace(config, max_skills=shortest(trial) + job.spare)
    model, simulator = checkpoint.model, _simulator(job.simulator)
    how = (config, search, simulator, job.camera)
    result, _, episode, robot = run_trial(model, checkpoint.digest, trial, *how, embodiment=job.embodiment)
    if not job.gap:
        return result
    detector = relation_detector(job.relations, model, checkpoint.digest)
    return replace(result, gap=sim2real_gap(detector, episode.taken, robot.outcomes, simulator, job.camera))


@lru_cache(maxsize=1)
def _simulator(choice: str) -> Simulator:
    return simulators.make(choice)


@lru_cache(maxsize=2)
def _model(path: str) -> Checkpoint:
    return load_checkpoint(Path(path))


def summarise(results: Sequence[TrialResult]) -> Summary:
    """Aggregate trials; ValueError where there are none."""
    if not results:
        raise ValueError("no trials to summarise")
    successes = sum(result.success for result in results)
    true, false, missed = (sum(result.pairs[k] for result in results) for k in range(3))
    detected = [sum(result.detected[k] for result in results) for k in range(4)]
    return Summary(
        trials=len(results),
        successes=successes,
        rate=successes / len(results),
        ci95=wilson(successes, len(results)),
        plan_probability=_finite(np.mean, [result.plan_probability for result in results if result.plans]),
        along_error=_finite(np.median, [result.along_error for result in results]),
        bystander_error=_finite(np.median, [result.bystander_error for result in results]),
        failed_steps=_count(result.failed_step or "none" for result in results if not result.success),
        outcomes=_count(result.outcome for result in results),
        relation_f1=f1(true, false, missed),
        detection_f1=f1(detected[0], detected[1], detected[2]),
        detection=dict(zip(("hits", "false_alarms", "misses", "quiet"), detected, strict=True)),
        skills=float(np.mean([result.skills for result in results])),
        seen_f1=f1(*(sum(result.seen[k] for result in results) for k in range(3))),
        gap=_finite(np.mean, [result.gap for result in results]),
    )


def _finite(statistic: Callable[[list[float]], Any], values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(statistic(known)) if known else float("nan")


def _count(values: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
