import errno
import fcntl
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.files import (
    InUseError,
    NoLocksError,
    guarded,
    locked,
    remove_abandoned,
    taken,
    try_out,
    unfinished_path,
    whole_file,
    whole_folder,
    write_whole,
)
from fail2progress.core.holds import held


@given(first=st.binary(), second=st.text())
def test_the_last_content_is_there_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, first: bytes, second: str) -> None:
    path = tmp_path_factory.mktemp("files") / "new" / "a.json"
    write_whole(path, first)
    assert path.read_bytes() == first
    write_whole(path, second)
    assert path.read_bytes() == second.encode()
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_finished_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, "old")
    with pytest.raises(OSError, match="No space"), whole_file(path) as unfinished:
        unfinished.write_text("ne")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_told_by_its_own_name(tmp_path: Path) -> None:
    """Not by the name of what would have become it, which nobody has asked for."""
    path = tmp_path / "a.png"
    with pytest.raises(PermissionError) as caught, whole_file(path) as unfinished:
        raise PermissionError(13, "Permission denied", str(unfinished))
    assert caught.value.filename == str(path)
    with pytest.raises(OSError, match="File name too long") as long, whole_folder(tmp_path / ("b" * 240)):
        pass
    assert long.value.filename == str(tmp_path / ("b" * 240))


def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a") as unfinished:
        unfinished.write_text("ne")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "new" / "a") as unfinished:
        (unfinished / "half").write_text("ha")
        raise KeyboardInterrupt
    assert list((tmp_path / "new").iterdir()) == []
    with whole_folder(tmp_path / "a") as unfinished:
        (unfinished / "inner").mkdir()
        (unfinished / "inner" / "b").write_text("whole")
    assert (tmp_path / "a" / "inner" / "b").read_text() == "whole"
    with pytest.raises(OSError, match="a"), whole_folder(tmp_path / "a"):
        pass
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["inner"]


def test_what_a_killed_process_left_goes_with_the_next_writing(tmp_path: Path) -> None:
    child = "import os,sys; from pathlib import Path; from fail2progress.core.files import whole_file, whole_folder\n"
    child += "with whole_file(Path('a')) as file, whole_folder(Path('b')) as folder:\n"
    child += "    file.write_text('ha'); (folder / 'half').write_text('ha'); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", child], cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert len(list(tmp_path.iterdir())) == 2
    under_way = tmp_path / f"{unfinished_path(tmp_path / 'a').stem}.{os.getppid()}"
    under_way.write_text("of a process that is at work")
    write_whole(tmp_path / "a", "whole")
    remove_abandoned(tmp_path / "b")
    assert sorted(tmp_path.iterdir()) == [under_way, tmp_path / "a"]


def test_two_threads_that_write_the_same_file_leave_one_of_the_contents(tmp_path: Path) -> None:
    path, both = tmp_path / "CURRENT", threading.Barrier(2)

    def write(content: str) -> None:
        with whole_file(path) as unfinished:
            unfinished.write_text(content)
            both.wait(10.0)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, ("v0001\n", "v0002\n")))
    assert path.read_text() in ("v0001\n", "v0002\n") and list(tmp_path.iterdir()) == [path]


def test_who_does_not_want_to_wait_is_told_that_a_file_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "one"
    for first in (guarded, taken):
        with first(path), pytest.raises(InUseError, match=f"{path} is in use by another command"), taken(path):
            pytest.fail("two were there at once")
    with taken(path), taken(tmp_path / "other"):
        assert not path.exists()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_who_may_lock_a_file_is_for_the_umask_to_say(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        with guarded(tmp_path / "one"), held(tmp_path):
            modes = {path.stat().st_mode & 0o777 for path in (tmp_path / ".one.lock", tmp_path / ".lock")}
    finally:
        os.umask(before)
    assert modes == {mode}


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder of a lab that everybody may write in, as a user who is not the computer's administrator sees it."""
    with tempfile.TemporaryDirectory() as name:
        folder, user = Path(name), os.geteuid()
        folder.chmod(0o777)
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(user)


def of_another_user(path: Path) -> None:
    """A file that is there already and may be read, but not be written."""
    user = os.geteuid()
    os.seteuid(os.getuid())
    path.write_text("")
    path.chmod(0o444)
    os.seteuid(user)


def test_a_lock_of_another_user_is_taken_as_well(shared_folder: Path) -> None:
    for name in (".lock", ".one.lock"):
        of_another_user(shared_folder / name)
    with held(shared_folder), guarded(shared_folder / "one"):
        assert locked(shared_folder / ".lock") and locked(shared_folder / ".one.lock")
    with pytest.raises(PermissionError), guarded(Path("/usr/one")):
        pytest.fail("nothing can be made there")


def test_work_is_refused_before_it_begins_where_a_file_cannot_be_written(shared_folder: Path) -> None:
    of_another_user(shared_folder / "failures.sqlite")
    try_out(shared_folder, files=[shared_folder / "none"])
    with pytest.raises(PermissionError, match=r"failures.sqlite"):
        try_out(shared_folder, files=[shared_folder / "failures.sqlite"])
    assert sorted(path.name for path in shared_folder.iterdir()) == ["failures.sqlite"]


def test_work_that_will_guard_a_folder_tries_its_lock(tmp_path: Path) -> None:
    """And does not wait for who has it just now."""
    try_out(tmp_path / "models", alone=True)
    with guarded(tmp_path / "models"):
        try_out(tmp_path / "models", alone=True)
    assert not locked(tmp_path / ".models.lock")


def test_where_files_cannot_be_locked_that_is_said_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    (tmp_path / "there").touch()
    monkeypatch.setattr(fcntl, "flock", refuse)
    assert locked(tmp_path / "there") is None and locked(tmp_path / "none") is False
    said = rf"{tmp_path}/.one.lock: files cannot be locked there \(No locks available\): choose a folder on another disk, or "
    for guard in (guarded, taken):
        with pytest.raises(NoLocksError, match=said), guard(tmp_path / "one"):
            pytest.fail("it is not locked")
    try_out(tmp_path)
    with pytest.raises(NoLocksError):
        try_out(tmp_path / "models", alone=True)
    open_files = len(os.listdir("/proc/self/fd"))
    with pytest.raises(NoLocksError), held(tmp_path):
        pytest.fail("it is not locked")
    assert len(os.listdir("/proc/self/fd")) == open_files
