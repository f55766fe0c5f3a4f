"""The whole story in one process: a robot fails, learns why, generates what it was missing, and succeeds."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from fail2progress.agent.loop import AgentConfig, Episode
from fail2progress.core.camera import Camera
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.trials import TrialResult, carry_out, judge, run_trial
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.exports import note_gaps
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.failures.store import FailureStore
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.learner import FineTuningResult, Learner
from fail2progress.learning.finetuning.rehearsal import load_rehearsal
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.learning.finetuning.versions import register_lesson
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint
from fail2progress.models.store import Registry
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Simulator
from fail2progress.tasks import DEFAULT
from fail2progress.tasks.base import Trial
from fail2progress.tasks.registry import task
from fail2progress.tasks.seeds import EVALUATION_SEEDS, first_seed

PATIENCE = 10
"""Trials that may pass without a failure that the model can learn from."""

Tell = Callable[[str, float], None]
"""Told what is going on and which share of it is done."""


@dataclass(frozen=True)
class StoryOptions:
    """What to tell: with how many objects, from which seed, with which model, and where everything goes."""

    out: Path
    model: Path
    rehearsal: Path
    objects: int = 3
    seed: int = 0
    task: str = DEFAULT
    """A name or the path of a task file."""
    robot: str = "stretch"
    """Of the trial that is shown: "stretch" with its own joints and head camera, or "hand"."""
    unseen: int = 5
    """Trials with other seeds, run open loop with either model."""
    targeting: TargetOptions = field(default_factory=TargetOptions)
    finetuning: FinetuneOptions = field(default_factory=FinetuneOptions)
    patience: float = Learner.patience
    """Seconds of processor time within which the learner begins another attempt."""


def shorter(options: StoryOptions) -> StoryOptions:
    """The same story from fewer scenes, steps and epochs, with one unseen trial; the first model that passes will do."""
    targeting = replace(options.targeting, samples=10, state_steps=40, action_steps=12)
    finetuning = replace(options.finetuning, epochs=120, replay=20)
    return replace(options, unseen=1, targeting=targeting, finetuning=finetuning, patience=0.0)


@dataclass(frozen=True)
class Run:
    """One trial that was carried out."""

    trial: Trial
    episode: Episode
    robot: SimulatedRobot | SimulatedStretch
    result: TrialResult


@dataclass(frozen=True)
class Story:
    """Everything that happened, for the report."""

    options: StoryOptions
    quiet: int
    """Trials before the one that is shown: without a failure, or with one that the model can learn nothing from."""
    first: Run
    event: FailureEvent
    report: FailureReport
    lesson: FineTuningResult
    again: Run
    unseen: tuple[tuple[TrialResult, TrialResult], ...]
    """Open loop with the model before and after."""
    models: tuple[str, str]
    """Digests before and after."""
    seconds: dict[str, float]
    provenance: dict[str, object]
    open_loop: tuple[TrialResult, TrialResult]
    """The trial that failed, carried out without looking again, with the model before and after."""
    version: str
    """The name of what was learnt among the models' versions."""

    @property
    def learnt(self) -> tuple[str, str]:
        """The version in use that learnt from the failure ("" for none), and what the acceptance test said."""
        verdict = self.lesson.verdict
        return (self.version if verdict.passed else "", verdict.reason)

    @property
    def reached(self) -> bool:
        """Whether the robot with the new model reached the goal."""
        return self.again.result.success


@dataclass
class Diary:
    """events.jsonl: one line for each typed event, written as it happens."""

    path: Path

    def write(self, event: str, **payload: object) -> None:
        """Add a line."""
        line = {"ts_utc": datetime.now(timezone.utc).isoformat(timespec="milliseconds"), "event": event, "payload": payload}
        with self.path.open("a") as file:
            file.write(json.dumps(line, default=str) + "\n")


class NoStoryError(RuntimeError):
    """The story did not come about, and why."""


def tell_story(options: StoryOptions, simulator: Simulator, tell: Tell) -> Story:
    """Perceive, plan, act, monitor; then classify, learn, swap, and do it again. NoStoryError where none is met to learn from."""
    options.out.mkdir(parents=True, exist_ok=True)
    diary, store = Diary(options.out / "events.jsonl"), FailureStore(options.out / "failures.sqlite")
    diary.write("run_started", task=options.task, objects=options.objects, seed=options.seed, model=options.model.name)
    start, registry = load_checkpoint(options.model), Registry(options.out / "models")
    before = registry.begin(start)
    clock = {"begin": time.perf_counter()}

    quiet, first, event, report = _teachable(options, before, simulator, store, diary, clock, tell)
    learner = Learner(
        simulator, load_rehearsal(options.rehearsal), options.targeting, options.finetuning, patience=options.patience
    )
    lesson = learner.learn([event], before.model, options.seed, tell)
    diary.write("lesson", **lesson.to_dict())
    version = register_lesson(registry, before, lesson, event.id, options.targeting.method, options.seed)
    store.add_lesson(event.id, version if lesson.verdict.passed else "", lesson.verdict.reason)
    after = _swap(registry, before, version, lesson, diary)
    clock["learning"] = time.perf_counter()
    tell("the same trial again", 0.0)
    again = _run(first.trial, after, store, diary, AgentConfig(), options.robot)
    open_loop = _open_loop(first.trial, before, after)
    unseen = _unseen(options, before, after, tell)
    clock["trials after"] = time.perf_counter()
    diary.write("run_finished", success=again.result.success)
    marks = list(clock)
    seconds = {name: clock[name] - clock[earlier] for earlier, name in itertools.pairwise(marks)}
    block = provenance(objects=options.objects, seed=options.seed, models=[before.digest, after.digest])
    digests = (before.digest, after.digest)
    return Story(options, quiet, first, event, report, lesson, again, unseen, digests, seconds, block, open_loop, version)


