"""Training over several processes: each takes its share of a batch, gradients are averaged. Small matrices do not thread well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

from fail2progress.core.files import write_whole

PATIENCE = timedelta(minutes=5)
"""How long one waits for another, which may have failed before they met: it may be reading its modules on a busy computer."""

_HOST, _HERE = "127.0.0.1", "here/{}"
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
    """Join the processes that meet at a file, which must not exist beforehand.

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
    """Over a port that number 0 writes to the file: torch's own meeting by a file ends the process where the disk is full.

    Number 0 begins once all are there: torch waits without hearing Ctrl-C, and for one that failed as for a slow one.
    """
    torch_distributed: Any = distributed  # whose types leave its stores out
    if rank == 0:
        store = torch_distributed.TCPStore(_HOST, 0, world, is_master=True, timeout=PATIENCE, wait_for_workers=False)
        write_whole(meeting, str(store.port))
    else:
        _wait(meeting.exists)
        store = torch_distributed.TCPStore(_HOST, int(meeting.read_text()), world, timeout=PATIENCE, wait_for_workers=False)
        store.set(_HERE.format(rank), "")
    if rank == 0:
        _wait(lambda: store.check([_HERE.format(other) for other in range(1, world)]), lost)
    distributed.init_process_group("gloo", timeout=PATIENCE, store=store, rank=rank, world_size=world)


def _wait(there: Callable[[], bool], lost: Callable[[], bool] = lambda: False) -> None:
    """RuntimeError where others have failed."""
    end = time.monotonic() + PATIENCE.total_seconds()
    while not there():
        if lost() or time.monotonic() > end:
            raise RuntimeError("another process failed before all had met")
        time.sleep(_LOOK)
