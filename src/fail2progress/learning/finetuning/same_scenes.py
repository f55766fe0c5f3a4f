"""Held-back scenes that do not depend on how a model learnt: all methods are judged on the same ones.

The acceptance test looks at scenes that the method itself made and did not train on. Those of two methods differ, so its figures
do not say which of the two models is better.
"""

from __future__ import annotations

from dataclasses import replace

from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.targeted import TargetOptions, target
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.training.metrics import evaluate
from fail2progress.models.training.transitions import Transitions
from fail2progress.simulation.base import Simulator

SCENES = 20
"""Scenes of the failure's kind that are simulated."""
_SEED = 90_001
_OPTIONS = TargetOptions(method="prior", acquisition="prior", samples=SCENES)


def same_scenes(
    event: FailureEvent, parent: SkillEffectModel, simulator: Simulator, physics: tuple[str, ...] = ()
) -> Transitions:
    """Executions like the failure: scenes and actions drawn from the prior over them, by a seed that nothing else uses.

    `physics`: see TargetOptions.

    The same failure and parent give the same executions, whatever learns from them. NothingToVaryError where there are none.
    """
    return from_outcomes(target(event, parent, simulator, replace(_OPTIONS, physics=physics), _SEED).outcomes)


def judged(scenes: Transitions, before: SkillEffectModel, after: SkillEffectModel) -> dict[str, object]:
    """F1 of the relations after the skill, and the displacement error in metres of what moves, of both models."""
    found = {name: evaluate(model, scenes) for name, model in (("before", before), ("after", after))}
    figures = {name: {"f1": each.prediction_f1, "moved_error_m": each.moved_error} for name, each in found.items()}
    return {"scenes": len(scenes), **figures}
