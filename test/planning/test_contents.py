import torch
from torch import Tensor

from fail2progress.core.relations import BINARY
from fail2progress.models.base import RelationLogits
from fail2progress.planning.contents import with_contents

INSIDE = BINARY.index("inside")


def inside(logit: float) -> RelationLogits:
    """Of one scene with a thing (0) and a box (1)."""
    binary = torch.full((1, 2, 2, len(BINARY)), -5.0)
    binary[0, 0, 1, INSIDE] = logit
    return RelationLogits(binary, torch.zeros(1, 2, 3))


def after(now: float, before: float, motion: list[list[float]]) -> Tensor:
    found = with_contents(inside(now), inside(before), torch.tensor([motion]))
    others = [relation for relation in range(len(BINARY)) if relation != INSIDE]
    assert torch.equal(found.binary[..., others], inside(now).binary[..., others])
    return found.binary[0, 0, 1, INSIDE]


RIDES = [[0.1, 0.0, 0.0], [0.11, 0.0, 0.0]]
LEFT = [[0.0, 0.0, 0.0], [0.11, 0.0, 0.0]]


def test_what_is_inside_and_moves_along_stays_inside() -> None:
    assert after(-3.0, 4.0, RIDES) > 0
    assert after(5.5, 4.0, RIDES) >= 5.5


def test_what_is_left_behind_or_was_not_inside_is_as_the_model_says() -> None:
    assert after(-3.0, 4.0, LEFT) == -3.0 and after(2.0, 4.0, LEFT) == 2.0
    assert after(-3.0, -1.0, RIDES) == -3.0
