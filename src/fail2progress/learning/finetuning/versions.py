"""What was learnt as a version of the model: one form of the note that says where it comes from, and the data beside it."""

from __future__ import annotations

from dataclasses import dataclass
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
from fail2progress.models.version_notes import noted_version

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


@dataclass(frozen=True)
class Remembered:
    """The lessons that a model comes from and their failures, oldest first, for `Learner.remembering`."""

    lessons: tuple[RehearsalSet, ...]
    failures: tuple[FailureEvent, ...]
    left_out: tuple[str, ...] = ()
    """What of them is left out as it cannot be read, and why, with what to do."""


def remembered(versions: Registry, parent: Checkpoint, store: FailureStore) -> Remembered:
    """What a model comes from.

    A lesson without its data is left out, and so is a failure that is not in the store, as somebody may have removed them. So is
    what is damaged, which is named: a lesson needs the model that it begins with, and no other one. Names count in the folder
    where they were given: a model that does not lie here by the name in its note comes from elsewhere, and so do the lessons
    before it.
    """
    lessons, failures, left_out = list[RehearsalSet](), list[FailureEvent](), list[str]()
    version, digest = parent.note.get("version"), parent.digest
    while (path := versions.path(str(version))).exists():
        try:
            note = noted_version(path)
        except CheckpointError as error:
            left_out.append(f"{error}; until then the lessons up to {version} are not rehearsed")
            break
        if note["digest"] != digest or "event" not in note:
            break
        lessons += _data(path, left_out)
        failures += _kept(store, str(note["event"]), left_out)
        version, digest = note.get("parent_version"), str(note.get("parent"))
    return Remembered(tuple(lessons[::-1]), tuple(failures[::-1]), tuple(left_out))


def _data(weights: Path, left_out: list[str]) -> list[RehearsalSet]:
    path = lesson_path(weights)
    try:
        return [load_rehearsal(path)] if path.exists() else []
    except CheckpointError as error:
        left_out.append(f"{error}; the lesson of {weights.stem} is not rehearsed until a copy is put back; or delete it")
        return []


def _kept(store: FailureStore, identity: str, left_out: list[str]) -> list[FailureEvent]:
    if identity not in store.ids():
        return []
    try:
        return [store.get(identity)]
    except StoreError as error:
        left_out.append(f"{error}; whether it is still foreseen is not asked")
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
