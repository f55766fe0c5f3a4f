import pytest
import torch
from torch import Tensor

from fail2progress.core.relations import BINARY, UNARY
from fail2progress.models.base import RelationLogits
from fail2progress.models.points2plans.stopping import Stopping, meeting, room
from fail2progress.skills.registry import SKILLS

PUSH = list(SKILLS).index("push")
TABLE, CASE, FIRST, SECOND = range(4)
ALL = torch.ones(1, 4, dtype=torch.bool)
AHEAD = torch.tensor([[1.0, 0.0]])


def scene(*, gap: float = 0.05, aside: float = 0.0, between: float = 0.01) -> Tensor:
    """A table, a case from x = 0.3 m on, and two blocks of 4 cm before it, one behind the other; `aside` of it, m."""

    def block(end: float) -> list[list[float]]:
        return [[end - 0.04, aside, 0.5], [end, aside + 0.04, 0.54]]

    table, case = [[0.0, -0.3, 0.4], [0.6, 0.3, 0.5]], [[0.3, -0.1, 0.5], [0.5, 0.1, 0.7]]
    second = 0.3 - gap
    return torch.tensor([[table, case, block(second - 0.04 - between), block(second)]])


def told(*held: tuple[str, int, int]) -> RelationLogits:
    """What is believed: the blocks can be moved, and what is `held`."""
    binary, unary = torch.full((1, 4, 4, len(BINARY)), -5.0), torch.full((1, 4, len(UNARY)), -5.0)
    unary[0, [FIRST, SECOND], UNARY.index("movable")] = 5.0
    for name, one, other in held:
        binary[0, one, other, BINARY.index(name)] = 5.0
    return RelationLogits(binary, unary)


def test_boxes_meet_after_the_gap_between_them_and_not_beside_each_other() -> None:
    found = meeting(scene(), AHEAD)[0]
    assert float(found[SECOND, CASE]) == pytest.approx(0.05) and float(found[FIRST, SECOND]) == pytest.approx(0.01)
    assert found[SECOND, FIRST] > 1.0 and found[SECOND, TABLE] > 1.0  # one is behind it, the other below
    assert meeting(scene(aside=0.2), AHEAD)[0, SECOND, CASE] > 1.0
    assert meeting(scene(gap=-0.02), AHEAD)[0, SECOND, CASE] > 1.0  # reaching into each other from the first
    assert float(meeting(scene(gap=-0.002), AHEAD)[0, SECOND, CASE]) == 0.0  # as things that touch are seen


def test_what_pushes_others_has_their_room_too() -> None:
    found = room(scene(), ALL, told(), AHEAD)[0]
    assert float(found[SECOND]) == pytest.approx(0.05) and float(found[FIRST]) == pytest.approx(0.06)
    back = room(scene(), ALL, told(), -AHEAD)[0]
    assert bool((back > 1.0).all())


def test_what_is_in_something_goes_as_far_as_that() -> None:
    found = room(scene(), ALL, told(("inside", SECOND, FIRST)), AHEAD)[0]
    assert float(found[FIRST]) == float(found[SECOND]) == pytest.approx(0.1)
    kept = room(scene(), ALL, told(("inside", SECOND, CASE)), AHEAD)[0]
    assert kept[SECOND] > 1.0


def stopped(stopping: Stopping, up: float = 0.0) -> Tensor:
    """(4, 3) metres by which a push of 12 cm moves all."""
    command = torch.tensor([[0.12, 0.0, up]])
    own = command.unsqueeze(1) * torch.tensor([0.0, 0.0, 1.0, 0.5]).view(1, 4, 1)
    return stopping(scene(), ALL, told(), torch.tensor([PUSH]), command, own)[0].detach()


def test_things_stop_where_that_is_learnt_and_nothing_is_lifted() -> None:
    stopping = Stopping(len(SKILLS)).eval()
    assert float(stopped(stopping)[FIRST, 0]) == pytest.approx(0.12)
    with torch.no_grad():
        assert stopping.idle
        stopping.strength[PUSH] = 20.0
        assert not stopping.idle
    assert stopped(stopping)[:, 0].tolist() == pytest.approx([0.0, 0.0, 0.06, 0.05])
    assert float(stopped(stopping, up=0.1)[FIRST, 0]) == pytest.approx(0.12)


def test_going_too_far_gives_the_strength_a_slope() -> None:
    stopping = Stopping(len(SKILLS)).train()
    command = torch.tensor([[0.12, 0.0, 0.0]])
    own = command.unsqueeze(1) * torch.tensor([0.0, 0.0, 1.0, 0.5]).view(1, 4, 1)
    stopping(scene(), ALL, told(), torch.tensor([PUSH]), command, own)[..., 0].sum().backward()  # type: ignore[no-untyped-call]
    assert stopping.strength.grad is not None and float(stopping.strength.grad[PUSH]) == pytest.approx(-0.07)
