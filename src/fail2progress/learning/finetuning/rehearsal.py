"""A small part of the pre-training data that travels with the weights: for replay while fine-tuning, and for the gate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from fail2progress.learning.pretraining.prepare import compute_neighbours
from fail2progress.learning.pretraining.pretrain import split
from fail2progress.models.checkpoint import CheckpointError
from fail2progress.models.training.transitions import Transitions, select

REPLAY = 300
HELD_OUT = 200


@dataclass(frozen=True)
class RehearsalSet:
    """Executions that were trained on, for replay, and held-out ones, for the gate."""

    replay: Transitions
    held_out: Transitions


def choose(transitions: Transitions, seed: int = 0) -> RehearsalSet:
    """A random part of either side of the split."""
    generator = torch.Generator().manual_seed(seed)
    trained, held = (
        part[torch.randperm(len(part), generator=generator)[:count]].tolist()
        for part, count in zip(split(transitions), (REPLAY, HELD_OUT), strict=True)
    )
    return RehearsalSet(select(transitions, trained), select(transitions, held))


def save_rehearsal(rehearsal: RehearsalSet, path: Path) -> None:
    """Write it: points in half precision (a third of a millimetre at half a metre), neighbours left out."""
    values = {}
    for name, part in (("replay", rehearsal.replay), ("held_out", rehearsal.held_out)):
        for key, value in vars(part).items():
            if key != "neighbours":
                values[f"{name}.{key}"] = (value.half() if key == "points" else value).contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(values, path)


def load_rehearsal(path: Path) -> RehearsalSet:
    """Read it; CheckpointError where it cannot be."""
    try:
        values = load_file(path)
        return RehearsalSet(*(_part(values, name) for name in ("replay", "held_out")))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error


def _part(values: dict[str, torch.Tensor], name: str) -> Transitions:
    mine = {key.split(".", 1)[1]: value for key, value in values.items() if key.startswith(f"{name}.")}
    points = mine.pop("points").float()
    return Transitions(points=points, neighbours=compute_neighbours(points), **mine)
