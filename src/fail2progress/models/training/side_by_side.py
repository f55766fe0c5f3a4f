"""Work side by side on the cores, each piece computed as it is alone.

Threads of torch's own share out every small product and wait for each other at each of them; here they meet once, so that a busy
core costs no more than its share. Results do not depend on how many cores there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")
Part = Callable[[Tensor], Tensor]
"""A differentiable function of one tensor, that changes nothing that another one reads."""


def side_by_side(parts: Sequence[Part], values: Tensor) -> tuple[Tensor, ...]:
    """What each of the functions makes of `values`, differentiable in these."""
    apply: Callable[[Sequence[Part], Tensor], tuple[Tensor, ...]] = _SideBySide.apply
    return apply(parts, values)


def beforehand(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each being worked out while the one before it is used. What fails there fails here."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]


class _SideBySide(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, parts: Sequence[Part], values: Tensor) -> tuple[Tensor, ...]:
        slopes = context.needs_input_grad[1]

        def run(part: Part) -> tuple[Tensor, Tensor]:
            own = values.detach().requires_grad_(slopes)
            with torch.set_grad_enabled(slopes):
                return own, part(own)

        context.runs = _on_cores(run, parts)
        return tuple(found.detach() for _, found in context.runs)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        def back(run: tuple[tuple[Tensor, Tensor], Tensor]) -> Tensor:
            (own, found), gradient = run
            return torch.autograd.grad(found, own, gradient)[0]

        first, *others = _on_cores(back, list(zip(context.runs, gradients, strict=True)))
        return None, sum(others, start=first)


def _on_cores(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    # A pool that outlives the call would have no threads in a forked process.
    with ThreadPoolExecutor(min(len(items), len(os.sched_getaffinity(0)))) as pool:
        return list(pool.map(work, items))
