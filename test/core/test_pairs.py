import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from fail2progress.core import pairs
from fail2progress.core.pairs import fitting, write_pair


def write(path: Path, content: bytes, says: str) -> None:
    write_pair(path, content, {"digest": hashlib.sha256(content).hexdigest(), "says": says})


def read(path: Path) -> tuple[bytes, dict[str, Any]]:
    note = fitting(path, json.loads(path.with_suffix(".json").read_text()))
    assert note["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    return path.read_bytes(), note


@pytest.mark.parametrize(("writes", "says"), [(0, "old"), (1, "old"), (2, "new"), (3, "new")])
def test_a_pair_that_was_not_written_over_to_the_end_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int, says: str
) -> None:
    path, whole, left = tmp_path / "m.bin", pairs.write_whole, [writes]
    write(path, b"old", "old")

    def stops(place: Path, content: str | bytes) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        whole(place, content)

    with monkeypatch.context() as patched:
        patched.setattr(pairs, "write_whole", stops)
        try:
            write(path, b"new", "new")
        except KeyboardInterrupt:
            assert writes < 3
    content, note = read(path)
    assert (content.decode(), note["says"]) == (says, says) and set(note) == {"digest", "says"}
    write(path, b"newer", "newer")
    assert read(path)[1]["says"] == "newer" and "replaced" not in json.loads(path.with_suffix(".json").read_text())


def test_another_note_of_the_same_file_counts_at_once(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    write(path, b"same", "one")
    write(path, b"same", "two")
    note = json.loads(path.with_suffix(".json").read_text())
    assert fitting(path, {**note, "replaced": {**note, "says": "one"}})["says"] == "two"


def test_what_is_damaged_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    for note in ("{", "[]", '{"digest": "00"}', '{"replaced": {}}'):
        path.write_bytes(b"old")
        path.with_suffix(".json").write_text(note)
        write(path, b"new", "new")
        assert read(path)[1]["says"] == "new"
