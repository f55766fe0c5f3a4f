"""The gate: a fine-tuned model goes live only if it does better on the failure and not worse on what worked."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

from fail2progress.models.base import SkillEffectModel
from fail2progress.models.training.metrics import evaluate
from fail2progress.models.training.transitions import Transitions


@dataclass(frozen=True)
class Scores:
    """A model before the gate: on the failure's kind, and on held-out executions of the pre-training distribution."""

    failure_f1: float
    failure_error: float
    """Displacement error in metres of what moved, on held-back generated executions of the failure."""
    held_out_detection: float
    held_out_prediction: float


@dataclass(frozen=True)
class AcceptanceResult:
    """Whether a model may go live, and why not."""

    passed: bool
    before: Scores
    after: Scores
    reason: str


def score(model: SkillEffectModel, failure: Transitions, held_out: Transitions) -> Scores:
    """Measure a model for the gate."""
    on_failure, on_old = evaluate(model, failure), evaluate(model, held_out)
    return Scores(on_failure.prediction_f1, on_failure.moved_error, on_old.detection_f1, on_old.prediction_f1)


def judge(before: Scores, after: Scores, margin: float = 0.02, gain: float = 0.01) -> AcceptanceResult:
    """Better on the failure by `gain` of F1 or a tenth less error, and at most `margin` of F1 worse on what worked before.

    What is not a number is not better.
    """
    detection = before.held_out_detection - after.held_out_detection
    lost = max(detection, before.held_out_prediction - after.held_out_prediction)
    sound = all(math.isfinite(value) for value in astuple(after))
    better = after.failure_f1 >= before.failure_f1 + gain or after.failure_error <= 0.9 * before.failure_error - 1e-9
    if not sound or not better:
        return AcceptanceResult(False, before, after, "it does not do better on the failure")
    if lost > margin:
        return AcceptanceResult(False, before, after, f"it loses {lost:.3f} F1 on what worked before, more than {margin:.3f}")
    return AcceptanceResult(True, before, after, "better on the failure, not worse elsewhere")
