import pytest
import torch
from torch import Tensor

from fail2progress.core.relations import BINARY
from fail2progress.models.base import Action, LatentState, RelationLogits
from fail2progress.models.implied import WALL, commanded, implied_motion

CUP, PILL, TABLE, OTHER = range(4)
BOXES = torch.tensor(
    [
        [[0.40, -0.05, 0.60], [0.50, 0.05, 0.70]],
        [[0.44, -0.01, 0.61], [0.46, 0.01, 0.63]],
        [[0.30, 0.40, 0.50], [0.90, 0.90, 0.55]],
        [[0.60, -0.05, 0.60], [0.65, 0.05, 0.65]],
    ]
).unsqueeze(0)


@pytest.fixture
def state() -> LatentState:
    code, ids, mask = torch.zeros(1, 4, 1), torch.arange(4)[None], torch.ones(1, 4, dtype=torch.bool)
    return LatentState(code, BOXES, ids, mask, code)


def said(*atoms: tuple[str, int, int]) -> RelationLogits:
    binary = torch.full((1, 4, 4, len(BINARY)), -5.0)
    for relation, one, other in atoms:
        binary[0, one, other, BINARY.index(relation)] = 5.0
    return RelationLogits(binary, torch.zeros(1, 4, 3))


def carry(dz: float = -0.03) -> Action:
    return Action(torch.tensor([0]), torch.tensor([CUP]), torch.tensor([[0.1, 0.6, dz, 0.0]], requires_grad=True))


def moved(motion: Tensor) -> list[list[float]]:
    return [[round(value, 4) for value in row] for row in motion[0].tolist()]


def test_the_object_is_where_the_command_puts_it(state: LatentState) -> None:
    motion = implied_motion(state, said(), said(), carry())
    assert moved(motion) == [[0.1, 0.6, -0.03], [0.0] * 3, [0.0] * 3, [0.0] * 3]
    torch.testing.assert_close(commanded(state, carry())[0, CUP], BOXES[0, CUP] + torch.tensor([0.1, 0.6, -0.03]))
    assert torch.equal(commanded(state, carry())[0, 1:], BOXES[0, 1:])


def test_it_comes_to_rest_on_what_it_is_predicted_to_touch_from_above(state: LatentState) -> None:
    motion = implied_motion(state, said(), said(("above", CUP, TABLE), ("contact", CUP, TABLE)), carry())
    assert moved(motion)[CUP] == [0.1, 0.6, pytest.approx(0.55 - 0.60)]
    floating = implied_motion(state, said(), said(("above", CUP, TABLE)), carry())
    assert moved(floating)[CUP][2] == -0.03


def test_it_comes_to_rest_on_the_floor_of_what_it_is_predicted_to_be_inside(state: LatentState) -> None:
    motion = implied_motion(state, said(), said(("inside", CUP, OTHER), ("above", CUP, TABLE), ("contact", CUP, TABLE)), carry())
    assert moved(motion)[CUP][2] == pytest.approx(WALL, abs=1e-4)


@pytest.mark.parametrize("held", [[("inside", PILL, CUP)], [("above", PILL, CUP), ("contact", PILL, CUP)]])
def test_what_was_in_or_on_it_and_is_predicted_to_stay_so_comes_along(
    state: LatentState, held: list[tuple[str, int, int]]
) -> None:
    along = moved(implied_motion(state, said(*held), said(*held), carry()))
    assert along[PILL] == along[CUP] == [0.1, 0.6, -0.03] and along[OTHER] == [0.0] * 3
    for before, after in ((said(*held), said()), (said(), said(*held))):
        assert moved(implied_motion(state, before, after, carry()))[PILL] == [0.0] * 3


def test_what_is_not_seen_holds_nothing_and_is_not_carried(state: LatentState) -> None:
    hidden = LatentState(state.code, state.box, state.ids, torch.tensor([[True, False, False, True]]), state.tokens)
    held = said(("inside", PILL, CUP), ("above", CUP, TABLE), ("contact", CUP, TABLE))
    motion = moved(implied_motion(hidden, held, held, carry()))
    assert motion[CUP] == [0.1, 0.6, -0.03] and motion[PILL] == [0.0] * 3


def test_it_follows_the_parameters(state: LatentState) -> None:
    action = carry()
    implied_motion(state, said(), said(("above", CUP, TABLE), ("contact", CUP, TABLE)), action).sum().backward()
    assert action.parameters.grad is not None and action.parameters.grad[0, :2].tolist() == [1.0, 1.0]
