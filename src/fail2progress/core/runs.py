"""Folders of runs: one for each run, never overwritten; the last one is found by every command.

runs/latest                      names the last run, as a line of text: sim/2026-11-25_223452
runs/sim/latest                  a link to the last run of its kind, where the system has links
runs/sim/2026-11-25_223452/      run.json, failures.sqlite, models/, bags/, log/, report.html
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from fail2progress.core.files import locked, unfinished_path, write_whole
from fail2progress.core.holds import IN_USE, LOCK, RunError, held
from fail2progress.core.provenance import provenance
from fail2progress.core.starts import STAMP, Start, started_by_name
from fail2progress.core.streams import say_line

ROOT = Path("runs")
ABOUT = "run.json"
STORE = "failures.sqlite"
STORE_FILES = (STORE, f"{STORE}-wal", f"{STORE}-shm")
"""The failure store with what SQLite keeps beside it."""
MODELS = "models"
_LATEST = "latest"
_LISTED = 5
"""Runs that are named at most where none is found."""


@dataclass(frozen=True)
class Run:
    """A run's folder, and what kind it is of: "sim", "demo", "replay", "robot"."""

    folder: Path
    kind: str
    started: str
    """Local time of its beginning with its offset from UTC, ISO 8601; empty where that was not kept."""
    provenance: Mapping[str, object] = field(default_factory=dict, compare=False)
    """Of the code that it began with, see `core.provenance`; empty where that was not kept."""
    later: tuple[Start, ...] = field(default=(), compare=False)
    """The times that it was gone on with, oldest first."""

    @property
    def store(self) -> Path:
        """Where its failures are kept."""
        return self.folder / STORE

    @property
    def models(self) -> Path:
        """Where its models' versions lie."""
        return self.folder / MODELS

    @property
    def last_start(self) -> Start:
        """When it was begun, or gone on with last."""
        return self.later[-1] if self.later else Start(self.started, self.provenance)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        sizes = (path.lstat().st_size for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sum(sizes)

    @property
    def in_use(self) -> bool | None:
        """Whether a process is at work in it; None: not known. Nothing is written: it may lie where nothing can be."""
        return locked(self.folder / LOCK)


@dataclass(frozen=True)
class Runs:
    """All runs below a folder."""

    root: Path = ROOT

    def new(self, kind: str, now: datetime) -> Run:
        """A new folder for a run; it becomes the latest."""
        stamp = now.strftime(STAMP)
        for number in range(1000):
            folder = self.root / kind / (f"{stamp}_{number}" if number else stamp)
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            try:
                return self.adopt(folder, kind, now, anew=True)
            except OSError:  # nothing can be written into it
                shutil.rmtree(folder, ignore_errors=True)
                raise
        raise RunError(f"{self.root / kind}: no free name for a run at {stamp}")

    def adopt(self, folder: Path, kind: str, now: datetime, anew: bool = False) -> Run:
        """Take a folder, wherever it is, as a run; it becomes the latest.

        A run that is there is gone on with: its beginning stays what it was, known or not. anew: nothing of it is left.
        """
        folder.mkdir(parents=True, exist_ok=True)
        start, before = Start(now.astimezone().isoformat(timespec="seconds"), provenance()), None if anew else _earlier(folder)
        if before is None:
            run = Run(folder, kind, start.started, start.provenance)
        else:
            run = Run(folder, kind, before.started, before.provenance, (*before.later, start))
        about = {"kind": kind, "started": run.started, "provenance": run.provenance, "later": list(map(asdict, run.later))}
        write_whole(folder / ABOUT, json.dumps(about) + "\n")
        self._point(run)
        return run

    def all(self) -> list[Run]:
        """The runs below the root, oldest first. RunError where one is damaged."""
        found, damaged = self.listed()
        if damaged:
            raise damaged[0]
        return found

    def listed(self) -> tuple[list[Run], list[RunError]]:
        """The runs below the root that can be read, oldest first; and what is wrong with each of the others, with what to do."""
        found, damaged = self._each()
        return [run for run in found if run.folder not in damaged], [damaged[folder] for folder in sorted(damaged)]

    def _each(self) -> tuple[list[Run], dict[Path, RunError]]:
        """All runs below the root, oldest first, damaged ones by their folders' names; what is wrong with those, by folder."""
        found, damaged = list[Run](), dict[Path, RunError]()
        for folder in (path.parent for path in self.root.glob(f"*/*/{ABOUT}") if not path.parent.is_symlink()):
            try:
                found.append(read_run(folder))
            except RunError as error:
                damaged[folder] = error
                found.append(Run(folder, folder.parent.name, started_by_name(folder.name)))
        return sorted(found, key=lambda run: (run.last_start.moment, str(run.folder))), damaged

    def latest(self) -> Run:
        """The last run. RunError where there is none."""
        named: Path | None = None
        with suppress(OSError, ValueError):  # nothing is there, or what names no folder
            folder = self.root / (self.root / _LATEST).read_text(encoding="utf-8").strip()
            named = folder if (folder / ABOUT).is_file() else None
        if named is not None:
            return read_run(named)
        found, damaged = self._each()
        if not found:
            raise RunError(f"no run in {self.root} yet: `fail2progress demo` makes one, or name what you mean (see --help)")
        return _whole(found[-1], damaged)

    def named(self, name: str | None) -> Run:
        """A run by its path, by "sim/2026-11-25_223452" or a part of that, by its kind (the last of it); the latest where None.

        RunError names the runs there are, or says what is wrong with the one that is meant.
        """
        if name is None:
            return self.latest()
        for folder in (Path(name), self.root / name) if name else ():
            if (folder / ABOUT).is_file():
                return read_run(folder.resolve() if folder.is_symlink() else folder)
        if name and (Path(name) / STORE).is_file():
            return Run(Path(name), "run", "")
        runs, damaged = self._each()
        found = self._last_of(name, runs) or [run for run in runs if name.strip("/.") and name in f"{run.kind}/{run.folder.name}"]
        if len(found) != 1:
            what = f"{len(found)} runs" if found else "no run"
            listed = found or runs
            there = ", ".join(f"{run.kind}/{run.folder.name}" for run in listed[-_LISTED:]) or "none"
            there += f" and {len(listed) - _LISTED} earlier ones" if len(listed) > _LISTED else ""
            raise RunError(f"{what} named {name!r} in {self.root}; there are: {there}")
        return _whole(found[0], damaged)

    def _last_of(self, kind: str, runs: list[Run]) -> list[Run]:
        """The last run of a kind, none where there is none: the one that its link names, where that is whole."""
        with suppress(OSError, RunError):
            folder = self.root / kind / os.readlink(self.root / kind / _LATEST)
            if kind and read_run(folder).kind == kind:
                return [read_run(folder)]
        return [run for run in runs if run.kind == kind][-1:]

    def check_removable(self, run: Run) -> None:
        """RunError where a folder is no run's, in use, or around the folder that one works in."""
        if not (run.folder / ABOUT).is_file():
            raise RunError(f"{run.folder}: not the folder of a run, which has a {ABOUT}; remove it by other means")
        if Path.cwd().is_relative_to(run.folder.resolve()):
            raise RunError(f"{run.folder} is the folder you are in, or around it: go elsewhere first")
        if run.in_use:
            raise RunError(f"{run.folder} {IN_USE}")

    def remove(self, run: Run) -> None:
        """Delete a run's folder. RunError: see check_removable."""
        self.check_removable(run)
        with held(run.folder):
            self.discard(run)

    def discard(self, run: Run) -> None:
        """Delete a run's folder that is held, or that nobody else can know of."""
        shutil.rmtree(run.folder)
        link = run.folder.parent / _LATEST
        if link.is_symlink() and not link.exists():
            link.unlink()

    def forget(self, run: Run) -> None:
        """A folder that was there before it was adopted is no run any more; all else in it stays."""
        for name in (ABOUT, LOCK):
            (run.folder / name).unlink(missing_ok=True)

    def _point(self, run: Run) -> None:
        """Make a run the latest: a convenience, without which it goes on."""
        try:
            self._write_pointer(run)
        except OSError as error:
            note = f"{self.root / _LATEST}: cannot be written ({error.strerror}): name {run.folder} where the last run is meant"
            say_line(f"note: {note}")

    def _write_pointer(self, run: Run) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        folder, root = run.folder.resolve(), self.root.resolve()
        name = folder.relative_to(root) if folder.is_relative_to(root) else folder
        if folder.parent.parent == root:
            link = folder.parent / _LATEST
            with suppress(OSError):  # a file system without links
                beside = unfinished_path(link)
                beside.symlink_to(folder.name)
                beside.replace(link)
        write_whole(self.root / _LATEST, f"{name}\n")


def read_run(folder: Path) -> Run:
    """A run from its folder. RunError where run.json is damaged."""
    try:
        content = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        kind, started, origin = str(content["kind"]), str(content["started"]), content.get("provenance")
        later = tuple(Start(str(each["started"]), dict(each["provenance"])) for each in content.get("later", ()))
        return Run(folder, kind, started, origin if isinstance(origin, dict) else {}, later)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        mend = f'write {{"kind": "{folder.parent.name}", "started": ""}} into it, or remove {folder}'
        raise RunError(f"{folder / ABOUT}: not the description of a run ({error}); {mend}") from error


def _earlier(folder: Path) -> Run | None:
    """The run that a folder holds; None where it holds none. Of one whose description is damaged, or was never written, no more
    is known than that it is there."""
    if (folder / ABOUT).is_file():
        with suppress(RunError):
            return read_run(folder)
    elif not (folder / STORE).is_file():
        return None
    return Run(folder, "run", "")


def _whole(run: Run, damaged: dict[Path, RunError]) -> Run:
    """A run. RunError where it is one of the damaged."""
    if run.folder in damaged:
        raise damaged[run.folder]
    return run


@contextmanager
def working_in(run: Run) -> Iterator[Run]:
    """As `held`, of a run's folder."""
    with held(run.folder):
        yield run


@contextmanager
def held_run(named: str, kind: str, now: datetime) -> Iterator[Path]:
    """Hold the folder of a new run, or, unless it is "", the one that is named: it becomes a run, or the one there is gone on
    with. RunError where another process has it."""
    folder = Path(named) if named else Runs().new(kind, now).folder
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder):
        if named:
            with suppress(OSError):  # where it is started, nothing may be written
                Runs().adopt(folder, kind, now)
        yield folder
