import math

import pytest
import torch
from torch import Tensor

from fail2progress.core.relations import BINARY
from fail2progress.models.base import RelationLogits
from fail2progress.models.points2plans.falling import Falling, fallen, left_at, pushes, support
from fail2progress.models.training.losses import falling_loss
from fail2progress.skills.registry import SKILLS

PUSH = list(SKILLS).index("push")
CARRIED, PUSHED = torch.tensor([False]), torch.tensor([True])


def scene(*, x: float, bottom: float = 0.5, low_table: bool = False) -> Tensor:
    """A block of 4 cm at x over a table from 0 to 0.4 m whose top is 0.5 m high; beside it, perhaps, one of 0.2 m height."""
    low = 0.4 if low_table else 2.0
    table, other = [[0.0, 0.0, 0.4], [0.4, 0.4, 0.5]], [[low, 0.0, 0.1], [low + 0.4, 0.4, 0.2]]
    block = [[x - 0.02, 0.18, bottom], [x + 0.02, 0.22, bottom + 0.04]]
    return torch.tensor([[table, other, block]])


def learnt() -> Falling:
    falling = Falling(len(SKILLS))
    with torch.no_grad():
        falling.strength[PUSH] = 20.0
    return falling


def fall(falling: Falling, box: Tensor, going: float = 0.1, pushed: Tensor = CARRIED) -> Tensor:
    """(3,) metres by which the block falls."""
    mask = torch.ones(1, 3, dtype=torch.bool)
    falls, down = falling(box, mask, torch.tensor([PUSH]), torch.tensor([[0.0, 0.0, going]]), pushed, torch.zeros(1, 3))
    shift: Tensor = falls.share.unsqueeze(-1) * down
    assert not shift[0, :2].any()  # tables stay where they are
    return shift[0, 2]


def test_room_is_the_way_to_the_edge_and_outward_crosses_it() -> None:
    found = support(scene(x=0.37), torch.ones(1, 3, dtype=torch.bool))
    assert float(found.room[0, 2]) == pytest.approx(0.03)
    assert found.outward[0, 2].tolist() == [1.0, 0.0]
    assert float(found.drop[0, 2]) == pytest.approx(0.5)
    assert float(support(scene(x=0.45), torch.ones(1, 3, dtype=torch.bool)).room[0, 2]) == pytest.approx(-0.05)


def test_nothing_falls_before_that_is_learnt() -> None:
    falling = Falling(len(SKILLS))
    assert not fall(falling, scene(x=0.45)).any()
    with torch.no_grad():
        assert falling.idle
    assert not falling.idle


def test_what_is_beyond_the_edge_falls_to_the_floor_and_what_is_not_stays() -> None:
    falling = learnt()
    torch.testing.assert_close(fall(falling, scene(x=0.5)), torch.tensor([0.0, 0.0, -0.5]), atol=1e-3, rtol=0.0)
    assert float(fall(falling, scene(x=0.3))[2].detach()) > -0.001
    assert not fall(falling, scene(x=0.5), going=0.0).any()  # what does not move does not fall


def test_a_lower_surface_catches_what_falls() -> None:
    assert float(fall(learnt(), scene(x=0.5, low_table=True))[2].detach()) == pytest.approx(-0.3, abs=1e-3)


def test_a_verge_makes_things_fall_before_their_middle_is_beyond_the_edge() -> None:
    falling = learnt()
    with torch.no_grad():
        falling.verge[PUSH], falling.travel[PUSH] = 8.0, 2.0
    shift = fall(falling, scene(x=0.36)).detach()
    assert float(shift[2]) < -0.45
    assert float(shift[0]) == pytest.approx(-0.2 * float(shift[2]), abs=1e-3)


def test_a_fall_that_the_network_foresees_itself_is_taken_back_to_where_the_skill_leaves_the_thing() -> None:
    command = torch.tensor([[0.6, 0.0, 0.1]])
    placed, fallen, carried, bystander = [0.59, 0.0, 0.088], [0.59, 0.0, -0.4], [0.6, 0.01, -0.3], [0.0, 0.001, -0.001]
    found = left_at(torch.tensor([[placed, fallen, carried, bystander]]), command)
    torch.testing.assert_close(found[0, 0], torch.tensor(placed))
    torch.testing.assert_close(found[0, 1:3, 2], torch.tensor([0.1, 0.1]), atol=3e-3, rtol=0.0)
    torch.testing.assert_close(found[0, 1:3, :2], torch.tensor([fallen[:2], carried[:2]]))
    torch.testing.assert_close(found[0, 3], torch.tensor(bystander))


def test_what_falls_lies_outward_of_the_edge_whether_or_not_the_network_foresaw_the_fall() -> None:
    command, skill = torch.tensor([[0.3, 0.0, 0.002]]), torch.tensor([PUSH])
    falling, start = learnt(), scene(x=0.16)
    with torch.no_grad():
        falling.travel[PUSH] = 2.0
    for height in (0.0, -0.5):
        own = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.3, 0.0, height]]])
        left = left_at(own, command)
        moved, mask = own.norm(dim=-1), torch.ones(1, 3, dtype=torch.bool)
        falls, down = falling(start + left.unsqueeze(2), mask, skill, moved, CARRIED, left[..., 2])
        end = (own + falls.share.unsqueeze(-1) * (left - own + down)).detach()
        torch.testing.assert_close(end[0, 2], torch.tensor([0.4, 0.0, -0.5]), atol=1e-2, rtol=0.0)


