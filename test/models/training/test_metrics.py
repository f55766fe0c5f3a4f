from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from fail2progress.core.relations import BINARY
from fail2progress.models.base import Action, Effect, LatentState, RelationLogits, SkillEffectModel
from fail2progress.models.training.metrics import MOVED, Quality, evaluate
from fail2progress.models.training.transitions import Transitions, select

ABOVE, INSIDE = BINARY.index("above"), BINARY.index("inside")


@dataclass(frozen=True)
class Lies:
    """What the knowing model says otherwise than it is."""

    quiet: tuple[int, ...] = ()
    """Relations never said."""
    loud: tuple[int, ...] = ()
    """Relations always said."""
    offset: float = 0.0
    """Metres by which all displacements are wrong along x."""


class Knows(SkillEffectModel):
    """Knows a set by heart. Its shape codes are rows of clouds, and the clouds before a skill are in the segments' order."""

    name = "knows"

    def __init__(self, data: Transitions, lies: Lies = Lies()) -> None:
        super().__init__()
        self.data, self.lies = data, lies

    def encode(self, points: Tensor, prepared: Mapping[str, Tensor]) -> Tensor:
        raise AssertionError("codes are given")

    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        return LatentState(code, box, ids, mask, code)

    def detect(self, state: LatentState) -> RelationLogits:
        return self._relations(state, 0)

    def predict(self, state: LatentState, action: Action) -> Effect:
        shift = self.data.shift[state.code[..., 0].long().clamp(max=len(self.data.shift) - 1)]
        shift = shift + torch.tensor([self.lies.offset, 0.0, 0.0])
        return Effect(shift, self._relations(state, 1), state.tokens, state)

    def _relations(self, state: LatentState, side: int) -> RelationLogits:
        segment = state.code[..., 0].long()
        execution = torch.searchsorted(self.data.offsets, segment[:, 0].contiguous(), right=True) - 1
        count, size = self.data.count[execution], segment.shape[1]
        column = torch.arange(size)
        pair = self.data.pair_offsets[execution][:, None, None] + column[:, None] * count[:, None, None] + column
        holds = self.data.binary[pair.clamp(max=len(self.data.binary) - 1), side].clone()
        holds[..., list(self.lies.quiet)] = False
        holds[..., list(self.lies.loud)] = True
        return RelationLogits(2.0 * holds - 1.0, torch.zeros(*segment.shape, 3))

    def pretrained_parameters(self) -> list[nn.Parameter]:
        return []

    def finetuned_parameters(self) -> list[nn.Parameter]:
        return []


def clouds(data: Transitions) -> Tensor:
    return torch.arange(len(data.points)).float().unsqueeze(1)


@pytest.fixture(scope="module")
def own(data: Transitions) -> Transitions:
    """Clouds in the order of the segments, as `from_arrays` makes them."""
    assert torch.equal(data.cloud[:, 0], torch.arange(len(data.shift)))
    return data


@pytest.mark.parametrize("chunk", [7, 100, 1000])
def test_perfect_predictions(own: Transitions, chunk: int) -> None:
    quality = evaluate(Knows(own), own, clouds(own), chunk=chunk)
    assert quality.detection_f1 == quality.prediction_f1 == 1.0
    assert quality.moved_error == quality.still_error == 0.0 and quality.executions == len(own)
    assert {"above", "inside", "contact"} <= set(quality.prediction) <= set(BINARY)
    assert set(quality.often) <= set(quality.prediction) and quality.worst == 1.0


def test_a_relation_never_said_and_one_always_said(own: Transitions) -> None:
    quality = evaluate(Knows(own, Lies(quiet=(ABOVE,), loud=(INSIDE,))), own, clouds(own))
    assert quality.detection["above"] == quality.prediction["above"] == 0.0
    assert quality.detection["below"] == quality.prediction["left"] == 1.0
    assert "above" in quality.often and quality.worst == 0.0
    for side, found in enumerate((quality.detection, quality.prediction)):
        true = total = 0
        for number in range(len(own)):
            first, count, pairs = int(own.offsets[number]), int(own.count[number]), int(own.pair_offsets[number])
            seen = own.seen[first : first + count, 0]
            counted = seen.unsqueeze(0) & seen.unsqueeze(1) & ~torch.eye(count, dtype=torch.bool)
            inside = own.binary[pairs : pairs + count**2, side, INSIDE].view(count, count)
            true, total = true + int((inside & counted).sum()), total + int(counted.sum())
        assert found["inside"] == pytest.approx(2 * true / (total + true))
    names = set(quality.prediction)
    assert quality.prediction_f1 == pytest.approx((len(names) - 2 + quality.prediction["inside"]) / len(names))


def test_errors_of_what_moved_and_of_what_stayed(own: Transitions) -> None:
    quality = evaluate(Knows(own, Lies(offset=0.03)), own, clouds(own))
    assert quality.moved_error == pytest.approx(0.03, rel=1e-3) and quality.still_error == pytest.approx(0.03, rel=1e-3)
    nothing = replace(own, shift=torch.zeros_like(own.shift))
    quality = evaluate(Knows(nothing), own, clouds(own))
    moved = (own.shift.norm(dim=1) > MOVED) & own.seen[:, 0]
    assert quality.moved_error == pytest.approx(float(own.shift[moved].norm(dim=1).mean()), rel=1e-3)
    assert quality.still_error < MOVED


def test_only_the_pairs_asked_for(own: Transitions) -> None:
    model = Knows(own, Lies(quiet=(ABOVE,)))
    some = evaluate(model, own, clouds(own), pairs=lambda batch: batch.binary[..., 0, ABOVE] == 0)
    assert "above" not in some.detection and "above" in some.prediction


def test_what_never_holds_has_no_score(own: Transitions) -> None:
    part = select(own, [0])
    quality = evaluate(Knows(part), part, clouds(part))
    holding = part.binary.any(dim=0)
    expected = [{name for k, name in enumerate(BINARY) if holding[side, k]} for side in range(2)]
    assert set(quality.detection) <= expected[0] and set(quality.prediction) <= expected[1]
    assert quality.to_dict()["prediction_f1"] == 1.0


def test_where_no_relation_holds_none_is_missed() -> None:
    nothing = Quality({}, {}, 0.0, 0.0, 1)
    assert (nothing.prediction_f1, nothing.detection_f1, nothing.worst) == (1.0, 1.0, 1.0)