def _failures(
    options: StoryOptions, model: Checkpoint, store: FailureStore, diary: Diary, tell: Tell, ends: Counter[str]
) -> Iterator[tuple[int, Run, FailureEvent]]:
    """The first failure of each trial that has one, and how many trials were before it; ends: counts how the others ended."""
    family = task(options.task)
    for number in range(PATIENCE):
        tell("running until something fails", number / PATIENCE)
        trial = family.trial(options.objects, first_seed(options.seed) + number)
        run = _run(trial, model, store, diary, AgentConfig(stop_at_failure=True), options.robot)
        if run.episode.failures:
            yield number, run, run.episode.failures[0]
        else:
            ends[re.sub(r" \[[^]]*\]", "", run.episode.outcome)] += 1  # without places


def _teachable(
    options: StoryOptions,
    model: Checkpoint,
    simulator: Simulator,
    store: FailureStore,
    diary: Diary,
    clock: dict[str, float],
    tell: Tell,
) -> tuple[int, Run, FailureEvent, FailureReport]:
    """The first failure that the model can learn from, as _failures gives it, and why it failed. NoStoryError without one."""
    ends: Counter[str] = Counter()
    for quiet, first, event in _failures(options, model, store, diary, tell, ends):
        clock["trial"] = time.perf_counter()
        report = _explained(event, simulator, store, diary, tell)
        clock["classification"] = time.perf_counter()
        if report.category is FailureClass.SYMBOLIC_PREDICTION:
            return quiet, first, event, report
        tell(f"failure {event.id[:8]}: {report.category.value}, nothing to learn for the model; going on", 0.0)
    how = f" ({', '.join(f'{count} ended with: {end}' for end, count in ends.most_common())})" if ends else ""
    if ends.total() == PATIENCE:
        raise NoStoryError(f"nothing failed in {PATIENCE} trials{how}: try another --seed, --model or --task")
    raise NoStoryError(
        f"no failure in {PATIENCE} trials{how} that the model can learn from: try another --seed or --model; "
        f"`fail2progress failures ls --store {options.out / 'failures.sqlite'}` lists what was met"
    )


def _explained(event: FailureEvent, simulator: Simulator, store: FailureStore, diary: Diary, tell: Tell) -> FailureReport:
    """Why it failed, kept with it."""
    tell("finding out why", 0.0)
    report = Classifier(simulator, Camera()).classify(event)
    store.add_report(report)
    note_gaps(store.path, event)
    diary.write("report", failure=event.id, category=report.category.value, confidence=report.confidence)
    return report


def _run(trial: Trial, model: Checkpoint, store: FailureStore, diary: Diary, config: AgentConfig, kind: str) -> Run:
    """One trial, every failure durable before the loop goes on."""

    def keep(event: FailureEvent) -> None:
        store.add(event)
        diary.write("failure", id=event.id, mismatches=[str(m) for m in event.header.mismatches])

    robot: SimulatedRobot | SimulatedStretch
    if kind == "stretch":
        robot = SimulatedStretch(trial.scene, seed=trial.seed)
    else:
        robot = SimulatedRobot(simulators.make(), trial.scene, seed=trial.seed)
    episode = carry_out(
        trial, robot, model.model, model.digest, keep, config, on_event=lambda k, v: diary.write(k, said=_line(v))
    )
    return Run(trial, episode, robot, judge(trial, episode, robot))


def _line(value: object) -> str:
    skills = getattr(value, "skills", None)
    if skills is not None:
        return "; ".join(str(skill.call) for skill in skills)
    return str(getattr(getattr(value, "planned", None), "call", value))


def _swap(registry: Registry, before: Checkpoint, new: str, lesson: FineTuningResult, diary: Diary) -> Checkpoint:
    """What was learnt becomes current only if the gate let it through, and is read back from disk."""
    if not lesson.verdict.passed:
        diary.write("rejected", version=new, reason=lesson.verdict.reason)
        return before
    after = registry.make_current(new)
    diary.write("swap", version=new, digest=after.digest, parent=before.digest)
    return after


def _unseen(
    options: StoryOptions, before: Checkpoint, after: Checkpoint, tell: Tell
) -> tuple[tuple[TrialResult, TrialResult], ...]:
    family, pairs = task(options.task), []
    for number in range(options.unseen):
        tell("unseen trials", number / options.unseen)
        trial = family.trial(options.objects, EVALUATION_SEEDS + 100 * options.seed + number)
        pairs.append(_open_loop(trial, before, after))
    return tuple(pairs)


def _open_loop(trial: Trial, before: Checkpoint, after: Checkpoint) -> tuple[TrialResult, TrialResult]:
    """The whole plan without looking again, with either model."""
    old, new = (run_trial(m.model, m.digest, trial, AgentConfig(replan=False))[0] for m in (before, after))
    return old, new
