"""Executions of the pre-training distribution that a study makes for itself: nothing was trained on them or chosen by them.

The acceptance test's own held-out executions choose which of many tuned models is taken, so that what is lost on them errs
downwards; a study tells what is lost on these.
"""

from __future__ import annotations

from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.training.metrics import evaluate
from fail2progress.models.training.transitions import Transitions
from fail2progress.simulation.base import Simulator
from fail2progress.tasks.pretraining import job
from fail2progress.tasks.seeds import FRESH_SEEDS

COUNT = 400
"""Executions: six seconds of one core, and one or two more for every model. The F1 is some .002 another one of another seed,
before a lesson and after it alike."""


def executions(simulator: Simulator, seed: int, count: int = COUNT) -> Transitions:
    """Those of a study's seed which were at rest."""
    jobs = [job(FRESH_SEEDS + seed, number) for number in range(count)]
    return from_outcomes([outcome for outcome in simulator.execute_all(jobs) if outcome.stable])


def fresh_f1(model: SkillEffectModel, found: Transitions) -> float:
    """F1 of the relations that are predicted, as the acceptance test measures it."""
    return evaluate(model, found).prediction_f1
