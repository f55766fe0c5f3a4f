import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.core.relations import BINARY
from fail2progress.models.handing_on import HOPS, SHY, HandedOn, pair_motion, spread, whole
from fail2progress.skills.registry import SKILLS

PUSH = list(SKILLS).index("push")
CONTACT = BINARY.index("contact")
seeds = st.integers(0, 10_000)
few = settings(max_examples=25)


def row(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes of cubes in a row along x that touch each other, who touches whom, and a push of 10 cm along x."""
    low = torch.stack([0.05 * torch.arange(count), torch.zeros(count), torch.zeros(count)], dim=-1)
    box = torch.stack([low, low + 0.05], dim=1).unsqueeze(0)
    relations = torch.zeros(1, count, count, len(BINARY))
    for one in range(count - 1):
        relations[0, one, one + 1, CONTACT] = relations[0, one + 1, one, CONTACT] = 1.0
    return box, relations, torch.tensor([[0.1, 0.0, 0.0]])


def taken(count: int) -> Tensor:
    """Everything but the first may take over the motion of everything else."""
    takes = ~torch.eye(count, dtype=torch.bool).unsqueeze(0)
    takes[:, 0] = False
    return takes


def test_before_anything_is_learnt_nothing_is_handed_on() -> None:
    box, relations, command = row(4)
    handed_on = HandedOn(4)
    assert not handed_on(box, relations, torch.tensor([PUSH]), command, taken(4)).any()
    with torch.no_grad():
        assert handed_on.idle
    assert not handed_on.idle  # while gradients could change that


@pytest.mark.parametrize("count", range(2, HOPS + 2))
def test_contact_hands_a_push_on_to_the_end_of_a_row(count: int) -> None:
    box, relations, command = row(count)
    handed_on = HandedOn(4)
    with torch.no_grad():
        handed_on.by_relation[PUSH, CONTACT] = 20.0
        shares = handed_on(box, relations, torch.tensor([PUSH]), command, taken(count))
        own = torch.zeros(1, count, 3)
        own[:, 0] = command
        moved = spread(own, shares, taken(count))
    assert bool((moved[0, :, 0] > 0.08).all()) and not moved[..., 1:].any()
    other = handed_on(box, relations, torch.tensor([0]), command, taken(count))
    assert not other.any()  # what was learnt of pushing says nothing about carrying


def test_what_rides_on_one_thing_is_not_held_back_by_a_second_one_below() -> None:
    """A stack of three: the block on top rides on the middle one, and takes over less of what the lowest does."""
    shares = torch.zeros(1, 3, 3)
    shares[0, 1, 0] = shares[0, 2, 1] = 0.98
    shares[0, 2, 0] = 0.4
    own = torch.tensor([[[0.3, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    assert spread(own, shares, taken(3))[0, 2, 0] == pytest.approx(0.3 * 0.98**2, rel=0.03)


def test_nearly_all_of_a_motion_is_all_of_it_and_can_become_less_again() -> None:
    """Two blocks teach a share of .9, as the rest comes otherwise; the third of a stack has nothing but its shares."""
    box, relations, command = row(4)
    handed_on = HandedOn(4)
    with torch.no_grad():
        handed_on.by_relation[PUSH, CONTACT] = math.log(9.0) - SHY + 0.3
    shares = whole(handed_on(box, relations, torch.tensor([PUSH]), command, taken(4)))
    assert [shares[0, i + 1, i].item() for i in range(3)] == [1.0, 1.0, 1.0]
    own = torch.zeros(1, 4, 3)
    own[:, 0] = command
    assert spread(own, shares, taken(4))[0, 3, 0].item() == pytest.approx(command[0, 0].item(), rel=5e-3)
    shares[0, 1, 0].backward()  # type: ignore[no-untyped-call]
    assert handed_on.by_relation.grad is not None and float(handed_on.by_relation.grad[PUSH, CONTACT]) > 0.01


@few
@given(seed=seeds)
def test_every_share_can_be_learnt_from_nothing(seed: int) -> None:
    own = torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(seed))
    shares = torch.zeros(1, 3, 3, requires_grad=True)
    spread(own, shares, taken(3)).square().sum().backward()
    assert shares.grad is not None and bool((shares.grad[taken(3)] != 0).all())


@few
@given(seed=seeds, count=st.integers(1, 6))
def test_shares_are_at_most_the_whole_and_nobody_takes_what_it_may_not(seed: int, count: int) -> None:
    torch.manual_seed(seed)
    handed_on = HandedOn(4)
    with torch.no_grad():
        handed_on.by_relation.normal_(std=5.0)
    low = torch.rand(2, count, 3)
    box, relations = torch.stack([low, low + torch.rand(2, count, 3)], dim=2), torch.rand(2, count, count, len(BINARY))
    takes = torch.rand(2, count, count) < 0.5
    shares = handed_on(box, relations, torch.tensor([0, 1]), torch.randn(2, 3), takes)
    assert not shares[~takes].any() and bool((shares <= 1.0).all())
    own = torch.randn(2, count, 3)
    assert bool((spread(own, shares.clamp(min=0), takes).abs() <= own.abs().amax(dim=1, keepdim=True) + 1e-5).all())


@few
@given(seed=seeds)
def test_how_a_pair_lies_does_not_depend_on_the_room(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(1, 4, 3, generator=generator)
    box, command = torch.stack([low, low + 0.1], dim=2), torch.randn(1, 3, generator=generator)
    found = pair_motion(box, command)
    torch.testing.assert_close(pair_motion(box + torch.randn(3, generator=generator), command), found, atol=1e-4, rtol=1e-4)
    quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    corners = box @ quarter.T
    turned = torch.stack([corners.amin(dim=2), corners.amax(dim=2)], dim=2)
    torch.testing.assert_close(pair_motion(turned, command @ quarter.T), found, atol=1e-4, rtol=1e-4)


def test_the_start_is_the_same_and_draws_nothing() -> None:
    torch.manual_seed(3)
    one, drawn = HandedOn(4), torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(2), drawn)
    assert torch.equal(HandedOn(4).by_motion[0].weight, one.by_motion[0].weight)
