"""The paper's methods as data: how a model is made from a base model, and how it then acts.

A method says what a base model learns before the trials: nothing, more of its pre-training distribution, or the failures that it
meets. Making a model is one piece of work for a worker process; the result is a checkpoint whose name says what it was made from.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from fail2progress.core.camera import Camera
from fail2progress.core.provenance import provenance
from fail2progress.core.registry import Registry, instance_of
from fail2progress.evaluation.embodiment import Embodiment
from fail2progress.evaluation.lifelong import Lifelong, Round
from fail2progress.evaluation.studies.true_data import best_rung, from_event, true_failures
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.monitor import MonitorRule
from fail2progress.learning.finetuning.finetune import FinetuneOptions, finetune
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.learning.finetuning.rehearsal import load_rehearsal
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fail2progress.models.training.parallel import one_thread
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Simulator
from fail2progress.stein.states import NothingToVaryError
from fail2progress.tasks.pretraining import job
from fail2progress.tasks.registry import task

MORE_SEEDS = 900_000
"""Executions that continue the pre-training come from seeds from here on; the pre-training data have smaller ones."""


@dataclass(frozen=True)
class MorePretraining:
    """The pre-training goes on with `samples` further executions of its distribution, beside replayed ones."""

    samples: int
    epochs: int
    batch: int
    replay: int
    """Replayed executions in each epoch."""


@dataclass(frozen=True)
class FromFailures:
    """Fine-tuning on data around failures that the model meets, made by a generator of samples.

    Where the acceptance test refuses a lesson, the robot goes on to the next failure: the one that counts is the first, of
    `failures` at most, whose lesson is accepted, or the last (docs/decisions/0060).
    """

    generator: str
    samples: int = TargetOptions.samples
    failures: int = 3


@dataclass(frozen=True)
class FromObserved:
    """Fine-tuning on the one transition that was observed to fail, beside replayed ones: no simulation."""


@dataclass(frozen=True)
class FromLoop:
    """As the running product learns: failures are met until the acceptance test lets a lesson through, `failures` at most for
    each of the recipe's rounds.

    The base model goes on where none does, or nothing fails.
    """

    failures: int = 4


@dataclass(frozen=True)
class FromTruth:
    """Fine-tuning on true executions of skills that failed, in the task itself: what no robot could have, as a bound."""

    samples: int = TargetOptions.samples


Learns = MorePretraining | FromFailures | FromObserved | FromLoop | FromTruth


@dataclass(frozen=True)
class Method:
    """One column of the table. Open loop carries out the first plan; otherwise the robot plans again after every skill."""

    name: str
    summary: str
    learns: Learns | None = None
    replans: bool = False


METHODS: Registry[Method] = Registry("method", "fail2progress.methods", form=instance_of(Method))
"""In the order of the paper's table, then what goes beyond it."""

for _method in (
    Method("original", "the base model, open loop"),
    Method("small", "pre-training continued with 20 executions", MorePretraining(20, epochs=200, batch=10, replay=20)),
    Method("large", "pre-training continued with 2,000 executions", MorePretraining(2000, epochs=20, batch=64, replay=300)),
    Method("replanning", "the base model, planning again after every skill", replans=True),
    Method("sampling", "fine-tuned on the likeliest of many draws around the failure", FromFailures("sampling")),
    Method("gradient", "fine-tuned on gradient samples around the failure", FromFailures("gradient")),
    Method("domain-randomisation", "fine-tuned on the failed call in random states", FromFailures("domain-randomisation")),
    Method("fail2progress", "fine-tuned on Stein samples around the failure", FromFailures("stein")),
    Method("adapt", "fine-tuned on the observed transition alone", FromObserved()),
    Method("oracle", "fine-tuned on true executions that fail in the task", FromTruth()),
):
    METHODS.register(_method.name, _method)


@dataclass(frozen=True)
class Recipe:
    """All that decides which model a method makes of a base model. Failures are met with `objects` objects of the task only."""

    base: str
    """Path of the base model's weights."""
    learns: Learns
    task: str
    objects: int
    rounds: int
    seed: int
    rehearsal: str
    """Path of the executions to replay."""
    out: str
    """Path of the weights to make."""
    simulator: str = simulators.DEFAULT
    camera: Camera = field(default_factory=Camera)
    """What failures are met through."""
    embodiment: Embodiment = field(default_factory=Embodiment)
    """Who meets them."""
    otherwise_base: bool = False
    """Where there is nothing to learn from, the base model is what the method makes."""


@dataclass(frozen=True)
class Made:
    """What came of a recipe: its path, and why there is no model, or "" where there is one."""

    out: str
    problem: str = ""


def make(recipe: Recipe) -> Made:
    """Make a model, in a worker. What cannot be learnt from is a result too."""
    start = load_checkpoint(Path(recipe.base))
    with simulators.make(recipe.simulator) as simulator, one_thread():
        try:
            model, note = _HOW[type(recipe.learns)](recipe, start, simulator)
        except NothingToVaryError as error:
            if not recipe.otherwise_base:
                return Made(recipe.out, f"nothing to learn from: {error}")
            model, note = start.model, {"rounds": [], "not_learnt": str(error)}
    head: dict[str, object] = {"parent": start.digest, "learns": asdict(recipe.learns), **note}
    told = {"task": recipe.task, "objects": recipe.objects, "rounds": recipe.rounds, "camera": asdict(recipe.camera)}
    told |= {"embodiment": asdict(recipe.embodiment)}
    save_checkpoint(model, Path(recipe.out), {**head, "provenance": provenance(seed=recipe.seed, parent=start.digest, **told)})
    return Made(recipe.out)


