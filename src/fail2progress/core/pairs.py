"""A file and the note (JSON, with the file's digest) beside it, written over an earlier pair so that one of the two is whole.

A name can be given to one file at a time. So the new note first holds the earlier one, which goes on to count as long as the
earlier file lies there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fail2progress.core.files import write_whole

_REPLACED = "replaced"
"""Key of a note under which the earlier one is kept until the file is written."""


def write_pair(path: Path, content: bytes, note: Mapping[str, Any]) -> None:
    """Write a file and its note, which says its "digest"; the note goes first. OSError where that cannot be done."""
    beside, text = path.with_suffix(".json"), json.dumps(note, indent=1)
    earlier = _earlier(path)
    if earlier is not None:
        write_whole(beside, json.dumps({**note, _REPLACED: earlier}, indent=1))
        write_whole(path, content)
    write_whole(beside, text)
    if earlier is None:
        write_whole(path, content)


def fitting(path: Path, note: dict[str, Any]) -> dict[str, Any]:
    """Of a note as it was read, the one that fits the file: the earlier one where that file still lies there."""
    found = {key: value for key, value in note.items() if key != _REPLACED}
    earlier = note.get(_REPLACED)
    if not isinstance(earlier, dict) or _digest(path) != earlier.get("digest") or earlier["digest"] == note.get("digest"):
        return found
    return earlier


def _earlier(path: Path) -> dict[str, Any] | None:
    """The note of a whole pair that lies there; None where there is none."""
    try:
        note = json.loads(path.with_suffix(".json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    found = fitting(path, note) if isinstance(note, dict) else {}
    return found if found and found.get("digest") == _digest(path) else None


def _digest(path: Path) -> str | None:
    """SHA-256 of a file; None where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
