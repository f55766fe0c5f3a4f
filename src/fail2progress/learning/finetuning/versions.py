"""What was learnt as a version of the model: one form of the note that says where it comes from."""

from __future__ import annotations

from fail2progress.core import gaps
from fail2progress.core.provenance import provenance
from fail2progress.learning.finetuning.learner import FineTuningResult
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint
from fail2progress.models.store import Registry, gaps_path

_WRITTEN = ("schema", "model", "config", "digest", "version")
"""Keys of a note that a checkpoint gets when it is written."""


def register_lesson(versions: Registry, parent: Checkpoint, lesson: FineTuningResult, event: str, method: str, seed: int) -> str:
    """Add the tuned model without switching to it; its version.

    The note holds parent (digest), parent_version, event (id of the failure), method, gate, seconds, dataset and what else the
    lesson says, and provenance. A parent from elsewhere is added first, so that one can go back to it. What was assumed when the
    failure's scene was rebuilt lies beside the weights (`gaps_path`).
    """
    note = {"parent": parent.digest, "parent_version": version_of(versions, parent), "event": event, "method": method}
    origin = provenance(event=event, method=method, seed=seed, parent=parent.digest)
    version = versions.register(lesson.model, {**note, **lesson.to_dict(), "provenance": origin})
    gaps.write(gaps_path(versions.path(version)), lesson.gaps)
    return version


def version_of(versions: Registry, checkpoint: Checkpoint) -> str:
    """The version that holds these weights; they are added where none does."""
    for version in versions.versions():
        path = versions.path(version)
        if path == checkpoint.path or load_checkpoint(path).digest == checkpoint.digest:
            return version
    return versions.adopt(checkpoint, {key: value for key, value in checkpoint.note.items() if key not in _WRITTEN})
