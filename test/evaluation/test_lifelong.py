from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from fail2progress.core.camera import Camera
from fail2progress.evaluation import evaluate
from fail2progress.evaluation.lifelong import Lifelong, Round
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import digest_of
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.registry import task
from fail2progress.tasks.seeds import EVALUATION_SEEDS, LEARNING_SEEDS

Make = Callable[..., SkillEffectModel]
DIGEST = "d" * 64
TABLETOP = task("hierarchical-tabletop")


@dataclass
class Teacher:
    """Takes failures and gives a model, as a learner does."""

    given: SkillEffectModel
    passes: bool = True
    asked: list[tuple[list[FailureEvent], SkillEffectModel, int]] = field(default_factory=list)

    def learn(self, events: list[FailureEvent], model: SkillEffectModel, seed: int, report: Any) -> Any:
        self.asked.append((list(events), model, seed))
        return SimpleNamespace(model=self.given, verdict=SimpleNamespace(passed=self.passes))


def rounds(model: SkillEffectModel, teacher: Teacher, seed: int = 2, **options: Any) -> list[Round]:
    classifier = Classifier(MujocoSimulator(), Camera(), repetitions=3)
    life = Lifelong(TABLETOP, **options)
    return list(life.run(model, DIGEST, teacher, classifier, seed))  # type: ignore[arg-type]


def test_a_failure_is_met_learnt_from_and_met_no_more(oracle: Make) -> None:
    ignorant, knowing = oracle(carries=False), oracle()
    teacher = Teacher(knowing)
    (found,) = rounds(ignorant, teacher, rounds=3, patience=2)  # then none within the patience
    assert found.report.category is FailureClass.SYMBOLIC_PREDICTION and found.report.failure == found.event.id
    assert 1 <= found.trials <= 2 and found.lesson.model is knowing
    header = found.event.header
    assert header.model == DIGEST and header.objects == 3
    assert header.seed == LEARNING_SEEDS + 2000 + found.trials - 1
    assert {(m.relation, m.subject, m.other) for m in header.mismatches} >= {("inside", "capsule_1", "cup_1")}
    assert [(len(events), model, seed) for events, model, seed in teacher.asked] == [(1, ignorant, 3)]


def test_a_rejected_lesson_leaves_the_model_and_failures_add_up(oracle: Make) -> None:
    ignorant = oracle(carries=False)
    teacher = Teacher(oracle(), passes=False)
    found = rounds(ignorant, teacher, rounds=2)
    assert [len(events) for events, _, _ in teacher.asked] == [1, 2]
    assert all(model is ignorant for _, model, _ in teacher.asked)
    assert [seed for _, _, seed in teacher.asked] == [3, 4]
    first, second = (r.event.header.seed for r in found)
    assert second >= first + found[0].trials  # no trial is met twice
    assert teacher.asked[1][0] == [r.event for r in found]


def test_a_failure_names_the_model_in_use(oracle: Make) -> None:
    first, second = rounds(oracle(carries=False), Teacher(better := oracle(carries=False)), rounds=2)
    assert (first.event.header.model, second.event.header.model) == (DIGEST, digest_of(better))


def test_who_meets_no_failure_learns_nothing(oracle: Make) -> None:
    teacher = Teacher(oracle())
    assert rounds(oracle(), teacher, patience=2) == [] and teacher.asked == []


def test_a_failure_that_the_simulation_does_not_show_is_nothing_to_learn_from(
    oracle: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    classify = Classifier.classify

    def gap(self: Classifier, event: FailureEvent, seed: int = 0) -> Any:
        return classify(self, event, seed).model_copy(update={"category": FailureClass.SIM2REAL_GAP})

    monkeypatch.setattr(Classifier, "classify", gap)
    assert rounds(oracle(carries=False), Teacher(oracle()), patience=2) == []


def test_trials_for_learning_and_for_evaluation_have_seeds_of_their_own() -> None:
    learning = range(LEARNING_SEEDS, LEARNING_SEEDS + 1000 * 20)
    assert learning.stop <= evaluate.SEEDS < EVALUATION_SEEDS and EVALUATION_SEEDS % evaluate.SEEDS == 0
