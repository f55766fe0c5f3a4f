"""Files that are whole or absent: written beside their place, forced to disk, and renamed there."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` at the end, and is removed where writing fails.

    A reader sees the old content or the new one, also after a crash and on a full disk. OSError where it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    unfinished = unfinished_path(path)
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, str(unfinished)):
            raise OSError(error.errno, error.strerror, str(path)) from error  # NumPy names no file; nobody knows the other one
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a text (UTF-8) or bytes so that the file is whole or as it was."""
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """An empty folder beside `place`, forced to disk and renamed to `place` at the end, where nothing or an empty folder is.

    It is removed where filling it fails. OSError where it cannot be made or put into its place.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(place)
    unfinished = unfinished_path(place)
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(place)) from error
    try:
        yield unfinished
        for path in unfinished.rglob("*"):
            if path.is_file():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
        unfinished.rename(place)
        _sync_folder(place.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def try_out(folder: Path, alone: bool = False, files: Iterable[Path] = ()) -> None:
    """Make a folder and write there, so that who works for hours knows before that it can be done; OSError where it cannot.

    alone: the folder will be guarded (`alone`), too; files: what is there of these will be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
    for path in files:
        if path.exists():
            os.close(os.open(path, os.O_RDWR))
    if alone:
        with suppress(InUseError):  # another command has it just now; the work will wait for that
            os.close(_lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB))


def locked(path: Path, shared: bool = True) -> bool | None:
    """Whether a process holds a lock on a file, by trying to take one; False where there is no file, and nothing is written.
    None: not known, as the file cannot be opened, or its file system has no locks.

    shared: try for a lock that others may hold as well, so that two who ask do not see each other; otherwise a lock that is
    held together counts, too.
    """
    try:
        with path.open("rb") as file:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """As `guarded`, of a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    with guarded(folder):
        yield


class InUseError(OSError):
    """What another process holds: which file or folder, and what to do."""


class NoLocksError(OSError):
    """A file that cannot be locked, as on a network's disk without locks: which one, and what to do."""


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Until the end no other process or thread that asks for it is between the same lines with this file or folder; it waits.

    An empty file beside it is what is locked, and stays: a network's file system locks only what can be written.
    """
    handle = _lock(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def taken(path: Path) -> Iterator[None]:
    """The same where nobody else is there, or else InUseError. What is locked goes at the end."""
    handle = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        _lock_beside(path).unlink(missing_ok=True)
        os.close(handle)


def _lock(path: Path, how: int) -> int:
    """A handle of the file beside a path, which is locked. InUseError: another one has it, and `how` does not wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            handle = lock_handle(_lock_beside(path), how)
        except BlockingIOError:
            raise InUseError(f"{path} is in use by another command: wait for its end, or choose another name") from None
        try:
            if _is_there(handle, path):
                return handle
        except OSError:
            os.close(handle)
            raise
        os.close(handle)  # who had it before took it away after it was opened here


def lock_handle(path: Path, how: int) -> int:
    """A handle of a file, made where there is none, that is locked (flock). Everybody whom the umask lets may lock it, too.

    BlockingIOError: another process has it, and `how` does not wait. NoLocksError where files cannot be locked.
    """
    handle = _handle(path)
    try:
        fcntl.flock(handle, how)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError as error:
        os.close(handle)
        mend = "choose a folder on another disk, or have that one mounted with file locks"
        raise NoLocksError(f"{path}: files cannot be locked there ({error.strerror}): {mend}") from error
    return handle


def _handle(path: Path) -> int:
    """Of a file to lock. Of one that is another user's, for reading: a lock on that is as good on a disk of this computer."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY)


def _lock_beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _is_there(handle: int, path: Path) -> bool:
    """Whether the file beside a path is still the one that was opened."""
    try:
        return os.path.samestat(os.fstat(handle), _lock_beside(path).stat())
    except FileNotFoundError:
        return False


def unfinished_path(path: Path) -> Path:
    """Where this thread writes what becomes `path`."""
    return path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}-{threading.get_ident()}")


def remove_abandoned(path: Path) -> None:
    """What processes of this computer that were killed had begun to write for `path`."""
    mine = unfinished_path(path)
    for other in path.parent.glob(f"{glob.escape(mine.stem)}.*"):
        number = other.suffix[1:].partition("-")[0]
        if not number.isdecimal() or _at_work(int(number)):
            continue
        if other.is_dir():
            shutil.rmtree(other, ignore_errors=True)
        else:
            other.unlink(missing_ok=True)


def _at_work(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Force the renaming to disk, where the system lets folders be opened."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(number)
    finally:
        os.close(number)
