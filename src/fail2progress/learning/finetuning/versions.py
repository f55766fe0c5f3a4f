"""What was learnt as a version of the model: one form of the note that says where it comes from, and the data beside it."""

from __future__ import annotations

from pathlib import Path

from fail2progress.core import gaps
from fail2progress.core.provenance import provenance
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore, StoreError
from fail2progress.learning.finetuning.learner import FineTuningResult
from fail2progress.learning.finetuning.rehearsal import RehearsalSet, load_rehearsal, save_rehearsal
from fail2progress.models.checkpoint import Checkpoint, read_note
from fail2progress.models.notes import CheckpointError
from fail2progress.models.store import Registry, gaps_path, lesson_path

_WRITTEN = ("schema", "model", "config", "digest", "version")
"""Keys of a note that a checkpoint gets when it is written."""
_OF_FOLDER = ("parent", "parent_version", "event")
"""Keys of a note that name what lies beside it: in another folder the same names are other things."""


def register_lesson(versions: Registry, parent: Checkpoint, lesson: FineTuningResult, event: str, method: str, seed: int) -> str:
    """Add the tuned model without switching to it; its version.

    The note holds parent (digest), parent_version, event (id of the failure), method, gate, seconds, dataset and what else the
    lesson says, and provenance. A parent from elsewhere is added first, so that one can go back to it. What was assumed when the
    failure's scene was rebuilt lies beside the weights (`gaps_path`), and so does what was learnt from (`lesson_path`).
    """
    note = {"parent": parent.digest, "parent_version": version_of(versions, parent), "event": event, "method": method}
    origin = provenance(event=event, method=method, seed=seed, parent=parent.digest)
    learnt = lesson.lesson()

    def write_beside(weights: Path) -> None:
        gaps.write(gaps_path(weights), lesson.gaps)
        save_rehearsal(learnt, lesson_path(weights))

    return versions.register(lesson.model, {**note, **lesson.to_dict(), "provenance": origin}, write_beside)


def remembered(versions: Registry, parent: Checkpoint, store: FailureStore) -> tuple[list[RehearsalSet], list[FailureEvent]]:
    """The lessons that a model comes from and their failures, oldest first, for `Learner.remembering`.

    A lesson without its data is left out, and so is a failure that is not in the store. Names count in the folder where they were
    given: a model that does not lie here by the name in its note comes from elsewhere, and so do the lessons before it.
    """
    lessons, failures = [], []
    version, digest = parent.note.get("version"), parent.digest
    while (path := versions.path(str(version))).exists() and (note := read_note(path))["digest"] == digest and "event" in note:
        if lesson_path(path).exists():
            lessons.append(load_rehearsal(lesson_path(path)))
            failures += _kept(store, str(note["event"]))
        version, digest = note.get("parent_version"), str(note.get("parent"))
    return lessons[::-1], failures[::-1]


def _kept(store: FailureStore, identity: str) -> list[FailureEvent]:
    try:
        return [store.get(identity)]
    except StoreError:
        return []


def version_of(versions: Registry, checkpoint: Checkpoint) -> str:
    """The version that holds these weights; they are added where none does."""
    for version in versions.versions():
        path = versions.path(version)
        if path == checkpoint.path or _noted(path).get("digest") == checkpoint.digest:
            return version
    return versions.adopt(checkpoint, {key: value for key, value in checkpoint.note.items() if key not in _WRITTEN + _OF_FOLDER})


def version_from(versions: Registry, event: str) -> str | None:
    """The version that was learnt from a failure, whether or not it was taken."""
    return next((version for version in versions.versions() if _noted(versions.path(version)).get("event") == event), None)


def _noted(path: Path) -> dict[str, object]:
    """What is written beside a version's weights; nothing where either is damaged, as a lesson must not be lost for it."""
    try:
        return read_note(path)
    except CheckpointError:
        return {}
