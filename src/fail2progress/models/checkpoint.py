"""Checkpoints: safetensors for the weights, JSON beside them for what they are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save

from fail2progress.core.files import write_whole
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.points2plans.encoder import WIDTH
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig

SCHEMA = 1
MODELS = ("points2plans",)
_LARGEST = {"code": WIDTH, "identity": 1024, "layers": 32, "heads": 32, "feedforward": 8192, "hidden": 2048}
"""A configuration beyond these is damage, and shall not take the memory that it asks for."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used, and why."""


@dataclass(frozen=True)
class Checkpoint:
    """A model that was read, its digest (SHA-256 of the weights file) and its note."""

    model: SkillEffectModel
    digest: str
    note: dict[str, object]
    path: Path


def save_checkpoint(model: Points2Plans, path: Path, note: dict[str, object]) -> str:
    """Write `path` (.safetensors) and its JSON beside their places and rename them there; returns the digest.

    The JSON goes first: weights without the note that fits them are never seen.
    """
    content = save({key: value.contiguous() for key, value in model.state_dict().items()})
    digest = hashlib.sha256(content).hexdigest()
    header = {"schema": SCHEMA, "model": model.name, "config": model.config.to_dict(), "digest": digest}
    write_whole(path.with_suffix(".json"), json.dumps({**header, **note, **header}, indent=1).encode())
    write_whole(path, content)
    return digest


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a model; CheckpointError says what is wrong: not there, truncated, another schema, or keys missing."""
    note = _read_note(path.with_suffix(".json"))
    try:
        content = path.read_bytes()
        weights = load(content)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != note["digest"]:
        raise CheckpointError(f"{path}: digest {digest[:12]} does not match {str(note['digest'])[:12]} in its JSON")
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


def _optional(model: SkillEffectModel) -> set[str]:
    """Weights that a checkpoint may lack: adapters without effect, which came later than it."""
    adapters = {id(parameter) for parameter in model.adapter_parameters()}
    return {name for name, parameter in model.named_parameters() if id(parameter) in adapters}


def _read_note(path: Path) -> dict[str, object]:
    try:
        note = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error
    if not isinstance(note, dict) or note.get("schema") != SCHEMA:
        found = note.get("schema") if isinstance(note, dict) else type(note).__name__
        raise CheckpointError(f"{path}: schema {found}, this version reads {SCHEMA}")
    if not isinstance(note.get("digest"), str) or not isinstance(note.get("config"), dict):
        raise CheckpointError(f"{path}: 'digest' or 'config' is missing")
    return note


def _build(note: dict[str, object], path: Path) -> Points2Plans:
    if note.get("model") not in MODELS:
        raise CheckpointError(f"{path}: unknown model {note.get('model')!r}; known: {', '.join(MODELS)}")
    try:
        config = Points2PlansConfig(**note["config"])  # type: ignore[arg-type]
    except TypeError as error:
        raise CheckpointError(f"{path}: configuration does not fit ({error})") from error
    for key, value in config.to_dict().items():
        fits = isinstance(value, bool) if key == "relational" else type(value) is int and 1 <= value <= _LARGEST[key]
        if not fits:
            raise CheckpointError(f"{path}: configuration does not fit ({key} = {value!r})")
    if config.code != WIDTH or config.identity % 2 or (config.code + config.identity) % config.heads:
        sizes = f"code = {config.code}, identity = {config.identity}, heads = {config.heads}"
        raise CheckpointError(f"{path}: configuration does not fit ({sizes})")
    return Points2Plans(config)
