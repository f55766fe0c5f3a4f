"""From shards and outcomes to the tensors that models train on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fail2progress.learning.pretraining.shards import DataError, Shard, arrays
from fail2progress.models.training.transitions import Transitions, concatenate
from fail2progress.simulation.base import Outcome

MOVED = 0.002
"""Metres below which a segment keeps the cloud that it had."""


def from_outcomes(outcomes: Sequence[Outcome]) -> Transitions:
    """Simulated executions as a training set."""
    return from_arrays(arrays(outcomes, range(len(outcomes))))


def from_shards(shards: Sequence[Shard]) -> Iterator[Transitions]:
    """A set for every shard; concatenate them for training."""
    for shard in shards:
        yield from_arrays(shard.values)


def load(shards: Sequence[Shard]) -> Transitions:
    """All shards as one set. DataError where none of their executions is in it."""
    if not any(map(len, shards)):
        raise DataError(
            f"{shards[0].path.parent}: all executions of these data were left out: nothing stood still at their start"
        )
    return concatenate(list(from_shards(shards)))


def from_arrays(values: dict[str, NDArray[np.generic]]) -> Transitions:
    """The arrays of a shard as a training set. A segment never seen before a skill has no cloud and is masked."""
    points = [torch.from_numpy(np.array(values[f"points{t}"], np.float32)) for t in (0, 1)]
    seen = torch.stack([torch.isfinite(side).all(dim=2).all(dim=1) for side in points], dim=1)
    before, after = (torch.from_numpy(np.array(values[f"pose{t}"][:, :3], np.float32)) for t in (0, 1))
    shift = after - before
    fresh = seen[:, 1] & ((shift.norm(dim=1) > MOVED) | ~seen[:, 0])
    clouds = torch.cat([torch.where(seen[:, 0, None, None], points[0], 0.0), points[1][fresh]])
    row = torch.arange(len(shift))
    later = row.clone()
    later[fresh] = len(shift) + torch.arange(int(fresh.sum()))
    centred, box = centre(clouds)
    pair = [torch.from_numpy(np.array(values[f"binary{t}"])) for t in (0, 1)]
    unary = [torch.from_numpy(np.array(values[f"unary{t}"])) for t in (0, 1)]
    return Transitions(
        points=centred,
        box=box,
        cloud=torch.stack([row, later], dim=1),
        seen=seen,
        shift=shift,
        unary=torch.stack(unary, dim=1),
        binary=torch.stack(pair, dim=1),
        count=torch.from_numpy(np.array(values["count"], np.int64)),
        skill=torch.from_numpy(np.array(values["skill"], np.int64)),
        object=torch.from_numpy(np.array(values["object"], np.int64)),
        parameters=torch.from_numpy(np.array(values["parameters"], np.float32)),
    )


def centre(clouds: Tensor) -> tuple[Tensor, Tensor]:
    """(U, P, 3) clouds to clouds about the middle of their boxes, and the (U, 2, 3) boxes; metres."""
    box = torch.stack([clouds.amin(dim=1), clouds.amax(dim=1)], dim=1)
    return clouds - box.mean(dim=1, keepdim=True), box
