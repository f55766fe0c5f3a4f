import pytest
import torch
from torch import Tensor

from fail2progress.models.handing_on import SHY
from fail2progress.models.points2plans.tipping import Tipping, quarter_turn, rest
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


def learnt(bias: float) -> Tipping:
    tipping = Tipping(len(SKILLS)).eval()
    with torch.no_grad():
        tipping.network[-1].bias.fill_(bias)
    return tipping


COMMAND = torch.tensor([[0.1, 0.0, 0.0]])


def tips(tipping: Tipping, way: float) -> float:
    """How far a block of 20 cm falls over that is moved so far (m) by a push of 10 cm."""
    with torch.no_grad():
        return float(tipping(block(0.2), torch.tensor([PUSH]), COMMAND, torch.tensor([[[way, 0.0, 0.0]]])))


def test_nothing_tips_before_that_is_learnt_and_nothing_that_stays() -> None:
    tipping = Tipping(len(SKILLS))
    assert tips(tipping, 0.1) == 0.0
    with torch.no_grad():
        assert tipping.idle and not learnt(20.0).idle
    assert 0.9 < tips(learnt(20.0), 0.1) <= 1.0 and tips(learnt(20.0), 0.0) < 0.01


def test_what_is_moved_by_less_than_the_hand_tips_whole() -> None:
    """The last of a row is moved by the others, by a part of the command: it falls over or does not."""
    assert tips(learnt(20.0), 0.03) == tips(learnt(20.0), 0.1)


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_what_is_predicted_is_nearer_to_none_and_all_than_what_is_fitted(share: float) -> None:
    tipping = learnt(0.0)
    with torch.no_grad():
        score = tipping.train()(block(0.2), torch.tensor([PUSH]), COMMAND, COMMAND.unsqueeze(1))
        tipping.network[-1].bias.add_(
            torch.logit(torch.tensor(share)) - torch.logit(score[0, 0] + torch.sigmoid(torch.tensor(SHY)))
        )
    fitted, said = tips(tipping, 0.1), tips(tipping.eval(), 0.1)
    assert fitted == pytest.approx(share, abs=0.03) and abs(said - round(share)) < 0.5 * abs(fitted - round(share))


@pytest.mark.parametrize(
    ("near", "far", "height", "rises"),
    [
        (0.05, 0.15, 0.04, 0.04),  # below its middle: lies on it
        (0.15, 0.19, 0.04, 0.04 * 0.1 / 0.15),  # before its middle: its far end lies higher
        (0.02, 0.05, 0.04, 0.04 * 0.1 / 0.15),  # behind it: its far end is on the ground
        (0.25, 0.30, 0.04, 0.0),  # out of reach
        (0.05, 0.15, 0.30, 0.0),  # too high to fall upon
        (-0.01, 0.15, 0.04, 0.04),  # boxes of what is askew seem to reach as far as the foot
        (-0.10, 0.05, 0.04, 0.0),  # rather behind than ahead of it
    ],
)
def test_what_tips_comes_down_on_what_stands_in_its_way(near: float, far: float, height: float, rises: float) -> None:
    """Metres from the foot of a block of 20 cm, which is 3 cm ahead of its rear."""
    other = torch.tensor([[[[0.03 + near, -0.02, 0.0], [0.03 + far, 0.05, height]]]])
    boxes, mask = torch.cat([block(0.2), other], dim=1), torch.ones(1, 2, dtype=torch.bool)
    found = rest(boxes, torch.tensor([[1.0, 0.0]]), mask, COMMAND)
    torch.testing.assert_close(found[0, 0], torch.tensor([0.0, 0.0, rises]))
    assert not rest(boxes, torch.tensor([[1.0, 1.0]]), mask, COMMAND)[0, 1].any()  # what falls as well lies on nothing
    assert not rest(boxes, torch.tensor([[1.0, 0.0]]), mask, -COMMAND).any()  # nothing is there


def test_what_tips_comes_down_on_what_tips_before_it() -> None:
    """Dominoes of 20 cm, 3 cm thick and so high when they lie: the first lies on the second as far as its middle is beyond."""
    ahead = torch.tensor([0.08, 0.0, 0.0])
    boxes, mask = torch.cat([block(0.2), block(0.2) + ahead], dim=1), torch.ones(1, 2, dtype=torch.bool)
    found = rest(boxes, torch.tensor([[1.0, 1.0]]), mask, COMMAND)
    torch.testing.assert_close(found[0], torch.tensor([[0.0, 0.0, 0.03], [0.0, 0.0, 0.0]]))
    back = rest(boxes, torch.tensor([[1.0, 1.0]]), mask, -COMMAND)
    torch.testing.assert_close(back[0], found[0].flip(0))
    near = rest(torch.cat([block(0.2), block(0.2) + 2 * ahead], dim=1), torch.tensor([[1.0, 1.0]]), mask, COMMAND)
    assert 0.0 < float(near[0, 0, 2]) < 0.03  # its far end alone lies higher
