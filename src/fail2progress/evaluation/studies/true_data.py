"""Data that need no inference: the transition that was observed, and true executions that fail in the task itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fail2progress.agent.loop import AgentConfig
from fail2progress.evaluation.trials import run_trial
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.finetune import LADDER, FinetuneOptions, finetune
from fail2progress.learning.finetuning.ladder import rungs
from fail2progress.learning.pretraining.prepare import from_arrays
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import Checkpoint
from fail2progress.models.training.metrics import evaluate
from fail2progress.models.training.transitions import Transitions
from fail2progress.simulation.base import Outcome, Simulator
from fail2progress.skills.vocabulary import current
from fail2progress.tasks.base import Task

TRUE_SEEDS = 95_000_000
"""Trials that true failures are taken from: neither those that failures are met in nor those of an evaluation."""
_MOST = 60
"""Trials after which no more true failures are looked for."""
_WORTH = 0.005
"""F1 by which adjusting more weights must be better."""


def from_event(event: FailureEvent) -> Transitions:
    """The failed skill as it was seen: clouds, and relations as they were detected. Motion: that of the boxes' middles."""
    middles = [cloud.bounds().mean(axis=1) for cloud in (event.before, event.after)]
    unknown = ~np.isfinite(middles[1]).all(axis=1)
    middles[1][unknown] = middles[0][unknown]
    call = event.header.call.call()
    sides = (event.before, event.relations_before), (event.after, event.observed)
    values = {
        "count": np.array([len(event.before)], np.int32),
        "skill": np.array([current().index(call.skill)], np.uint8),
        "object": np.array([event.before.index(call.object)], np.int32),
        "parameters": np.array([call.padded], np.float32),
        **{f"pose{t}": middle.astype(np.float32) for t, middle in enumerate(middles)},
        **{f"points{t}": cloud.points for t, (cloud, _) in enumerate(sides)},
        **{f"unary{t}": np.asarray(relations.unary, float) > 0.5 for t, (_, relations) in enumerate(sides)},
        **{f"binary{t}": (np.asarray(relations.binary, float) > 0.5).reshape(-1, 9) for t, (_, relations) in enumerate(sides)},
    }
    return from_arrays(values)


def true_failures(
    start: Checkpoint, task: Task, objects: int, count: int, seed: int, simulator: Simulator
) -> tuple[Outcome, ...]:
    """Executions that the base model predicted wrongly, as the simulator knows them, from trials that plan again."""
    return tuple(itertools.islice(_failing(start, task, objects, TRUE_SEEDS + 1000 * seed, simulator), count))


def _failing(start: Checkpoint, task: Task, objects: int, seed: int, simulator: Simulator) -> Iterator[Outcome]:
    for number in range(_MOST):
        trial = task.trial(objects, seed + number)
        _, _, episode, robot = run_trial(start.model, start.digest, trial, AgentConfig(replan=True), simulator=simulator)
        pairs = zip(episode.taken, robot.outcomes, strict=False)
        yield from (outcome for taken, outcome in pairs if taken.event is not None)


def best_rung(
    model: SkillEffectModel,
    data: Transitions,
    check: Transitions,
    replay: Transitions,
    seed: int,
    options: FinetuneOptions = FinetuneOptions(),  # noqa: B008 (frozen)
) -> tuple[SkillEffectModel, str]:
    """Fine-tuned on the data; which weights to adjust, F1 on the check decides, the fewest among equals."""
    best: tuple[float, SkillEffectModel, str] | None = None
    found: dict[str | None, SkillEffectModel] = {None: model}
    for rung in rungs(model, LADDER):
        of = replace(options, adjusts=rung.adjusts, epochs=max(round(rung.epochs * options.epochs), 1))
        found[rung.adjusts] = tuned = finetune(found[rung.after], data, replay, of, seed, teacher=model)
        value = evaluate(tuned, check).prediction_f1
        if best is None or value > best[0] + _WORTH:
            best = value, tuned, rung.adjusts
    assert best is not None
    return best[1], best[2]
