"""What is written beside weights (JSON), read without them: no network is needed to know of which kind a model is."""

from __future__ import annotations

import json
from pathlib import Path

SCHEMA = 1


class CheckpointError(ValueError):
    """A checkpoint that cannot be used, and why."""


def noted(weights: Path) -> dict[str, object]:
    """What is written beside weights, which are not read; CheckpointError where it is not there or damaged."""
    if not weights.name:
        raise CheckpointError(f"{weights}: a folder, not a file of weights")
    path = weights.with_suffix(".json")
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error
    if not isinstance(note, dict) or note.get("schema") != SCHEMA:
        found = note.get("schema") if isinstance(note, dict) else type(note).__name__
        raise CheckpointError(f"{path}: schema {found}, this version reads {SCHEMA}")
    if not isinstance(note.get("digest"), str) or not isinstance(note.get("config"), dict):
        raise CheckpointError(f"{path}: 'digest' or 'config' is missing")
    return note


def kind_of_weights(weights: Path, digest: str) -> str:
    """The name in the registry of models that is written beside weights; empty where that is damaged or of another digest."""
    try:
        note = noted(weights)
    except CheckpointError:
        return ""
    return str(note.get("model", "")) if note["digest"] == digest else ""


def kind_of_version(folder: Path, digest: str) -> str:
    """The same of the version in a registry's folder whose weights have a digest; empty where none has it."""
    kinds = (kind_of_weights(path, digest) for path in sorted(folder.glob("v*.safetensors"), reverse=True))
    return next((kind for kind in kinds if kind), "")
