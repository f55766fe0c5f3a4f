from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch

from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning import ladder as steps
from fail2progress.learning.finetuning import learner as room
from fail2progress.learning.finetuning.acceptance import AIM, AcceptanceResult, Rule, Scores
from fail2progress.learning.finetuning.blending import SHARES, blended
from fail2progress.learning.finetuning.finetune import FinetuneOptions, finetune
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.learning.finetuning.rehearsal import choose
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.training.transitions import Transitions
from support.remembering import Remembering

FIRM = "all, agreeing twice as much"


def test_some_of_the_way_lies_between_both(model: Points2Plans) -> None:
    other = Points2Plans(model.config)
    with torch.no_grad():
        other.messages.along.add_(1.0)
    adapters = {id(one) for one in other.adapter_parameters()}
    whole = {name for name, one in other.named_parameters() if id(one) in adapters}
    assert "messages.along" in whole
    for share in (0.0, 0.25, 1.0):
        found = blended(model, other, share).state_dict()
        for name, begin in model.state_dict().items():
            if begin.is_floating_point():
                end, way = other.state_dict()[name], 1.0 if name in whole else share
                torch.testing.assert_close(found[name], begin + way * (end - begin), atol=1e-6, rtol=1e-5)


def test_where_only_adapters_were_tuned_these_go_back(model: Points2Plans) -> None:
    other = deepcopy(model)
    with torch.no_grad():
        other.messages.along.add_(1.0)
    torch.testing.assert_close(blended(model, other, 0.25).state_dict()["messages.along"], model.messages.along + 0.25)


@pytest.mark.parametrize(
    ("lost", "after", "times"),
    [
        (0.5 * AIM, 0.5 * AIM, 0),
        (2.0 * AIM, 2.0 * AIM, len(SHARES)),
        (2.0 * AIM, 0.9 * AIM, 1),  # little enough is forgotten at once
        (9.0 * AIM, 9.0 * AIM, 0),
    ],
)
def test_what_forgets_a_little_too_much_is_tried_some_of_the_way(
    remembering: Remembering,
    data: Transitions,
    event: FailureEvent,
    model: Points2Plans,
    monkeypatch: pytest.MonkeyPatch,
    lost: float,
    after: float,
    times: int,
) -> None:
    """Whatever is learnt, the acceptance test says that it mends the failure and forgets so much, and then so much."""
    losses = iter([lost, *[after] * len(SHARES)])

    def judge(before: Scores, now: Scores, rule: Rule) -> AcceptanceResult:
        forgets = replace(now, held_out_detection=before.held_out_detection - next(losses), held_out_prediction=1.0, lessons=())
        return AcceptanceResult(True, replace(before, lessons=(), held_out_prediction=1.0), forgets, "")

    monkeypatch.setattr(room, "judge", judge)
    targeting = TargetOptions(samples=2, oversampling=2.0, state_steps=2, action_steps=2)
    finetuning = FinetuneOptions(2, batch=4, replay=2, adjusts="all", distillation=0.0)
    lesson = Learner(remembering, choose(data), targeting, finetuning, patience=0.0).learn([event], model, 0)
    assert len(lesson.tries) == 1 + times
    assert [one.label for one in lesson.tries[1:]] == [f"all, {share:.0%} of the way" for share in SHARES][:times]


@pytest.mark.parametrize(
    ("losses", "passes", "labels"),
    [
        ((0.5, 0.5), True, []),
        ((2.0, 0.9), True, [FIRM]),
        ((2.0, 2.0, 0.9), True, [FIRM, f"{FIRM}, 90% of the way"]),
        ((2.0, 0.9, 0.9), False, [FIRM, "all, 90% of the way"]),  # what agrees more does not mend the failure
        ((9.0, 9.0), True, []),
    ],
)
def test_what_forgets_a_little_too_much_is_trained_again_to_agree_more(
    remembering: Remembering,
    data: Transitions,
    event: FailureEvent,
    model: Points2Plans,
    monkeypatch: pytest.MonkeyPatch,
    losses: tuple[float, ...],
    passes: bool,
    labels: list[str],
) -> None:
    left, heard = iter(enumerate(losses)), list[float]()

    def judge(before: Scores, now: Scores, rule: Rule) -> AcceptanceResult:
        number, lost = next(left)
        old = replace(before, lessons=(), held_out_prediction=1.0, failure_f1=0.5)
        forgets = replace(now, held_out_detection=old.held_out_detection - lost * AIM, held_out_prediction=1.0, lessons=())
        return AcceptanceResult(passes or number != 1, old, replace(forgets, failure_f1=0.9), "")

    def watched(*rest: Any, **more: Any) -> SkillEffectModel:
        heard.extend(one.distillation for one in rest if isinstance(one, FinetuneOptions))
        return finetune(*rest, **more)

    monkeypatch.setattr(room, "judge", judge)
    monkeypatch.setattr(steps, "finetune", watched)
    finetuning = FinetuneOptions(2, batch=4, replay=2, adjusts="all")
    targeting = TargetOptions(samples=2, oversampling=2.0, state_steps=2, action_steps=2)
    lesson = Learner(remembering, choose(data), targeting, finetuning, patience=0.0).learn([event], model, 0)
    assert [one.label for one in lesson.tries[1:]] == labels
    assert heard == [finetuning.distillation, 2 * finetuning.distillation][: 1 + bool(labels)]
