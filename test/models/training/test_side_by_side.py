"""Work side by side on the cores."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from fail2progress.models.training.side_by_side import beforehand, side_by_side

PARTS = (torch.sin, lambda x: (x**2).sum(dim=0), lambda x: 3.0 * x[0])


def alone(values: Tensor) -> tuple[Tensor, ...]:
    return tuple(part(values) for part in PARTS)


def test_functions_side_by_side_are_what_they_are_alone() -> None:
    values, other = (torch.linspace(-1, 2, 12).view(4, 3).requires_grad_() for _ in range(2))
    found, expected = side_by_side(PARTS, values), alone(other)
    for one, two in zip(found, expected, strict=True):
        assert torch.equal(one, two)
    slopes = [
        torch.autograd.grad(sum(part.square().sum() for part in all_), x) for all_, x in ((found, values), (expected, other))
    ]
    torch.testing.assert_close(*slopes)


def test_without_gradients_none_are_prepared() -> None:
    with torch.no_grad():
        found = side_by_side(PARTS, torch.ones(2, 3, requires_grad=True))
    assert not any(part.requires_grad for part in found)
    assert not any(part.requires_grad for part in side_by_side(PARTS, torch.ones(2, 3)))


def test_what_fails_on_a_core_fails_here() -> None:
    def broken(values: Tensor) -> Tensor:
        raise FloatingPointError("not a number")

    with pytest.raises(FloatingPointError, match="not a number"):
        side_by_side((torch.sin, broken), torch.ones(2, requires_grad=True))


def test_items_beforehand_are_the_same_and_one_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(4):
            made.append(number)
            yield number

    ahead = beforehand(items())
    first = next(ahead)
    assert (first, list(ahead), made) == (0, [1, 2, 3], [0, 1, 2, 3])
    del made[:]
    ahead = beforehand(items())
    next(ahead)
    ahead.close()
    assert made in ([0], [0, 1])


def test_an_item_that_cannot_be_made_is_heard_of() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    ahead = beforehand(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="no more"):
        next(ahead)
