import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.models.features import (
    ACTION_FEATURES,
    BOX_FEATURES,
    PAIR_FEATURES,
    action_features,
    box_features,
    identity_code,
    pair_features,
    translation,
    turn,
    waves,
)
from fail2progress.skills.registry import SKILLS

NAMES = tuple(SKILLS)
seeds = st.integers(0, 10_000)


def boxes(count: int, seed: int) -> Tensor:
    """(count, 2, 3) boxes of 1 to 40 cm within a room."""
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 3, generator=generator) * 2 - 1
    return torch.stack([low, low + 0.01 + 0.39 * torch.rand(count, 3, generator=generator)], dim=1)


def skill(name: str) -> Tensor:
    return torch.tensor([NAMES.index(name)])


@pytest.mark.parametrize("width", [16, 128])
def test_many_identities_have_codes_of_their_own(width: int) -> None:
    codes = identity_code(torch.arange(500), width)
    assert codes.shape == (500, width)
    assert (torch.cdist(codes, codes) + 10 * torch.eye(500)).min() > 0.1


@given(seed=seeds)
def test_features_have_their_widths_and_are_finite(seed: int) -> None:
    box = boxes(4, seed).view(2, 2, 2, 3)
    assert box_features(box).shape == (2, 2, BOX_FEATURES)
    pairs = pair_features(box.unsqueeze(2), box.unsqueeze(1))
    assert pairs.shape == (2, 2, 2, PAIR_FEATURES) and bool(pairs.isfinite().all())
    parameters = torch.randn(4, 4, generator=torch.Generator().manual_seed(seed))
    features = action_features(torch.arange(4), parameters)
    assert features.shape == (4, ACTION_FEATURES) and bool(features.isfinite().all())


@given(seed=seeds)
def test_a_pair_seen_from_its_other_end_has_its_signs_turned(seed: int) -> None:
    one, other = boxes(3, seed), boxes(3, seed + 1)
    forth, back = pair_features(one, other), pair_features(other, one)
    for start in (0, 15, 30):  # one block of gaps for each scale
        same, across, middle = forth[:, start : start + 6], forth[:, start + 6 : start + 12], forth[:, start + 12 : start + 15]
        torch.testing.assert_close(same, -back[:, start : start + 6])
        torch.testing.assert_close(across, -back[:, start + 6 : start + 12].roll(3, dims=1))
        torch.testing.assert_close(middle, -back[:, start + 12 : start + 15])
    assert torch.equal(forth[:, 45:48], back[:, 48:51]) and torch.equal(forth[:, 51:], -back[:, 51:])


@given(seed=seeds, shift=st.tuples(*[st.floats(-2.0, 2.0)] * 3))
def test_pairs_do_not_know_where_the_room_is(seed: int, shift: tuple[float, float, float]) -> None:
    one, other = boxes(3, seed).double(), boxes(3, seed + 1).double()
    moved = torch.tensor(shift).double()
    torch.testing.assert_close(pair_features(one + moved, other + moved), pair_features(one, other), rtol=0, atol=1e-9)


def test_contact_and_containment_stand_out() -> None:
    box = torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.1, 0.1]])
    touching, apart = (pair_features(box + torch.tensor([0.0, 0.0, z]), box) for z in (0.1, 0.104))
    assert (touching - apart).abs().max() > 0.25


@given(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0), st.floats(-3.0, 3.0))
def test_pick_and_place_commands_its_offset(dx: float, dy: float, dz: float, dyaw: float) -> None:
    parameters = torch.tensor([[dx, dy, dz, dyaw]])
    assert torch.equal(translation(skill("pick_place"), parameters), parameters[:, :3])


@pytest.mark.parametrize("name", ["push", "open_drawer", "close_drawer"])
@given(angle=st.floats(-3.1, 3.1), distance=st.floats(0.0, 0.4))
def test_the_others_command_a_distance_along_a_direction(name: str, angle: float, distance: float) -> None:
    shift = translation(skill(name), torch.tensor([[angle, distance, 0.0, 0.0]]))[0]
    expected = [distance * math.cos(angle), distance * math.sin(angle), 0.0]
    assert shift.tolist() == pytest.approx(expected, abs=1e-6)


def test_skills_in_one_batch_are_told_apart() -> None:
    parameters = torch.tensor([[0.5, 0.2, 0.1, 0.0]]).expand(4, 4)
    shifts = translation(torch.arange(4), parameters)
    alone = torch.cat([translation(torch.tensor([k]), parameters[:1]) for k in range(4)])
    torch.testing.assert_close(shifts, alone)
    assert not torch.equal(shifts[0], shifts[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_turn_by_pi_and_by_minus_pi_are_one(name: str) -> None:
    column = 3 if name == "pick_place" else 0
    parameters = torch.full((2, 4), 0.1)
    parameters[:, column] = torch.tensor([math.pi, -math.pi])
    one, other = action_features(skill(name).expand(2), parameters)
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@given(st.floats(-3.0, 3.0))
def test_waves_are_on_circles_and_tell_centimetres_apart(metres: float) -> None:
    here, there = waves(torch.tensor([metres])), waves(torch.tensor([metres + 0.01]))
    sine, cosine = here.chunk(2)
    torch.testing.assert_close(sine**2 + cosine**2, torch.ones(5))
    assert (here - there).norm() > 0.3


def test_only_what_is_carried_is_turned() -> None:
    parameters = torch.tensor([[0.1, 0.2, 0.3, 0.4]]).expand(len(NAMES), 4)
    turns = dict(zip(NAMES, turn(torch.arange(len(NAMES)), parameters).tolist(), strict=True))
    assert turns.pop("pick_place") == pytest.approx(0.4) and not any(turns.values())
