"""Learning from failures, and success over trials."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path

from fail2progress.agent.loop import AgentConfig
from fail2progress.evaluation.evaluate import SEEDS, Summary, summarise
from fail2progress.evaluation.item_failures import item_failure
from fail2progress.evaluation.trials import run_trial
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.learner import FineTuningResult, Learner
from fail2progress.learning.finetuning.rehearsal import load_rehearsal
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.library.acting import SimulatorLike, opened
from fail2progress.library.arguments import require, require_seconds, require_whole
from fail2progress.library.models import ModelLike, model_and_digest
from fail2progress.models import weights
from fail2progress.models.base import SkillEffectModel
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Simulator
from fail2progress.simulation.parallel import ParallelSimulator
from fail2progress.tasks import DEFAULT
from fail2progress.tasks.base import Task
from fail2progress.tasks.items import Item, read_item
from fail2progress.tasks.registry import task as task_named

Lesson = FailureEvent | Item | str | Path | Iterable[FailureEvent]
"""A failure or several, an item, or a file whose first item counts."""


def learn(
    lesson: Lesson,
    model: ModelLike = None,
    targeting: TargetOptions = TargetOptions(),  # noqa: B008 (frozen)
    finetuning: FinetuneOptions = FinetuneOptions(),  # noqa: B008 (frozen)
    seed: int = 0,
    simulator: str = simulators.DEFAULT,
    processes: int | None = None,
    rehearsal: str | Path | None = None,
    report: Callable[[str, float], None] = lambda stage, share: None,
    patience: float = Learner.patience,
) -> FineTuningResult:
    """Find scenes and actions like a failure, simulate them, fine-tune a copy of the model, and judge whether it may go live.

    An item is carried out first; what goes otherwise than the model expects is its failure. `rehearsal` names executions for
    replay and for the gate, by default those of the package. `report` hears the stage and its share done. `processes`: of the
    simulation, by default one for every core. `patience`: seconds of processor time in which more is tried while nothing passes;
    one attempt is made in any case. The model that is given stays as it is; the tuned one is the result's `model`, and
    `verdict` says whether it passed.

    Raises NoFailureError: an item that the model predicts rightly; NothingToVaryError: a failure without anything to vary;
    NothingToTrainError: a model without weights to adjust;
    ItemError, CheckpointError: files that cannot be read. All are ValueErrors.

        lesson = learn(run(task("hierarchical-tabletop", objects=3, seed=4)).failures)
        print(lesson.verdict.passed, lesson.verdict.reason)
    """
    require(lesson, (FailureEvent, Item, str, PathLike, Iterable), "lesson", "failures, an item, or the path of an item file")
    require_whole(seed, "seed")
    require_seconds(patience, "patience")
    found, digest = model_and_digest(model)
    kept = load_rehearsal(Path(rehearsal) if rehearsal is not None else weights.path(weights.KEEPSAKE))
    with ParallelSimulator(processes, simulator) as physics:
        events = _events(lesson, physics, found, digest)
        return Learner(physics, kept, targeting, finetuning, patience=patience).learn(events, found, seed, report)


def evaluate(
    model: ModelLike = None,
    task: str | Path | Task = DEFAULT,
    objects: int | None = None,
    trials: int = 20,
    seed: int = 1,
    config: AgentConfig = AgentConfig(),  # noqa: B008 (frozen)
    simulator: SimulatorLike = simulators.DEFAULT,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Success over trials from unseen seeds, judged on the simulator's ground truth, with its 95 % interval and what explains it.

    In this process, one trial after the other: `fail2progress evaluate` spreads trials of a model in a file over all cores. The
    trials of a seed are the same in both; but this looks and plans again after every skill, where the command carries out one
    plan (`config=AgentConfig(replan=False)`, of `fail2progress.agent.loop`). `report` hears how many are done. Errors of
    displacement are in metres.

    Raises ValueError: no trials, or a number of objects that the task does not have; RegistryError: no such task;
    CheckpointError: weights that cannot be read.

        summary = evaluate(task="hierarchical-tabletop", objects=3, trials=2)
        print(summary.rate, summary.ci95)
    """
    require_whole(trials, "trials", 1)
    require_whole(seed, "seed")
    found, digest = model_and_digest(model)
    family = task if isinstance(task, Task) else task_named(str(task))
    count, results = objects if objects is not None else family.counts[0], []
    with opened(simulator) as physics:
        for number in range(trials):
            trial = family.trial(count, seed * SEEDS + number)
            results.append(run_trial(found, digest, trial, config, simulator=physics)[0])
            report(number + 1, trials)
    return summarise(results)


def _events(lesson: Lesson, physics: Simulator, model: SkillEffectModel, digest: str) -> list[FailureEvent]:
    """The failures of a lesson; an item is carried out. ValueError where there is none."""
    if isinstance(lesson, (str, PathLike)):
        lesson = read_item(Path(lesson))
    if isinstance(lesson, Item):
        return [item_failure(lesson, physics, model, digest)]
    events = [lesson] if isinstance(lesson, FailureEvent) else list(lesson)
    if not events:
        raise ValueError("there is no failure to learn from")
    for event in events:
        require(event, FailureEvent, "lesson", "failures, an item, or the path of an item file")
    return events