Taught = tuple[SkillEffectModel, dict[str, object]]
"""A model and what its note says of how it was made."""


def _continued(recipe: Recipe, start: Checkpoint, simulator: Simulator) -> Taught:
    """All weights but the encoder's, on new executions and replayed ones."""
    learns = recipe.learns
    assert isinstance(learns, MorePretraining)
    executions = simulator.execute_all(job(MORE_SEEDS + recipe.seed, number) for number in itertools.count())
    stable = (outcome for outcome in executions if outcome.stable)
    data = from_outcomes(tuple(itertools.islice(stable, learns.samples)))
    options = FinetuneOptions(epochs=learns.epochs, batch=learns.batch, replay=learns.replay, adjusts="all")
    tuned = finetune(start.model, data, load_rehearsal(Path(recipe.rehearsal)).replay, options, recipe.seed)
    return tuned, {"samples": len(data)}


def _life(recipe: Recipe) -> Lifelong:
    return Lifelong(task(recipe.task), recipe.objects, recipe.rounds, camera=recipe.camera, embodiment=recipe.embodiment)


def _taught(recipe: Recipe, start: Checkpoint, simulator: Simulator) -> Taught:
    """The last lesson's model, also where the acceptance test rejects it: the table shows methods, the note the verdict.

    The learner may try all that it has, however long that takes: what is learnt must not hang on how busy the processor is.
    """
    learns = recipe.learns
    assert isinstance(learns, FromFailures)
    targeting = TargetOptions(method=learns.generator, samples=learns.samples)
    learner = Learner(simulator, load_rehearsal(Path(recipe.rehearsal)), targeting, patience=math.inf)
    life = replace(_sure(_life(recipe)), rounds=recipe.rounds * learns.failures)
    found = life.run(start.model, start.digest, learner, Classifier(simulator, Camera()), recipe.seed)
    rounds = list(until_accepted(found, recipe.rounds))
    if not rounds:
        raise NothingToVaryError(f"no failure of a wrong symbolic prediction was met in {life.patience} trials")
    return rounds[-1].lesson.model, {"rounds": list(map(_told, rounds))}


def _sure(life: Lifelong) -> Lifelong:
    """Failures count where both beliefs are sure: an alarm is to be cheap, a lesson from a false one is not (0060)."""
    return replace(life, config=replace(life.config, rule=MonitorRule()))


def until_accepted(found: Iterable[Round], lessons: int) -> Iterator[Round]:
    """Rounds until so many lessons were accepted."""
    for one in found:
        yield one
        lessons -= one.lesson.verdict.passed
        if not lessons:
            return


def _told(one: Round) -> dict[str, object]:
    """A round for a model's note."""
    call = one.event.header.call.call()
    broken = [str(mismatch) for mismatch in one.event.header.mismatches]
    head = {"event": one.event.id, "class": one.report.category.value, "call": str(call), "broken": broken}
    return {**head, "trials": one.trials, **one.lesson.to_dict()}


def _met_by_the_loop(recipe: Recipe, start: Checkpoint, simulator: Simulator) -> Taught:
    """The model that is in use after so many accepted lessons as there are rounds, or fewer where nothing more fails."""
    learns = recipe.learns
    assert isinstance(learns, FromLoop)
    learner = Learner(simulator, load_rehearsal(Path(recipe.rehearsal)))
    life = replace(_life(recipe), rounds=recipe.rounds * learns.failures)
    found = life.run(start.model, start.digest, learner, Classifier(simulator, Camera()), recipe.seed)
    rounds = list(until_accepted(found, recipe.rounds))
    note: dict[str, object] = {"rounds": list(map(_told, rounds))}
    accepted = [one.lesson.model for one in rounds if one.lesson.verdict.passed]
    if not accepted:
        return start.model, {**note, "not_learnt": "no failure gave a lesson that was accepted"}
    return accepted[-1], note


def _adapted(recipe: Recipe, start: Checkpoint, simulator: Simulator) -> Taught:
    """Judged by the transition itself, as nothing else is known."""
    life = _sure(_life(recipe))
    met = life.meet(start.model, start.digest, Classifier(simulator, Camera()), recipe.seed)
    if met is None:
        raise NothingToVaryError(f"no failure of a wrong symbolic prediction was met in {life.patience} trials")
    data = from_event(met[0])
    tuned, adjusts = best_rung(start.model, data, data, load_rehearsal(Path(recipe.rehearsal)).replay, recipe.seed)
    return tuned, {"samples": len(data), "adjusts": adjusts, "event": met[0].id}


def _shown(recipe: Recipe, start: Checkpoint, simulator: Simulator) -> Taught:
    """On true executions that failed in trials of their own; as many further ones decide which weights to adjust."""
    learns = recipe.learns
    assert isinstance(learns, FromTruth)
    found = true_failures(start, task(recipe.task), recipe.objects, 2 * learns.samples, recipe.seed, simulator)
    if len(found) < 2:
        raise NothingToVaryError("too few true failures were met")
    half = len(found) // 2
    data, check = from_outcomes(found[:half]), from_outcomes(found[half:])
    tuned, adjusts = best_rung(start.model, data, check, load_rehearsal(Path(recipe.rehearsal)).replay, recipe.seed)
    return tuned, {"samples": len(data), "adjusts": adjusts}


_HOW: dict[type, Callable[[Recipe, Checkpoint, Simulator], Taught]] = {
    MorePretraining: _continued,
    FromFailures: _taught,
    FromObserved: _adapted,
    FromLoop: _met_by_the_loop,
    FromTruth: _shown,
}
