"""The model that a running process uses: replaced between two pieces of work, after it has been verified, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fail2progress.models.checkpoint import Checkpoint, load_checkpoint
from fail2progress.models.notes import CheckpointError

KEPT = 4
"""Models that stay loaded, so that what an older one planned can be judged by it."""


@dataclass(frozen=True)
class Offer:
    """A model that shall be used from now on."""

    path: Path
    digest: str
    back: bool = False
    """Whether it is an older version, to which the stack goes back."""


@dataclass
class LiveModel:
    """Holds the current model and a few earlier ones. Safe to use from several threads."""

    current: Checkpoint
    swaps: int = 0
    refusal: str = ""
    """Why the last offer was refused; empty if it was taken."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[str, Checkpoint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known[self.current.digest] = self.current

    def by_digest(self, digest: str) -> Checkpoint | None:
        """The current model or an earlier one that is still loaded."""
        with self._lock:
            return self._known.get(digest)

    def offer(self, offer: Offer) -> bool:
        """Take a model over, or keep the old one and remember why. What was read is verified before anything changes."""
        if offer.digest == self.current.digest:
            self.refusal = ""
            return True
        try:
            found = self.by_digest(offer.digest) or self._read(offer)
        except (ValueError, TypeError, OSError) as error:  # what a hostile path or note can raise, CheckpointError among it
            self.refusal = str(error)
            return False
        with self._lock:
            self.current, self.swaps, self.refusal = found, self.swaps + 1, ""
            self._known.pop(found.digest, None)
            self._known[found.digest] = found
            while len(self._known) > KEPT:
                self._known.pop(next(iter(self._known)))
        return True

    def _read(self, offer: Offer) -> Checkpoint:
        """CheckpointError unless it is whole, the one announced, of the same make, and let through by the gate."""
        found = load_checkpoint(offer.path)
        if found.digest != offer.digest:
            raise CheckpointError(f"{offer.path}: digest {found.digest[:12]}, announced was {offer.digest[:12]}")
        if type(found.model) is not type(self.current.model) or not _same_make(found, self.current):
            raise CheckpointError(f"{offer.path}: a model of another make than the one in use")
        gate = found.note.get("gate")
        if isinstance(gate, Mapping) and not gate.get("passed"):
            raise CheckpointError(f"{offer.path}: rejected by the gate: {gate.get('reason', 'no reason given')}")
        if not offer.back and (not isinstance(gate, Mapping) or found.note.get("parent") not in self._known):
            raise CheckpointError(f"{offer.path}: it does not come from a model that is in use here by way of the gate")
        return found


def _same_make(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether the weights have the same names and shapes."""
    shapes = [{key: value.shape for key, value in c.model.state_dict().items()} for c in (one, other)]
    return shapes[0] == shapes[1]
