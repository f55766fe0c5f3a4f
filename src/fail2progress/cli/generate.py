"""fail2progress generate: pre-training data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import typer

from fail2progress.cli.common import StoppedError, checked, print_json, require, say, writable
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.voice import progress

_SECONDS = "seconds.jsonl"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(generate)


def generate(
    out: Path = typer.Option(..., help="Folder of the data set; what is there already is kept and completed."),
    executions: int = typer.Option(40_000, min=1, max=MOST, help="Skill executions in all."),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="The same seed gives the same data."),
    items: Path | None = typer.Option(None, help="Item file: its items are carried out instead, as far as --executions go."),
    simulator: str = typer.Option("mujoco", help="Name (simulators ls), or a YAML or JSON file with its options."),
    processes: int | None = typer.Option(None, min=1, max=MOST_PROCESSES, help="Local processes (default: one for every core)."),
    executor: str = typer.Option("local", help="local, or ray for a cluster."),
    as_json: bool = typer.Option(False, "--json", help="Print the manifest's figures as JSON."),
) -> None:
    """Simulate skill executions of the pre-training distribution, or of an item file. Resumable: Ctrl-C keeps finished shards.

    Example: fail2progress generate --executions 40000 --seed 0 --out runs/pretraining
    """
    from fail2progress.core.executor import executor as executor_named
    from fail2progress.learning.pretraining import generate as room
    from fail2progress.learning.pretraining.shards import shard_names
    from fail2progress.simulation.registry import resolve
    from fail2progress.tasks.items import read_items

    with checked():
        workers = executor_named(executor, processes)
        if items is not None:
            executions = min(executions, len(read_items(items)))
    resolve(simulator)
    require(not out.exists() or out.is_dir(), f"{out}: is a file; --out names a folder")
    writable(out)
    there = _present(out, executions)
    try:
        with progress() as bar:
            task = bar.add_task("executions", total=executions, completed=min(there, executions))
            for done in room.generate(out, executions, seed, workers, simulator, items):
                _remember(out, done.name, done.executions, done.seconds)
                bar.advance(task, done.executions)
    except KeyboardInterrupt:
        raise StoppedError(
            f"stopped with {len(shard_names(out))} finished shards in {out}; the same command goes on from there"
        ) from None
    finally:
        _clear(out)
    note = _note(out, executions)
    say(f"wrote {room.write_manifest(out, seed, note)}")
    if as_json:
        print_json({"out": str(out), "seed": seed, **note})


def _present(out: Path, executions: int) -> int:
    """How many of the executions are there, in shards that need not be made again. DataError for a damaged shard, before the work
    rather than when training needs it."""
    from fail2progress.learning.pretraining.generate import SHARD
    from fail2progress.learning.pretraining.shards import read_shard, shard_names

    ends = [read_shard(out / name).end for name in shard_names(out)]
    wanted = [(end, (end - 1) // SHARD * SHARD) for end in ends if end]
    return sum(min(first + SHARD, executions) - first for end, first in wanted if end >= min(first + SHARD, executions) > first)


def _remember(out: Path, name: str, executions: int, seconds: dict[str, float]) -> None:
    """Where the time went, one line for every shard, so that a resumed run knows it of all."""
    with (out / _SECONDS).open("a") as file:
        file.write(json.dumps({"shard": name, "executions": executions, **seconds}) + "\n")


def _note(out: Path, asked: int) -> dict[str, object]:
    """What the manifest says beside seed and digests. Seconds are summed over processes."""
    from fail2progress.learning.pretraining.shards import open_dataset

    lines = (out / _SECONDS).read_text().splitlines() if (out / _SECONDS).exists() else []
    entries = {entry["shard"]: entry for entry in (json.loads(line) for line in lines if line.endswith("}"))}.values()
    seconds = {key: sum(entry[key] for entry in entries) for key in ("stepping", "rays", "total")}
    physics = seconds["stepping"] + seconds["rays"]
    return {
        "executions_asked": asked,
        "executions": sum(len(shard) for shard in open_dataset(out)),
        "seconds": seconds,
        "simulation_share_in_physics": physics / seconds["total"] if entries else None,
    }


def _clear(out: Path) -> None:
    """Shards that were being written when their workers were stopped."""
    for path in out.glob(".shard_*"):
        shutil.rmtree(path, ignore_errors=True)
