"""The weights that travel with the package."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Protocol, TypeVar

from fail2progress.models.notes import NoCheckpointError

RELATIONAL = "relational.safetensors"
KEEPSAKE = "rehearsal.safetensors"
DEFAULT = Path(RELATIONAL).stem
"""The base model that is used unless another one is named."""


class Fitted(Protocol):
    """What was fitted for one model of the package and lies beside its weights."""

    @property
    def model(self) -> str:
        """SHA-256 digest of that model."""


Found = TypeVar("Found", bound=Fitted)


def folder() -> Path:
    """Where the package's weights lie."""
    return Path(str(resources.files("fail2progress"))) / "weights"


def path(name: str) -> Path:
    """Where a file of fail2progress/weights lies; CheckpointError where this installation does not have it."""
    found = folder() / name
    if not found.is_file():
        raise NoCheckpointError(f"{found}: not in this installation; name a file of your own")
    return found


@lru_cache(maxsize=64)
def base_of(kind: str) -> str:
    """The name of the weights that models of a kind are learnt from, by the kind's registered name; the default's for another."""
    notes = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder().glob("*.json"))}
    of_kind = [stem for stem, note in notes.items() if note.get("model") == kind and (folder() / f"{stem}.safetensors").is_file()]
    return of_kind[0] if of_kind and DEFAULT not in of_kind else DEFAULT


def fitted(suffix: str, read: Callable[[Path], Found]) -> dict[str, Found]:
    """All that lies beside the weights under a suffix, by the rest of its file name."""
    return {file.name.removesuffix(suffix): read(file) for file in sorted(folder().glob(f"*{suffix}"))}


def of_model(found: Mapping[str, Found], digest: str, kind: str) -> Found | None:
    """That of a model by its digest; of another one, that of the base model of its kind. Keys are names of weights."""
    return next((one for one in found.values() if one.model == digest), found.get(base_of(kind)))
