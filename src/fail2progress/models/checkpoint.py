"""Checkpoints: safetensors for the weights, JSON beside them for what they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save

from fail2progress.core.pairs import write_pair
from fail2progress.core.registry import RegistryError
from fail2progress.core.vocabulary import VocabularyError, check
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.notes import SCHEMA, CheckpointError, NoCheckpointError, near, noted
from fail2progress.models.registry import MODELS
from fail2progress.skills.vocabulary import current


@dataclass(frozen=True)
class Checkpoint:
    """A model that was read, its digest (SHA-256 of the weights file) and its note."""

    model: SkillEffectModel
    digest: str
    note: dict[str, object]
    path: Path


def save_checkpoint(model: SkillEffectModel, path: Path, note: dict[str, object]) -> str:
    """Write `path` (.safetensors) and its JSON beside their places and rename them there; returns the digest.

    The JSON goes first: weights without the note that fits them are never seen. What lay there stays whole until the weights
    are written.
    """
    return _write(model, _as_bytes(model), path, note)


def copy_checkpoint(checkpoint: Checkpoint, path: Path, note: dict[str, object]) -> str:
    """Write the same weights elsewhere with another note; they keep their digest, by which they are known.

    Weights that lack adapters which came later than they would have another digest if they were written from the model.
    """
    try:
        content = checkpoint.path.read_bytes()
    except OSError:
        return save_checkpoint(checkpoint.model, path, note)
    if hashlib.sha256(content).hexdigest() != checkpoint.digest:  # another file lies there by now
        return save_checkpoint(checkpoint.model, path, note)
    return _write(checkpoint.model, content, path, note)


def _write(model: SkillEffectModel, content: bytes, path: Path, note: dict[str, object]) -> str:
    digest = hashlib.sha256(content).hexdigest()
    header = {
        "schema": SCHEMA,
        "model": model.name,
        "config": model.config.to_dict(),
        "vocabulary": model.vocabulary.to_dict(),
        "digest": digest,
    }
    write_pair(path, content, {**header, **note, **header})
    return digest


def digest_of(model: SkillEffectModel) -> str:
    """The digest that a model's weights have, or would have, in a file."""
    return hashlib.sha256(_as_bytes(model)).hexdigest()


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a model; CheckpointError says what is wrong: not there, truncated, another schema or vocabulary, or keys missing."""
    note = noted(path)
    content = _read_weights(path)
    try:
        weights = load(content)
    except SafetensorError as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error
    digest = _checked_digest(content, note, path)
    model = _build(note, path)
    expected, found = set(model.state_dict()), set(weights)
    missing, unexpected = expected - found - _optional(model), found - expected
    if missing or unexpected:
        raise CheckpointError(f"{path}: missing {sorted(missing)[:3]}, unexpected {sorted(unexpected)[:3]}")
    try:
        model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: {str(error).splitlines()[-1].strip()}") from error
    model.eval()
    return Checkpoint(model, digest, note, path)


def read_note(path: Path) -> dict[str, object]:
    """What is written beside the weights of a model that is not needed itself; CheckpointError where the two do not match."""
    note = noted(path)
    _checked_digest(_read_weights(path), note, path)
    return note


def read_digest(path: Path) -> str:
    """The digest of weights. CheckpointError: see read_note."""
    return str(read_note(path)["digest"])


def _read_weights(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NoCheckpointError(f"{path}: cannot be read (no such file{near(path)})") from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error


def _checked_digest(content: bytes, note: dict[str, object], path: Path) -> str:
    digest = hashlib.sha256(content).hexdigest()
    if digest != note["digest"]:
        raise CheckpointError(f"{path}: digest {digest[:12]} does not match {str(note['digest'])[:12]} in its JSON")
    return digest


def _as_bytes(model: SkillEffectModel) -> bytes:
    """The content of a weights file."""
    return save({key: value.contiguous() for key, value in model.state_dict().items()})


def _optional(model: SkillEffectModel) -> set[str]:
    """Weights that a checkpoint may lack: adapters without effect, which came later than it."""
    adapters = {id(parameter) for parameter in model.adapter_parameters()}
    return {name for name, parameter in model.named_parameters() if id(parameter) in adapters}


def _build(note: dict[str, object], path: Path) -> SkillEffectModel:
    name, config = note.get("model"), note["config"]
    assert isinstance(config, dict)
    try:
        model = MODELS.get(str(name))
        vocabulary = check(note.get("vocabulary"), current())
    except (RegistryError, VocabularyError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    try:
        return model.from_config(model.Config.from_dict(config), vocabulary)
    except ValueError as error:
        raise CheckpointError(f"{path}: configuration does not fit ({error})") from error
