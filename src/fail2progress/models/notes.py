"""What is written beside weights (JSON), read without them: no network is needed to know of which kind a model is."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from pathlib import Path

from fail2progress.core.pairs import fitting

SCHEMA = 1


_SUFFIX = ".safetensors"
_BESIDE = ".json"
_FORM = f"a file of weights ends in {_SUFFIX}"
_BELONGS = "what it is stands in a JSON file that belongs beside it"
_VERSION = re.compile(r"v\d{4,}")


class CheckpointError(ValueError):
    """A checkpoint that cannot be used, and why."""


class NoCheckpointError(CheckpointError, FileNotFoundError):
    """A file of a checkpoint that is not there."""


def noted(weights: Path) -> dict[str, object]:
    """What is written beside weights, which are not read unless writing over them was broken off; CheckpointError where it is not
    there or damaged."""
    if not weights.name:
        raise CheckpointError(f"{weights}: a folder, not a file of weights")
    if weights.suffix == _BESIDE:
        raise CheckpointError(f"{weights}: what is written beside weights, not the weights{near(weights)}")
    path = weights.with_suffix(_BESIDE)
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        wrong = _wrong(weights)
        missing = isinstance(error, FileNotFoundError) and not (wrong and weights.exists())
        kind = NoCheckpointError if missing else CheckpointError
        raise kind(wrong or f"{weights}: {_BELONGS}; {path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(_wrong(weights) or f"{path}: cannot be read ({error})") from error
    if isinstance(note, dict):
        note = fitting(weights, note)
    if not isinstance(note, dict) or note.get("schema") != SCHEMA:
        found = note.get("schema") if isinstance(note, dict) else type(note).__name__
        raise CheckpointError(f"{path}: schema {found}, this version reads {SCHEMA}")
    if not isinstance(note.get("digest"), str) or not isinstance(note.get("config"), dict):
        raise CheckpointError(f"{path}: 'digest' or 'config' is missing")
    return note


def _wrong(weights: Path) -> str:
    """What is wrong with a file that the user named, whatever is the matter with its note; "" where nothing is."""
    if _VERSION.fullmatch(str(weights)):
        return f"{weights}: a version, no file; fail2progress models export {weights} --out NAME.safetensors makes one"
    if weights.is_dir():
        return f"{weights}: a folder, not a file of weights"
    if not weights.exists():
        return f"{weights}: no such file{near(weights)}"
    return "" if weights.suffix == _SUFFIX else f"{weights}: {_FORM}"


def near(weights: Path) -> str:
    """To be added to what is said of a file that is none of weights: which one is there that may be meant; "" for none."""
    for meant in (weights.with_name(weights.name + _SUFFIX), weights.with_suffix(_SUFFIX)):
        if meant.is_file():
            return f"; {meant} is there"
    stems = sorted(path.stem for path in weights.parent.glob(f"*{_SUFFIX}"))
    alike = get_close_matches(weights.stem, stems, 1)
    return f"; {weights.with_name(alike[0] + _SUFFIX)} is there" if alike else ""


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


def start_note(weights: Path, versions: Path) -> str:
    """What is to be said where a stack that shall start from weights goes on with what is in use in a registry's folder: "" where
    nothing is, or these are. CheckpointError where the weights cannot be, or where none of the versions has them."""
    digest = noted(weights)["digest"]
    if not weights.is_file():
        raise NoCheckpointError(f"{weights}: no such file{near(weights)}")
    pointer = versions / "CURRENT"
    if not pointer.is_file():
        return ""
    used = pointer.read_text(encoding="utf-8", errors="replace").strip()
    held = {path.stem: _digest_beside(path) for path in versions.glob(f"v*{_SUFFIX}")}
    if digest not in held.values():
        raise CheckpointError(
            f"{weights}: {versions} holds versions of other weights, {used} in use: name no weights to go on with these, or"
            " another folder to start from yours"
        )
    return "" if held.get(used) == digest else f"{weights} was the start; {used}, in use in {versions}, goes on from it"


def _digest_beside(weights: Path) -> str:
    """Empty where what is written beside them is damaged."""
    try:
        return str(noted(weights)["digest"])
    except CheckpointError:
        return ""
