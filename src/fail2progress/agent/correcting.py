"""Corrections in the loop: they hold during an episode, and are reviewed by what came out when it is over."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fail2progress.agent.monitor import StepResult
from fail2progress.failures.classifier import undecided
from fail2progress.failures.corrections import Corrector
from fail2progress.failures.edits import Corrections, Execution
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport, ended_in

Classify = Callable[[FailureEvent], FailureReport]


@dataclass(frozen=True)
class Correcting:
    """Where corrections are kept, and who says what a failure was."""

    corrector: Corrector
    classify: Classify

    def begin(self) -> Corrections:
        """What the next episode is carried out with, until its end. CorrectionError where the file cannot be read."""
        return self.corrector.read()

    def review(self, taken: Sequence[StepResult], began: Corrections) -> Corrections:
        """Learn from the skills of an episode, in their order, and what it began with. What was not classified says nothing."""
        done = [execution for step in taken if (execution := self._execution(step)) is not None]
        return self.corrector.executed(done, began)

    def _execution(self, step: StepResult) -> Execution | None:
        skill = step.planned.call.skill
        if step.event is None:
            return Execution(skill)
        report = self.classify(step.event)
        gap = report.category is FailureClass.SIM2REAL_GAP
        return Execution(skill, report.signals, step.event.id) if gap else None


def forgiving(classify: Classify) -> Classify:
    """The same, where an error is a report of no class and a warning that names it: the episode it is of is over and stays."""

    def classified(event: FailureEvent) -> FailureReport:
        try:
            return classify(event)
        except Exception as error:
            reason = ended_in("its classification", error)
            warnings.warn(f"failure {event.id}: {reason}; nothing is corrected for it", RuntimeWarning, stacklevel=2)
            return undecided(event, reason)

    return classified
