"""Training over several processes: each takes its share of a batch, gradients are averaged. Small matrices do not thread well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, distributed

PATIENCE = timedelta(minutes=5)
"""How long one waits for another, which may have failed before they met: it may be reading its modules on a busy computer."""

_LOOK = 0.05
"""Seconds between looks at the other processes while waiting for them."""


@dataclass(frozen=True)
class Share:
    """This process is number `rank` of `world`."""

    rank: int = 0
    world: int = 1

    def of(self, executions: Tensor) -> Tensor:
        """This process's part of a batch."""
        return executions[self.rank :: self.world]

    def average(self, parameters: list[torch.nn.Parameter]) -> None:
        """Average the gradients over all processes."""
        if self.world == 1:
            return
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.world
        for parameter, part in zip(parameters, flat.split([g.numel() for g in gradients]), strict=True):
            parameter.grad = part.view_as(parameter)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch. Two are a quarter faster on idle cores, and three times slower where one of the cores is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def together(rank: int, world: int, meeting: Path, lost: Callable[[], bool] = lambda: False) -> Iterator[Share]:
    """Join the processes that meet at a file, which must not exist beforehand, nor any that begins with its name.

    RuntimeError where they do not meet, at once if another is `lost`.
    """
    if world == 1:
        yield Share()
        return
    torch.set_num_threads(1)
    _meet(rank, world, meeting, lost)
    try:
        yield Share(rank, world)
    finally:
        distributed.destroy_process_group()


def _meet(rank: int, world: int, meeting: Path, lost: Callable[[], bool]) -> None:
    """Number 0 begins once all are there: torch waits without hearing Ctrl-C, and for one that failed as for a slow one."""
    here = [meeting.with_name(f"{meeting.name}.{number}") for number in range(world)]
    here[rank].write_text("here\n")
    while rank == 0 and not all(path.exists() for path in here):
        if lost():
            raise RuntimeError("another process failed before all had met")
        time.sleep(_LOOK)
    where = f"file://{meeting.resolve()}"
    distributed.init_process_group("gloo", timeout=PATIENCE, init_method=where, rank=rank, world_size=world)
