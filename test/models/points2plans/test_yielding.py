import torch
from torch import Tensor

from fail2progress.core.relations import BINARY
from fail2progress.models.points2plans.yielding import Yielding
from fail2progress.skills.registry import SKILLS

CARRY = torch.tensor([list(SKILLS).index("pick_place")])
LEAN = torch.tensor([[[[-0.09, -0.02, 0.5], [-0.03, 0.04, 0.6]], [[-0.03, -0.03, 0.5], [0.03, 0.03, 0.58]]]])
AWAY = torch.tensor([[[0.0, 0.0, 0.0], [0.1, -0.4, 0.0]]])
PAIRS = torch.tensor([[[False, True], [False, False]]])


def relations() -> Tensor:
    held = torch.zeros(1, 2, 2, len(BINARY))
    held[0, 0, 1, BINARY.index("contact")] = held[0, 1, 0, BINARY.index("contact")] = 1.0
    return held


def learnt(seed: int = 0) -> Yielding:
    """One that says something: its last layer has values."""
    made = Yielding(len(SKILLS))
    torch.nn.init.normal_(made.network[-1].weight, std=0.3, generator=torch.Generator().manual_seed(seed))
    return made


def test_nothing_is_said_before_it_is_learnt_nor_of_neighbours_that_stay() -> None:
    fresh = Yielding(len(SKILLS)).requires_grad_(False)
    assert fresh.idle and not learnt().idle
    assert not any(part.any() for part in fresh(LEAN, relations(), CARRY, AWAY, PAIRS))
    assert not any(part.any() for part in learnt()(LEAN, relations(), CARRY, torch.zeros_like(AWAY), PAIRS))
    shift, growth = learnt()(LEAN, relations(), CARRY, AWAY, PAIRS)
    assert shift[0, 0].any() and growth[0, 0].any() and not shift[0, 1].any() and not growth[0, 1].any()


def test_turned_with_the_pair_it_is_the_same() -> None:
    """A quarter turn about the vertical, and another place."""
    turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    corners = LEAN @ turn.T
    turned = torch.stack([corners.amin(dim=2), corners.amax(dim=2)], dim=2) + torch.tensor([0.3, -0.2, 0.0])
    shift, growth = learnt()(LEAN, relations(), CARRY, AWAY, PAIRS)
    other, grown = learnt()(turned, relations(), CARRY, AWAY @ turn.T, PAIRS)
    torch.testing.assert_close(other, shift @ turn.T, atol=1e-5, rtol=0.0)
    torch.testing.assert_close(grown, growth @ turn.abs().T, atol=1e-5, rtol=0.0)


def test_a_fall_that_was_seen_in_one_direction_is_foreseen_in_every_other() -> None:
    model, generator = Yielding(len(SKILLS)), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    turns = [
        torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) for c, s in ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
    ]
    fall = torch.tensor([0.045, 0.0, -0.045])

    def error(turn: Tensor) -> Tensor:
        corners = LEAN @ turn.T
        box = torch.stack([corners.amin(dim=2), corners.amax(dim=2)], dim=2)
        way = 0.4 * torch.randn(3, generator=generator) * torch.tensor([1.0, 1.0, 0.1])
        shift, _ = model(box, relations(), CARRY, torch.stack([torch.zeros(3), way])[None], PAIRS)
        direction = box[0, 1].mean(dim=0)[:2] - box[0, 0].mean(dim=0)[:2]
        straight = torch.cat([0.045 * direction / direction.norm(), fall[2:]])
        return (shift[0, 0] - straight).abs().mean()

    for _ in range(200):
        optimiser.zero_grad()
        error(turns[0]).backward()
        optimiser.step()
    with torch.no_grad():
        assert max(float(error(turn)) for turn in turns for _ in range(5)) < 0.01
