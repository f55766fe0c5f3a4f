"""The weights that travel with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fail2progress.models.checkpoint import CheckpointError

RELATIONAL = "relational.safetensors"
KEEPSAKE = "rehearsal.safetensors"


def folder() -> Path:
    """Where the package's weights lie."""
    return Path(str(resources.files("fail2progress"))) / "weights"


def path(name: str) -> Path:
    """Where a file of fail2progress/weights lies; CheckpointError where this installation does not have it."""
    found = folder() / name
    if not found.is_file():
        raise CheckpointError(f"{found}: not in this installation; name a file of your own")
    return found
