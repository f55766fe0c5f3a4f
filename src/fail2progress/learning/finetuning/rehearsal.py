"""Executions of the pre-training distribution that travel with the weights: for replay while fine-tuning, and for the gate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from fail2progress.core.vocabulary import VocabularyError, check
from fail2progress.learning.pretraining.pretrain import shape_codes, split
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.notes import CheckpointError, NoCheckpointError
from fail2progress.models.tensor_files import write_tensors
from fail2progress.models.training.transitions import COMPUTED, Transitions, check_consistent, select, spoken_here
from fail2progress.skills.vocabulary import current

REPLAY = 600
HELD_OUT = 600
"""Of 200 what a lesson forgets may be off by its own size (docs/decisions/0124)."""


@dataclass(frozen=True)
class RehearsalSet:
    """Executions for replay, and held-out ones, for the gate; and the same of earlier lessons."""

    replay: Transitions
    held_out: Transitions
    lessons: tuple[RehearsalSet, ...] = ()
    """Not written into a file: every lesson has its own."""


def choose(transitions: Transitions, seed: int = 0) -> RehearsalSet:
    """A random part of what was pre-trained on and of what was held out from that. The gate has of the latter alone, and replay
    as far as there is enough; which are replayed matters little (docs/decisions/0124)."""
    generator = torch.Generator().manual_seed(seed)
    trained, held = (part[torch.randperm(len(part), generator=generator)].tolist() for part in split(transitions))
    return _parted(transitions, held, trained)


def unseen(transitions: Transitions, seed: int = 0) -> RehearsalSet:
    """A random part of executions that no model was trained on. ValueError where they are fewer than for both."""
    if len(transitions) < REPLAY + HELD_OUT:
        raise ValueError(f"{len(transitions)} executions; at least {REPLAY + HELD_OUT} are needed")
    order = torch.randperm(len(transitions), generator=torch.Generator().manual_seed(seed))
    return _parted(transitions, order.tolist(), [])


def _parted(transitions: Transitions, held: list[int], trained: list[int]) -> RehearsalSet:
    replay = [*held[HELD_OUT:], *trained][:REPLAY]
    return RehearsalSet(select(transitions, replay), select(transitions, held[:HELD_OUT]))


def save_rehearsal(rehearsal: RehearsalSet, path: Path) -> None:
    """Write it: points in half precision (a third of a millimetre at half a metre), what was prepared left out."""
    values = {}
    for name, part in (("replay", rehearsal.replay), ("held_out", rehearsal.held_out)):
        for key, value in vars(part).items():
            if key not in COMPUTED:
                values[f"{name}.{key}"] = (value.half() if key == "points" else value).contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, values, {"vocabulary": json.dumps(current().to_dict()), "digest": _digest(values)})


def _digest(values: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of tensors by name."""
    made = hashlib.sha256()
    for key, value in sorted(values.items()):
        made.update(f"{key} {value.dtype} {tuple(value.shape)};".encode())
        made.update(value.contiguous().numpy().tobytes())
    return made.hexdigest()


def keep(rehearsal: RehearsalSet, path: Path, model: SkillEffectModel) -> None:
    """Write it, and its shape codes by the model's encoder beside it."""
    save_rehearsal(rehearsal, path)
    save_codes(path, model)


def codes_of(path: Path) -> Path:
    """Where the shape codes of a rehearsal set lie."""
    return path.with_suffix(".codes.safetensors")


def save_codes(path: Path, model: SkillEffectModel) -> None:
    """Write the shape codes of a written rehearsal set beside it, with whose encoder they are of: lessons need all of them, and
    the encoder is the same in every lesson."""
    rehearsal = _load(path)  # without the codes of another set that may still lie there
    parts = {"replay": rehearsal.replay, "held_out": rehearsal.held_out}
    note = {"encoder": model.encoder_digest(), **{name: _clouds(part) for name, part in parts.items()}}
    write_tensors(codes_of(path), {name: shape_codes(model, part) for name, part in parts.items()}, note)


def _clouds(part: Transitions) -> str:
    return hashlib.sha256(part.points.contiguous().numpy().tobytes()).hexdigest()


def load_rehearsal(path: Path) -> RehearsalSet:
    """Read it, with its shape codes where they lie beside it; CheckpointError where one of these cannot be read or is of other
    clouds, or where it is written in another vocabulary."""
    rehearsal = _load(path)
    return _with_codes(rehearsal, codes_of(path)) if codes_of(path).exists() else rehearsal


def _with_codes(rehearsal: RehearsalSet, path: Path) -> RehearsalSet:
    try:
        with safe_open(path, "pt") as file:
            note, codes = file.metadata(), {name: file.get_tensor(name) for name in ("replay", "held_out")}
        replay, held_out = rehearsal.replay, rehearsal.held_out
        if (note["replay"], note["held_out"]) != (_clouds(replay), _clouds(held_out)):
            raise ValueError("codes of other clouds; delete it, or write it again")
        mine = note["encoder"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        kind = NoCheckpointError if isinstance(error, FileNotFoundError) else CheckpointError
        raise kind(f"{path}: cannot be read ({error})") from error
    held_out = replace(held_out, codes={mine: codes["held_out"]})
    return RehearsalSet(replace(replay, codes={mine: codes["replay"]}), held_out)


def _load(path: Path) -> RehearsalSet:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            values = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        if not {"replay.points", "held_out.points"} & set(values):
            weights = path.with_suffix(".json").is_file()
            held = "weights of a model, not a rehearsal set" if weights else "nothing of a rehearsal set"
            raise CheckpointError(f"{path}: holds {held}; fail2progress rehearsal makes one")
        if metadata.get("digest", digest := _digest(values)) != digest:
            raise ValueError("damaged: its digest is not that of what it holds")
        note = metadata.get("vocabulary")
        vocabulary = check(json.loads(note) if note is not None else None, current())
        replay, held_out = (_part(values, name) for name in ("replay", "held_out"))
        for part in (replay, held_out):
            check_consistent(part, len(vocabulary.skills))
        return RehearsalSet(spoken_here(replay, vocabulary), spoken_here(held_out, vocabulary))
    except VocabularyError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except CheckpointError:
        raise
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        kind = NoCheckpointError if isinstance(error, FileNotFoundError) else CheckpointError
        raise kind(f"{path}: cannot be read ({error})") from error


def _part(values: dict[str, torch.Tensor], name: str) -> Transitions:
    mine = {key.split(".", 1)[1]: value for key, value in values.items() if key.startswith(f"{name}.")}
    points = mine.pop("points").float()
    if points.ndim != 3:
        raise ValueError(f"points of {points.ndim} dimensions")
    return Transitions(points=points, **mine)  # type: ignore[arg-type]
