"""What the commands of induced benchmarks share: items, models and executions as the user names them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import UserError, WorkError, checked, require, shown, stopped_with, writable
from fail2progress.cli.limits import MOST_PROCESSES
from fail2progress.cli.voice import progress
from fail2progress.core.names import unknown

if TYPE_CHECKING:
    from fail2progress.benchmarks.items import BenchmarkFile
    from fail2progress.benchmarks.panel import Panel
    from fail2progress.benchmarks.session import Pool
    from fail2progress.benchmarks.store import ExecutionStore

RUNS = Path("runs/benchmarks")
LEVELS = typer.Option(None, help="Folder of capability levels (benchmark levels); default: the four weights of the package.")
STORE = typer.Option(RUNS / "executions", help="Folder of executions: an item is carried out once.")
PROCESSES = typer.Option(None, min=1, max=MOST_PROCESSES, help="Of the simulation (default: one for every core).")
EXECUTOR = typer.Option("local", help="local, or ray for a cluster.")
SIMULATOR = typer.Option("mujoco", help="Name of a simulator, or a file with its options.")
AS_JSON = typer.Option(False, "--json", help="Print the result as JSON.")


@contextmanager
def working_folder(out: Path | None, label: str, resume: bool) -> Iterator[Path]:
    """The folder of a run, found writable and held while the run lasts; none is left behind where nothing was written there.

    UserError: it holds a run and is not to go on. RunError: another process is at work there.
    """
    from fail2progress.benchmarks.events import new_folder, present
    from fail2progress.core.holds import LOCK, held

    require(not resume or out is not None, "--resume needs --out, the folder of the run to go on with")
    folder = out or new_folder(RUNS, label)
    require(resume or present(folder) is None, f"{folder} holds a run: choose another --out, or --resume to go on with it")
    there = folder.exists()
    writable(folder)
    with held(folder):
        try:
            yield folder
        finally:
            if [path.name for path in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
                if not there:
                    folder.rmdir()


@contextmanager
def executions(
    folder: Path, executor: str, processes: int | None, simulator: str, run: Path | None = None
) -> Iterator[ExecutionStore]:
    """The store of executions, with the workers that fill it. What cannot be built or is cut short is told in one line.

    `run`: the folder of the run that they are for, with which --resume goes on.
    """
    from fail2progress.benchmarks.build import BuildError
    from fail2progress.benchmarks.store import ExecutionStore
    from fail2progress.core.executor import PoolExecutor, RayExecutor
    from fail2progress.simulation.registry import resolve

    with checked():
        resolve(simulator)
        if executor not in ("local", "ray"):
            raise UserError(unknown("executor", executor, ("local", "ray")))
        ray = RayExecutor() if executor == "ray" else None
    writable(folder)
    onwards = f" with --out {shlex.quote(shown(run))} --resume" if run is not None else ""
    kept = f"what was carried out is kept, and the same command goes on{onwards}"
    with stopped_with(kept), PoolExecutor(processes) as pool:
        try:
            yield ExecutionStore(folder, ray or pool, simulator)
        except BuildError as error:
            raise WorkError(str(error)) from error


def panel(levels: Path | None) -> Panel:
    """The models."""
    from fail2progress.benchmarks.panel import read_panel

    with checked():
        return read_panel(levels)


def pool(path: Path, store: ExecutionStore) -> Pool:
    """Items of a file, carried out."""
    return pools({"": path}, store)[""]


def pools(paths: Mapping[str, Path], store: ExecutionStore) -> dict[str, Pool]:
    """Items of files by the names of their slices, carried out once all files are read.

    Provenance names files by their paths, which name no one's home.
    """
    from fail2progress.benchmarks.items import read_file

    files = {name: Path(shown(path)) for name, path in paths.items()}
    with checked():
        read = {name: read_file(path) for name, path in files.items()}
    return {name: _carried_out(file, store) for name, file in read.items()}


def _carried_out(file: BenchmarkFile, store: ExecutionStore) -> Pool:
    from fail2progress.benchmarks.session import carried_out

    if store.knows(file.items):
        return carried_out(file, store)
    with progress() as bar:
        task = bar.add_task(file.path.name, total=len(file.items))
        return carried_out(file, store, lambda done: bar.update(task, completed=done))


def named_paths(values: list[str]) -> dict[str, Path]:
    """NAME=PATH, several times. UserError for what is none, or a name that comes twice."""
    found: dict[str, Path] = {}
    for text in values:
        name, equals, path = text.partition("=")
        if not (name and equals and path) or "/" in name:
            raise UserError(f"--slice {text}: give NAME=PATH, for example static=static.jsonl")
        if name in found:
            raise UserError(f"--slice {text}: the name {name} comes twice")
        found[name] = Path(path)
    return found