def test_what_is_pushed_falls_from_the_edge_and_is_not_taken_on_beyond_it() -> None:
    falling = learnt().eval()
    with torch.no_grad():
        falling.travel[PUSH] = 2.0
        for beyond in (0.02, 0.06, 0.15):
            far = fall(falling, scene(x=0.4 + beyond), pushed=PUSHED)
            torch.testing.assert_close(far, torch.tensor([0.1 - beyond, 0.0, -0.5]), atol=2e-3, rtol=0.0)
        short = fall(falling, scene(x=0.37), pushed=PUSHED)
    assert short.abs().max() < 1e-3


def test_a_short_fall_of_what_is_pushed_goes_further_outward_for_every_metre_down() -> None:
    falling = learnt().eval()
    with torch.no_grad():
        falling.travel[PUSH] = 2.0
        high, low = fall(falling, scene(x=0.5), pushed=PUSHED), fall(falling, scene(x=0.5, low_table=True), pushed=PUSHED)
        let_go = fall(falling, scene(x=0.5, low_table=True))
    assert float(low[0] - high[0]) == pytest.approx(0.1 * math.sqrt(0.3 / 0.5) - 0.1, abs=1e-3)
    assert float(let_go[0]) == pytest.approx(0.06, abs=1e-3)


def test_of_what_is_pushed_no_foreseen_fall_is_believed_once_falls_are_learnt() -> None:
    push, carry = torch.tensor([[0.3, 0.0, 0.0]]), torch.tensor([[0.3, 0.0, 0.01]])
    assert pushes(torch.cat([push, carry])).tolist() == [True, False]
    sinks = torch.tensor([[[0.3, 0.0, -0.045], [0.3, 0.0, -0.005]]])
    torch.testing.assert_close(left_at(sinks, push)[0, :, 2], torch.tensor([0.0, -0.005]))
    torch.testing.assert_close(left_at(sinks, carry), sinks)  # what is let go may sink that far into a box
    falling, skill = learnt(), torch.tensor([PUSH])
    with torch.no_grad():
        assert float(falling.learnt(skill, PUSHED)) == pytest.approx(1.0) and float(falling.learnt(skill, CARRIED)) == 0.0
        assert float(Falling(len(SKILLS)).learnt(skill, PUSHED)) == 0.0


def test_in_predictions_a_thing_falls_or_stays() -> None:
    falling = learnt().eval()
    with torch.no_grad():
        falling.verge[PUSH] = 1.0
        shift = fall(falling, scene(x=0.382))  # 8 mm more room than at which it is even
        assert -0.02 < float(shift[2]) <= 0.0
        assert float(fall(falling.train(), scene(x=0.382))[2]) < -0.1


def test_a_drawer_a_little_below_the_top_does_not_carry_what_stands_half_on_that() -> None:
    top, drawer = [[0.0, 0.0, 0.3], [0.2, 0.2, 0.5]], [[0.0, 0.0, 0.3], [0.22, 0.2, 0.48]]
    mask = torch.ones(1, 3, dtype=torch.bool)

    def room(x: float) -> float:
        block = [[x - 0.02, 0.08, 0.5], [x + 0.02, 0.12, 0.54]]
        return float(support(torch.tensor([[top, drawer, block]]), mask).room[0, 2])

    assert room(0.19) == pytest.approx(0.01) and room(0.215) == pytest.approx(-0.015)
    alone = torch.tensor([[drawer, drawer, [[0.19, 0.08, 0.5], [0.23, 0.12, 0.54]]]])
    assert float(support(alone, mask).room[0, 2]) == pytest.approx(0.01)  # where it is all there is, it carries


def test_directions_of_what_falls_follow_from_boxes_and_all_else_is_as_the_network_says() -> None:
    box, above = scene(x=0.46, bottom=0.0), BINARY.index("above")
    said = RelationLogits(torch.randn(1, 3, 3, 9, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 3, 3))
    found = fallen(said, box, torch.tensor([[0.0, 0.0, 1.0]])).binary[0]
    assert float(found[0, 2, above]) > 1.0 > -1.0 > float(found[2, 0, above])  # the table is above what lies on the floor
    others = [k for k, name in enumerate(BINARY) if name in ("contact", "boundary", "inside")]
    torch.testing.assert_close(found[..., others], said.binary[0][..., others])
    torch.testing.assert_close(found[0, 1], said.binary[0, 0, 1])
    torch.testing.assert_close(fallen(said, box, torch.zeros(1, 3)).binary, said.binary)


@pytest.mark.parametrize("fell", [True, False])
def test_an_edge_at_which_things_are_wrongly_foreseen_to_fall_or_stay_comes_back(fell: bool) -> None:
    """However sure that is: their motion alone has no slope there."""
    falling, mask, push = learnt().train(), torch.ones(1, 3, dtype=torch.bool), torch.tensor([PUSH])
    with torch.no_grad():
        falling.verge[PUSH] = -15.0 if fell else 15.0
    box, shift = scene(x=0.45 if fell else 0.35), torch.tensor([[[0.0] * 3, [0.0] * 3, [0.1, 0.0, -0.5 * fell]]])
    for rate in range(60, 0, -1):
        falls, down = falling(box, mask, push, torch.tensor([[0.0, 0.0, 0.1]]), PUSHED, torch.zeros(1, 3))
        (moves,) = torch.autograd.grad((falls.share.unsqueeze(-1) * down - shift).abs().sum(), falling.verge, retain_graph=True)
        (slope,) = torch.autograd.grad(falling_loss(falls, shift, mask), falling.verge)
        assert rate < 60 or moves.abs().max() < 1e-3 < slope.abs().max()
        with torch.no_grad():
            falling.verge -= 0.01 * rate * slope.sign()
    assert falls.open.tolist() == [[False, False, True]]
    assert bool(falls.share[0, 2] > 0.5) == fell
