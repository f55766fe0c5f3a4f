"""A small part of the pre-training data that travels with the weights: for replay while fine-tuning, and for the gate."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from fail2progress.core.vocabulary import VocabularyError, check
from fail2progress.learning.pretraining.pretrain import split
from fail2progress.models.checkpoint import CheckpointError
from fail2progress.models.tensor_files import write_tensors
from fail2progress.models.training.transitions import Transitions, renumbered, select
from fail2progress.skills.vocabulary import current

REPLAY = 300
HELD_OUT = 200


@dataclass(frozen=True)
class RehearsalSet:
    """Executions that were trained on, for replay, and held-out ones, for the gate; and the same of earlier lessons."""

    replay: Transitions
    held_out: Transitions
    lessons: tuple[RehearsalSet, ...] = ()
    """Not written into a file: every lesson has its own."""


def choose(transitions: Transitions, seed: int = 0) -> RehearsalSet:
    """A random part of either side of the split."""
    generator = torch.Generator().manual_seed(seed)
    trained, held = (
        part[torch.randperm(len(part), generator=generator)[:count]].tolist()
        for part, count in zip(split(transitions), (REPLAY, HELD_OUT), strict=True)
    )
    return RehearsalSet(select(transitions, trained), select(transitions, held))


def save_rehearsal(rehearsal: RehearsalSet, path: Path) -> None:
    """Write it: points in half precision (a third of a millimetre at half a metre), what was prepared left out."""
    values = {}
    for name, part in (("replay", rehearsal.replay), ("held_out", rehearsal.held_out)):
        for key, value in vars(part).items():
            if key != "prepared":
                values[f"{name}.{key}"] = (value.half() if key == "points" else value).contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, values, {"vocabulary": json.dumps(current().to_dict())})


def load_rehearsal(path: Path) -> RehearsalSet:
    """Read it; CheckpointError where it cannot be, or is written in another vocabulary."""
    try:
        with safe_open(path, "pt") as file:
            note = (file.metadata() or {}).get("vocabulary")
            values = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        vocabulary = check(json.loads(note) if note is not None else None, current())
        replay, held_out = (_part(values, name) for name in ("replay", "held_out"))
        numbers = [renumbered(part.skill, vocabulary) for part in (replay, held_out)]
        return RehearsalSet(replace(replay, skill=numbers[0]), replace(held_out, skill=numbers[1]))
    except VocabularyError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error


def _part(values: dict[str, torch.Tensor], name: str) -> Transitions:
    mine = {key.split(".", 1)[1]: value for key, value in values.items() if key.startswith(f"{name}.")}
    points = mine.pop("points").float()
    if points.ndim != 3:
        raise ValueError(f"points of {points.ndim} dimensions")
    return Transitions(points=points, **mine)  # type: ignore[arg-type]
