"""A folder is held by one, as long as its lock is there; who only asks is in nobody's way."""

import fcntl
import threading
from pathlib import Path

import pytest

from fail2progress.core import holds
from fail2progress.core.files import lock_handle, locked
from fail2progress.core.holds import LOCK, RunError, held


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(RunError, match="is in use by another process"), held(tmp_path):
        pass
    with held(tmp_path):
        assert locked(tmp_path / LOCK)


def test_who_only_asks_is_in_nobodys_way(tmp_path: Path) -> None:
    with (tmp_path / LOCK).open("w") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(0.03, lambda: fcntl.flock(asking, fcntl.LOCK_UN)).start()
        with held(tmp_path):
            assert locked(tmp_path / LOCK)


def test_a_lock_that_was_taken_away_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gave up took the file away after another one had opened it."""
    real = lock_handle
    taken = []

    def slow(path: Path, how: int) -> int:
        number = real(path, how)
        if not taken:
            path.unlink()
            taken.append(path)
        return number

    monkeypatch.setattr(holds, "lock_handle", slow)
    with held(tmp_path):
        assert (tmp_path / LOCK).is_file() and locked(tmp_path / LOCK)
