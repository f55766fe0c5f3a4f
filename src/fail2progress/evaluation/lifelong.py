"""Learning from the failures of one task, met one after the other: run, fail, classify, learn, swap, run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fail2progress.agent.loop import AgentConfig
from fail2progress.core.camera import Camera
from fail2progress.evaluation.embodiment import Embodiment
from fail2progress.evaluation.trials import run_trial
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.learning.finetuning.learner import FineTuningResult, Learner
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import digest_of
from fail2progress.simulation.base import Simulator
from fail2progress.tasks.base import Task, Trial
from fail2progress.tasks.seeds import LEARNING_SEEDS


def first_trial(seed: int) -> int:
    """The seed of the first trial in which failures are met."""
    return LEARNING_SEEDS + 1000 * seed


@dataclass(frozen=True)
class Round:
    """One failure met and learnt from. `trials` counts the trials run until it was met."""

    event: FailureEvent
    report: FailureReport
    lesson: FineTuningResult
    trials: int


@dataclass(frozen=True)
class Lifelong:
    """How failures are met: with so many objects, in at most so many trials for each, `rounds` failures at most."""

    task: Task
    objects: int = 3
    rounds: int = 1
    patience: int = 20
    config: AgentConfig = field(default_factory=lambda: AgentConfig(replan=True, stop_at_failure=True))
    camera: Camera = field(default_factory=Camera)
    embodiment: Embodiment = field(default_factory=Embodiment)

    def run(
        self,
        model: SkillEffectModel,
        digest: str,
        learner: Learner,
        classifier: Classifier,
        seed: int,
        report: Callable[[str, float], None] = lambda stage, share: None,
    ) -> Iterator[Round]:
        """Yield each round as it ends; a lesson that the gate rejects leaves the model as it was."""
        events: list[FailureEvent] = []
        trial_seed = first_trial(seed)
        for _ in range(self.rounds):
            met = self._met(model, digest, classifier, trial_seed, report)
            if met is None:
                return
            event, verdict, trials = met
            trial_seed += trials
            events.append(event)
            lesson = learner.learn(events, model, seed + len(events), report)
            if lesson.verdict.passed:
                model, digest = lesson.model, digest_of(lesson.model)
            yield Round(event, verdict, lesson, trials)

    def meet(
        self, model: SkillEffectModel, digest: str, classifier: Classifier, seed: int
    ) -> tuple[FailureEvent, FailureReport, int] | None:
        """The first failure of a seed, its report, and in which trial it was met; None where none was within the patience."""
        return self._met(model, digest, classifier, first_trial(seed), lambda stage, share: None)

    def _met(
        self,
        model: SkillEffectModel,
        digest: str,
        classifier: Classifier,
        seed: int,
        report: Callable[[str, float], None],
    ) -> tuple[FailureEvent, FailureReport, int] | None:
        """The next failure that comes from an incorrect symbolic prediction, or None within the patience."""
        for number in range(self.patience):
            report("trial", number / self.patience)
            trial = self.task.trial(self.objects, seed + number)
            for event in self._failures(model, digest, trial, classifier.simulator):
                verdict = classifier.classify(event)
                if verdict.category is FailureClass.SYMBOLIC_PREDICTION:
                    return event, verdict, number + 1
        return None

    def _failures(self, model: SkillEffectModel, digest: str, trial: Trial, simulator: Simulator) -> list[FailureEvent]:
        _, events, _, _ = run_trial(
            model, digest, trial, self.config, simulator=simulator, camera=self.camera, embodiment=self.embodiment
        )
        return events
