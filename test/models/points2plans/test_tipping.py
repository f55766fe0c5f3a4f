import torch
from torch import Tensor

from fail2progress.models.points2plans.tipping import Tipping, quarter_turn
from fail2progress.skills.registry import SKILLS

PUSH = list(SKILLS).index("push")


def block(height: float) -> Tensor:
    """One upright block of 3 cm by 3 cm."""
    return torch.tensor([[[[0.0, 0.0, 0.0], [0.03, 0.03, height]]]])


def test_a_block_that_falls_over_its_leading_edge_lies_ahead_of_it() -> None:
    shift, growth = quarter_turn(block(0.2), torch.tensor([[0.1, 0.0, 0.0]]))
    torch.testing.assert_close(shift[0, 0], torch.tensor([0.115, 0.0, -0.085]))
    torch.testing.assert_close(growth[0, 0], torch.tensor([0.17, 0.0, -0.17]))
    shift, growth = quarter_turn(block(0.2), torch.tensor([[0.0, -0.1, 0.0]]))
    torch.testing.assert_close(shift[0, 0], torch.tensor([0.0, -0.115, -0.085]))
    torch.testing.assert_close(growth[0, 0], torch.tensor([0.0, 0.17, -0.17]))


def test_nothing_tips_before_that_is_learnt_and_nothing_that_stays() -> None:
    tipping, push, command = Tipping(len(SKILLS)), torch.tensor([PUSH]), torch.tensor([[0.1, 0.0, 0.0]])
    moved = command.unsqueeze(1)
    assert not tipping(block(0.2), push, command, moved).any()
    with torch.no_grad():
        assert tipping.idle
        tipping.network[-1].bias.fill_(20.0)
        assert not tipping.idle
        assert 0.9 < float(tipping(block(0.2), push, command, moved)) <= 1.0
        assert float(tipping(block(0.2), push, command, torch.zeros_like(moved))) < 0.01
