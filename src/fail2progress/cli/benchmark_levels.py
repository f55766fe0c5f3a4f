"""fail2progress benchmark levels: the capability levels that benchmarks are to tell apart."""

from __future__ import annotations

from pathlib import Path

import typer

from fail2progress.cli.benchmark import benchmark
from fail2progress.cli.common import StoppedError, checked, print_json, say, shown, writable
from fail2progress.cli.limits import MOST, MOST_PROCESSES
from fail2progress.cli.voice import progress


def register(app: typer.Typer) -> None:
    """Add the command to the group, which `benchmark` has registered."""
    benchmark.command()(levels)


def levels(
    data: Path = typer.Option(..., help="Folder made by generate; a level trains on its first executions."),
    out: Path = typer.Option(..., help="Folder of the levels; levels that are there already are kept and stay listed."),
    encoder: Path | None = typer.Option(None, help="Checkpoint whose shape encoder all levels share; default: the package's."),
    kind: list[str] = typer.Option([], help="MODEL or MODEL:VARIANT; several times. Default: all four of the package."),
    size: list[str] = typer.Option([], help="EXECUTIONS[+LESSONS]:EPOCHS; several times. Default: 500:12, 2000:6, 8000:3."),
    lessons: Path | None = typer.Option(None, help="Folder of what the data do not have (generate --items)."),
    seeds: int = typer.Option(3, min=1, max=MOST, help="Training seeds of every level; those of seed 0 are the scouts."),
    scouts: int | None = typer.Option(None, help="A size whose models are the scouts, instead of seed 0; they are not scored."),
    processes: int | None = typer.Option(None, min=1, max=MOST_PROCESSES, help="Local processes (default: one for every core)."),
    executor: str = typer.Option("local", help="local, or ray for a cluster."),
    as_json: bool = typer.Option(False, "--json", help="Print what was trained as JSON."),
) -> None:
    """Train capability levels: models x training sizes x training seeds. Resumable: every finished level is kept.

    Levels of earlier calls stay listed if they are of the same data and encoder; which of all scout is as this call says.

    Example: fail2progress benchmark levels --data runs/pretraining --out runs/levels --seeds 3
    """
    from fail2progress.benchmarks import levels as room
    from fail2progress.benchmarks.manifest import MANIFEST
    from fail2progress.core.executor import executor as executor_named
    from fail2progress.models import weights

    with checked():
        sizes = [room.Size.parse(each) for each in size] or list(room.SIZES)
        workers = executor_named(executor, processes)
        path = encoder or weights.path(weights.RELATIONAL)
        work = room.tasks(data, out, path, kind or room.KINDS, sizes, seeds, scouts, lessons)
    writable(out)
    trained = []
    try:
        with progress() as bar:
            task = bar.add_task("levels", total=len(work))
            for done in room.train_levels(work, workers, say):
                trained.append({"level": done.level, "seed": done.seed, "model": shown(done.path)})
                bar.update(task, completed=len(trained))
    except KeyboardInterrupt:
        raise StoppedError(f"stopped with {len(trained)} of {len(work)} levels; the same command goes on from there") from None
    say(f"{len(trained)} models of {len({each['level'] for each in trained})} levels: {out / MANIFEST}")
    if as_json:
        print_json(trained)
