"""The weights that travel with the package."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from pathlib import Path

RELATIONAL = "relational.safetensors"
KEEPSAKE = "rehearsal.safetensors"
DEFAULT = Path(RELATIONAL).stem
"""The base model that is used unless another one is named."""


def folder() -> Path:
    """Where the package's weights lie."""
    return Path(str(resources.files("fail2progress"))) / "weights"


def path(name: str) -> Path:
    """Where a file of fail2progress/weights lies; CheckpointError where this installation does not have it."""
    found = folder() / name
    if not found.is_file():
        from fail2progress.models.checkpoint import CheckpointError  # needs torch, which the monitor's process does without

        raise CheckpointError(f"{found}: not in this installation; name a file of your own")
    return found


@lru_cache(maxsize=64)
def base_of(kind: str) -> str:
    """The name of the weights that models of a kind are learnt from, by the kind's registered name; the default's for another."""
    notes = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder().glob("*.json"))}
    of_kind = [stem for stem, note in notes.items() if note.get("model") == kind and (folder() / f"{stem}.safetensors").is_file()]
    return of_kind[0] if of_kind and DEFAULT not in of_kind else DEFAULT
