"""Data sets on disk: shards of memory-mappable arrays with a manifest.

A shard is a folder of .npy files. S counts the segments of all its E executions together, B their ordered pairs (n * n each).
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.files import whole_folder
from fail2progress.core.objects import CATEGORIES
from fail2progress.core.observation import POINTS
from fail2progress.core.relations import BINARY, UNARY
from fail2progress.core.vocabulary import VocabularyError, check
from fail2progress.simulation.base import Outcome
from fail2progress.skills.base import padded
from fail2progress.skills.registry import SKILLS
from fail2progress.skills.vocabulary import current

SCHEMA = 1
CATEGORY_NAMES = tuple(CATEGORIES)
_Arrays = dict[str, NDArray[np.generic]]


class DataError(ValueError):
    """A data set that cannot be used, and why."""


def arrays(outcomes: Sequence[Outcome], numbers: Sequence[int]) -> _Arrays:
    """Executions as flat arrays; poses (S, 7) and points (S, P, 3) in metres, planning frame."""
    before, after = [o.before for o in outcomes], [o.after for o in outcomes]
    vocabulary = current()
    return {
        "number": np.array(numbers, np.int64),
        "count": np.array([len(o.before.scene) for o in outcomes], np.int32),
        "skill": np.array([vocabulary.index(o.call.skill) for o in outcomes], np.uint8),
        "object": np.array([o.before.scene.index(o.call.object) for o in outcomes], np.int32),
        "parameters": np.array([o.call.padded for o in outcomes], np.float32).reshape(-1, SKILLS.action_size),
        "category": np.array([CATEGORY_NAMES.index(c) for b in before for c in b.cloud.categories], np.uint8),
        "size": _rows([b.scene.sizes for b in before], 3).astype(np.float32),
        **{f"points{t}": _rows([s.cloud.points for s in side], POINTS, 3) for t, side in enumerate((before, after))},
        **{f"visibility{t}": _rows([s.cloud.visibility for s in side]) for t, side in enumerate((before, after))},
        **{f"pose{t}": _rows([s.scene.poses for s in side], 7).astype(np.float32) for t, side in enumerate((before, after))},
        **{f"unary{t}": _rows([s.relations.unary for s in side], len(UNARY), of=bool) for t, side in enumerate((before, after))},
        **{
            f"binary{t}": _rows([s.relations.binary.reshape(-1, len(BINARY)) for s in side], len(BINARY), of=bool)
            for t, side in enumerate((before, after))
        },
    }


def _rows(parts: list[NDArray[Any]], *width: int, of: type = np.float32) -> NDArray[Any]:
    """All rows of the parts; where there are none, none of this width and type."""
    return np.concatenate(parts) if parts else np.zeros((0, *width), of)


def write_shard(folder: Path, name: str, content: _Arrays, end: int | None = None) -> None:
    """Write a shard beside its place and rename it there, so that a shard is whole or absent. `end`: see Shard."""
    with whole_folder(folder / name) as unfinished:
        for key, values in content.items():
            path = unfinished / f"{key}.npy"
            try:
                np.save(path, values, allow_pickle=False)
            except OSError as error:
                # NumPy gives no number where less was written than it asked for: there is no room.
                raise OSError(error.errno or errno.ENOSPC, f"cannot be written ({error})", str(path)) from error
        digests = {path.name: digest(path) for path in sorted(unfinished.glob("*.npy"))}
        note = {"schema": SCHEMA, "vocabulary": current().to_dict(), "end": end, "files": digests}
        (unfinished / "shard.json").write_text(json.dumps(note, indent=1))
        shutil.rmtree(folder / name, ignore_errors=True)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file.read())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Shard:
    """One shard of a data set, whose arrays stay on disk."""

    path: Path
    executions: int
    end: int
    """One above the number of the last execution that was asked of it, which may have been left out."""
    files: tuple[str, ...]
    skills: tuple[int, ...]
    """The current numbers of its skills, by those that it was written with."""

    def __len__(self) -> int:
        return self.executions

    @property
    def values(self) -> _Arrays:
        """Its arrays, mapped into memory anew with every look: each map has a file open for as long as it is kept, and a process
        may have some thousand open. DataError, OSError: see read_shard."""
        values = {Path(name).stem: _mapped(self.path / name) for name in self.files}
        with _damage_told(self.path):
            values["skill"] = np.array(self.skills, np.uint8)[values["skill"]]
            values["parameters"] = padded(values["parameters"])
        return values


def read_shard(path: Path, verify: bool = False) -> Shard:
    """Open a shard; DataError says what is wrong with it. `verify` also compares the digests.

    Skills are numbered, and their parameters padded, as the current vocabulary has them, whichever the shard was written in;
    where it lacks one of the shard's skills, that is refused. OSError where the system cannot read it just now, with its reason.
    """
    with _damage_told(path):
        note = json.loads((path / "shard.json").read_text())
        if note["schema"] != SCHEMA:
            raise DataError(f"{path}: schema {note['schema']}, this version reads {SCHEMA}")
        files = dict(note["files"])
        skills = tuple(map(int, check(note.get("vocabulary"), current()).numbers(current())))
        noted = note.get("end")
        values = Shard(path, 0, 0, tuple(files), skills).values
        end = noted if isinstance(noted, int) else int(values["number"].max(initial=-1)) + 1
        shard = Shard(path, len(values["count"]), end, tuple(files), skills)
    for name, expected in files.items() if verify else ():
        if digest(path / name) != expected:
            raise DataError(f"{path / name}: content does not match its digest; delete {path} and generate again")
    return shard


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """DataError for what is of a wrong form, or is not there. What a whole shard meets as well, as too many open files or a disk
    that is gone, stays the OSError that it is."""
    try:
        yield
    except VocabularyError as error:
        raise DataError(f"{path}: {error}") from error
    except DataError:
        raise
    except (
        *(FileNotFoundError, IsADirectoryError, NotADirectoryError),
        *(ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError),
    ) as error:
        raise DataError(f"{path}: damaged shard; delete it and generate again ({error})") from error


def _mapped(path: Path) -> NDArray[np.generic]:
    with _damage_told(path.parent):
        try:
            found: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error  # a map that fails names no file
    return found


def shard_names(folder: Path) -> list[str]:
    """Names of the whole shards in a folder, in order."""
    return sorted(path.parent.name for path in folder.glob("shard_*/shard.json"))


def open_dataset(folder: Path, verify: bool = False) -> list[Shard]:
    """All shards of a data set; DataError where there are none."""
    names = shard_names(folder)
    if not names:
        raise DataError(f"{folder}: no shards here; make some with: fail2progress generate --out {folder}")
    return [read_shard(folder / name, verify) for name in names]
