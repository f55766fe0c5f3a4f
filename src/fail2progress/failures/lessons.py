"""What came of learning from failures: the attempts that a store tells of, and the versions of the model that live beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fail2progress.core.runs import MODELS
from fail2progress.failures.store import FailureStore, Lesson
from fail2progress.models.notes import CheckpointError
from fail2progress.models.store import Registry, version_number
from fail2progress.models.version_notes import noted_version


@dataclass(frozen=True)
class Lessons:
    """Attempts to learn from each failure of a store.

    The note beside a version is the truth of what it learnt from. A store may not tell of it: earlier ones forgot what
    they knew when the failure was learnt from once more, and a process may have ended between the two.
    """

    store: FailureStore
    living: Mapping[str, tuple[Lesson, ...]]
    """By failure: the versions that the one in use comes from, oldest first, and why each was taken."""

    @classmethod
    def beside(cls, store: FailureStore) -> Lessons:
        """Of a store with the versions in `models` beside it, where there are any; those that cannot be read are left out."""
        living = dict[str, tuple[Lesson, ...]]()
        for event, lesson in _living(Registry(store.path.parent / MODELS)):
            living[event] = (lesson, *living.get(event, ()))
        return cls(store, living)

    def of(self, failure: str) -> tuple[Lesson, ...]:
        """Attempts to learn from a failure by its whole id, oldest first."""
        attempts = list(self.store.lessons(failure))
        known = {version for version, _ in attempts}
        for lesson in self.living.get(failure, ()):
            if lesson[0] not in known:
                attempts.insert(_place(lesson, attempts), lesson)
        return tuple(attempts)


def _place(lesson: Lesson, attempts: Sequence[Lesson]) -> int:
    """Behind the last attempt that gave an earlier version, at once: of those in vain after it nothing says when they were."""
    own = version_number(lesson[0])
    return max((place for place, (version, _) in enumerate(attempts, 1) if version and version_number(version) < own), default=0)


def _living(versions: Registry) -> Iterator[tuple[str, Lesson]]:
    """What the version in use learnt last, then its parent, and so on: failure and lesson."""
    version, passed = versions.in_use(), set[str]()
    while version and version not in passed and versions.path(version).exists():
        passed.add(version)
        try:
            note: dict[str, Any] = noted_version(versions.path(version))
        except CheckpointError:
            return
        if note.get("event") and (gate := note.get("gate")):
            yield note["event"], (version, str(gate.get("reason", "")))
        version = note.get("parent_version")
