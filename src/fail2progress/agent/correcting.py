"""Corrections in the loop: they hold during an episode, and are reviewed by what came out when it is over."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fail2progress.agent.monitor import StepResult
from fail2progress.failures.classifier import undecided
from fail2progress.failures.corrections import Corrections, Corrector
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport, ended_in
from fail2progress.skills.adjustments import Adjustments

Classify = Callable[[FailureEvent], FailureReport]


@dataclass(frozen=True)
class Correcting:
    """Where corrections are kept, and who says what a failure was."""

    corrector: Corrector
    classify: Classify

    def adjustments(self) -> Adjustments:
        """What the next episode is carried out with. CorrectionError where the file cannot be read."""
        return self.corrector.read().adjustments

    def review(self, taken: Sequence[StepResult]) -> Corrections:
        """Learn from the skills of an episode, in their order. What could not be classified says nothing."""
        for step in taken:
            skill = step.planned.call.skill
            if step.event is None:
                self.corrector.executed(skill)
                continue
            report = self.classify(step.event)
            if report.category is FailureClass.SIM2REAL_GAP:
                self.corrector.executed(skill, report.signals, step.event.id)
        return self.corrector.read()


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
