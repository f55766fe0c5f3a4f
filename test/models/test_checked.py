"""What models of other packages hand in: nothing that is not finite, or of another size, is planned with."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from fail2progress.core.goals import Goal
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.parts import PartError
from fail2progress.models.base import Action, Effect, LatentState, RelationLogits
from fail2progress.models.binary_pred.model import BinaryPred
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.planning.planner import Planner
from fail2progress.skills.base import SkillCall

GOAL = Goal.parse("above(thing, table)")
CALL = SkillCall("pick_place", "thing", (0.0, -0.5, 0.1, 0.0))
Spoil = Callable[[Effect], object]


class Own(BinaryPred):
    """A trained one is not needed: what is wrong with it comes after."""

    name = "own"
    spoil: Spoil | None = None
    spoil_now: Callable[[RelationLogits], object] | None = None

    def predict(self, state: LatentState, action: Action, considered: object = None) -> Effect:
        effect = super().predict(state, action)
        return effect if self.spoil is None else self.spoil(effect)  # type: ignore[return-value]

    def detect(self, state: LatentState) -> RelationLogits:
        now = super().detect(state)
        return now if self.spoil_now is None else self.spoil_now(now)  # type: ignore[return-value]


@pytest.fixture
def seen() -> SegmentedCloud:
    rng = np.random.default_rng(0)
    sizes, middles = np.array([[0.5, 0.5, 0.04], [0.05, 0.05, 0.05]]), np.array([[0.6, 0.0, 0.4], [0.6, 0.0, 0.45]])
    points = (middles[:, None] + sizes[:, None] * rng.uniform(-0.5, 0.5, (2, 128, 3))).astype(np.float32)
    return SegmentedCloud(("table", "thing"), ("table", "cuboid"), points, np.ones(2, np.float32))


@pytest.fixture
def own() -> Own:
    torch.manual_seed(0)
    made = Own.from_config(Own.Config(), Own().vocabulary)
    assert isinstance(made, Own)
    return made.eval()


def spoilt(logits: RelationLogits, value: float) -> RelationLogits:
    binary = logits.binary.clone()
    binary[..., -1] = value
    return RelationLogits(binary, logits.unary)


WRONG: list[tuple[Spoil, str]] = [
    (lambda effect: replace(effect, relations=spoilt(effect.relations, np.nan)), "binary relations must be finite"),
    (lambda effect: replace(effect, relations=spoilt(effect.relations, np.inf)), "binary relations must be finite"),
    (lambda effect: replace(effect, displacement=torch.full((1, 2, 3), torch.nan)), "displacement must be"),
    (lambda effect: replace(effect, displacement=torch.zeros(1, 2, 2)), r"displacement must be a tensor \(1, 2, 3\)"),
    (lambda effect: replace(effect, state=replace(effect.state, box=effect.state.box * torch.nan)), "box must be finite"),
    (lambda effect: effect.relations, "gave RelationLogits, it must give an Effect"),
]


@pytest.mark.parametrize(("spoil", "said"), WRONG)
def test_an_effect_is_looked_at(own: Own, seen: SegmentedCloud, spoil: Spoil, said: str) -> None:
    belief = encode_observation(own, seen)
    predict_effect(own, belief, CALL)
    own.spoil = spoil
    with pytest.raises(PartError, match=rf"model 'own' of test, predict.*{said}"):
        predict_effect(own, belief, CALL)


def test_no_plan_is_made_of_what_is_not_a_number(own: Own, seen: SegmentedCloud) -> None:
    belief = encode_observation(own, seen)
    planner = Planner(own, torch.Generator().manual_seed(0))
    own.spoil_now = lambda now: spoilt(now, np.nan)
    with pytest.raises(PartError, match=r"model 'own' of test, detect.*4 of 36 are NaN or infinite"):
        planner.plan(belief, (GOAL,))
    own.spoil_now = lambda now: RelationLogits(torch.full_like(now.binary, -5.0), torch.full_like(now.unary, 5.0))
    own.spoil = WRONG[0][0]
    with pytest.raises(PartError, match="model 'own' of test, predict"):
        planner.plan(belief, (GOAL,))


def test_weights_that_have_diverged_are_told(own: Own, seen: SegmentedCloud) -> None:
    with torch.no_grad():
        for parameter in own.finetuned_parameters():
            parameter.mul_(torch.nan)
    belief = encode_observation(own, seen)
    with pytest.raises(PartError, match="its weights may have diverged"):
        predict_effect(own, belief, CALL)


def test_what_one_raises_is_told_with_its_place(own: Own, seen: SegmentedCloud) -> None:
    def fail(effect: Effect) -> Tensor:
        raise KeyError("weights")

    belief, own.spoil = encode_observation(own, seen), fail
    with pytest.raises(PartError, match=r"model 'own' of test raised KeyError: 'weights' \(test_checked.py, line \d+\)"):
        predict_effect(own, belief, CALL)
