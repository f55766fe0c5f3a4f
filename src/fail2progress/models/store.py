"""The model registry: versions side by side in a folder, one of them current, each naming its parent; roll back is one call."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fail2progress.core.files import alone, try_out, write_whole
from fail2progress.core.gaps import FILE
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import Checkpoint, copy_checkpoint, load_checkpoint, save_checkpoint
from fail2progress.models.notes import CheckpointError

_NAME = re.compile(r"v\d+", re.ASCII)


def version_number(name: str) -> int:
    """By which versions are ordered: 2 of v0002; 0 of a name that is no version's."""
    return int(name[1:]) if _NAME.fullmatch(name) else 0


def gaps_path(weights: Path) -> Path:
    """Where the gaps lie that came with what weights were learnt from: v0002.pipeline_gaps.json beside v0002.safetensors."""
    return weights.with_name(f"{weights.stem}.{FILE}")


def lesson_path(weights: Path) -> Path:
    """Where the data lie that weights were learnt from: lesson_v0002.safetensors beside v0002.safetensors."""
    return weights.with_name(f"lesson_{weights.name}")


@dataclass(frozen=True)
class Registry:
    """Versions v0001, v0002, ... as checkpoints, and a file CURRENT that names one of them."""

    folder: Path

    def versions(self) -> list[str]:
        """All versions, oldest first. Other weights in the folder, such as copies that somebody made, are none."""
        found = (path.stem for path in self.folder.glob("v[0-9]*.safetensors"))
        return sorted((name for name in found if _NAME.fullmatch(name)), key=version_number)

    def current(self) -> Checkpoint:
        """The version in use; CheckpointError where there is none or it is damaged."""
        version = self.in_use()
        if version is None:
            raise CheckpointError(f"{self.folder}: no current model; register one first")
        choose = "choose one with: fail2progress models use VERSION"
        if not self.path(version).exists():
            raise CheckpointError(f"{self.folder / 'CURRENT'}: no version {version!r} there; {choose}")
        try:
            return load_checkpoint(self.path(version))
        except CheckpointError as error:
            raise CheckpointError(f"{error}; put back a copy of it, or {choose} --registry {self.folder}") from error

    def in_use(self) -> str | None:
        """Name of the version in use, whether or not it can be read; None where there is none."""
        pointer = self.folder / "CURRENT"
        return pointer.read_text(encoding="utf-8", errors="replace").strip() if pointer.is_file() else None

    def try_out(self) -> None:
        """Make the folder and see that versions can be added to it; OSError where they cannot."""
        try_out(self.folder, alone=True)

    def path(self, version: str) -> Path:
        """Where a version lies."""
        return self.folder / f"{version}.safetensors"

    def register(
        self, model: SkillEffectModel, note: dict[str, object], write_beside: Callable[[Path], object] = lambda weights: None
    ) -> str:
        """Add a version, whole, without making it current.

        write_beside: called with the place of the weights before they are there, to write what belongs beside them: a version
        is there once its weights are, and nothing of it is missing then, whenever the process ends.
        """
        with alone(self.folder):
            version = self._next()
            write_beside(self.path(version))
            save_checkpoint(model, self.path(version), {**note, "version": version})
        return version

    def adopt(self, start: Checkpoint, note: dict[str, object]) -> str:
        """Add weights from elsewhere as they are, with their digest, without making them current."""
        with alone(self.folder):
            version = self._next()
            copy_checkpoint(start, self.path(version), {**note, "version": version})
        return version

    def _next(self) -> str:
        """The name of a new version, with nothing beside its place: a lesson that was not finished, or one whose weights were
        deleted, may have left something."""
        versions = self.versions()
        version = f"v{version_number(versions[-1]) + 1 if versions else 1:04d}"
        for left in (gaps_path(self.path(version)), lesson_path(self.path(version))):
            left.unlink(missing_ok=True)
        return version

    def begin(self, start: Checkpoint) -> Checkpoint:
        """Add weights from elsewhere as a version to go back to, and switch to it."""
        return self.make_current(self.adopt(start, {"source": start.digest}))

    def make_current(self, version: str) -> Checkpoint:
        """Switch to a version after reading it back; the old one stays in use where that fails."""
        with alone(self.folder):
            return self._switch(version)

    def replace_parent(self, version: str) -> bool:
        """Switch to a version in place of the one that it was learnt from; False, and no change, where that is not in use now."""
        with alone(self.folder):
            learnt, current = load_checkpoint(self.path(version)), self.current()
            fits = current.digest in (learnt.note.get("parent"), learnt.digest)
            if fits:
                self._switch(version)
        return fits

    def replace(self, version: str, before: str | None) -> bool:
        """Switch to a version in place of what was in use `before`; False, and no change, where another one is by now."""
        with alone(self.folder):
            same = self.in_use() == before
            if same:
                self._switch(version)
        return same

    def _switch(self, version: str) -> Checkpoint:
        checkpoint = load_checkpoint(self.path(version))
        write_whole(self.folder / "CURRENT", version + "\n")
        return checkpoint

    def roll_back(self) -> Checkpoint:
        """Back to the parent of the current version; CheckpointError where it has none."""
        with alone(self.folder):
            parent = self.current().note.get("parent_version")
            if not isinstance(parent, str):
                raise CheckpointError(f"{self.folder}: the current model has no parent to go back to")
            return self._switch(parent)
