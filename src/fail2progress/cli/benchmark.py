"""fail2progress benchmark: how well a model predicts the executions of an item file."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import WorkError, checked, print_json, say, shown, stopped_with, write_json
from fail2progress.cli.limits import MOST_PROCESSES
from fail2progress.cli.outputs import check_output
from fail2progress.cli.voice import progress

if TYPE_CHECKING:
    from fail2progress.evaluation.rows import Rows
    from fail2progress.models.checkpoint import Checkpoint
    from fail2progress.tasks.items import Item

benchmark = typer.Typer(no_args_is_help=True, help="Benchmarks: item files and what models predict of them.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(benchmark, name="benchmark")


@benchmark.command()
def run(
    items: Path = typer.Argument(..., help="File of items (JSON Lines); `fail2progress families make` writes some."),
    model: Path | None = typer.Option(None, help="Weights (.safetensors); default: those that travel with the package."),
    processes: int | None = typer.Option(
        None, min=1, max=MOST_PROCESSES, help="Of the simulation (default: one for every core)."
    ),
    simulator: str = typer.Option("mujoco", help="Name of a simulator, or a file with its options."),
    out: Path | None = typer.Option(None, help="Report to write (.json)."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Execute every item in simulation and compare what happens with what the model predicts.

    f1: of the relations of all pairs with something that moved over 5 mm. along_mm: median error of other objects that moved over
    20 mm; moved_mm: of the object that the skill acts on; still_p90_mm: 90th percentile of those that moved under 5 mm. correct:
    share of items with every support, containment and contact of what is concerned right, and what moved within 40 mm.

    After Ctrl-C or a crash the same command goes on with the items that are missing.

    Example: fail2progress benchmark run row.jsonl --model runs/models/v0002.safetensors --json
    """
    from fail2progress.cli.unfinished import finished, unfinished
    from fail2progress.core.choice import content_of
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.tasks.items import read_items

    with checked():
        found = read_items(items)
    path = model or weights.path(weights.RELATIONAL)
    checkpoint = load_checkpoint(path)
    if out is not None:
        check_output("--out", out, ".json")
    start = time.perf_counter()
    parts = {"items": content_of(items), "model": checkpoint.digest, "simulator": content_of(simulator)}
    with unfinished("benchmark", out, **parts) as rows:
        result = _results(found, checkpoint, processes, simulator, rows)
        values = {"model": shown(path), "seconds": time.perf_counter() - start, "by_item": result.pop("by_item")}
        moving = [item.id for item in found if not rows.by_key[item.id]["stable"]]
        if len(moving) == len(found):  # another call would end alike
            finished(rows)
        _tell_moving(moving, len(found))
        values = {**result, **values}
        if out is not None:
            from fail2progress.core.provenance import provenance

            write_json(out, {**values, "provenance": provenance(items=shown(items), model=checkpoint.digest)})
        finished(rows)
    if as_json:
        print_json(values)
    say(", ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in result.items()))


def _tell_moving(moving: list[str], count: int) -> None:
    """Say which of so many items are not at rest. WorkError where none of them is."""
    if not moving:
        return
    names = ", ".join(moving[:3]) + (", ..." if len(moving) > 3 else "")
    said = f"{len(moving)} of {count} items {'is' if len(moving) == 1 else 'are'} not at rest before the skill ({names})"
    if len(moving) == count:
        raise WorkError(f"{said}; nothing to measure")
    say(f"note: {said}, which the figures leave out")


def _results(items: list[Item], checkpoint: Checkpoint, processes: int | None, choice: str, rows: Rows) -> dict[str, object]:
    """Figures and a result for each item, those of an earlier call that was stopped included."""
    from fail2progress.evaluation.predictions import Benchmark, from_row, run_items
    from fail2progress.models.training.parallel import one_thread
    from fail2progress.simulation.parallel import ParallelSimulator

    with checked():
        simulator = ParallelSimulator(processes, choice)
    with stopped_with("the same command goes on with the items that are missing"), simulator, one_thread(), progress() as bar:
        task = bar.add_task("items", total=len(items), completed=len(rows.by_key))
        for each in run_items([item for item in items if item.id not in rows.by_key], checkpoint.model, simulator):
            rows.add({"key": each.id, **asdict(each)})
            bar.update(task, completed=len(rows.by_key))
    result = Benchmark(tuple(from_row(rows.by_key[item.id]) for item in items))
    return {**result.to_dict(), "by_item": [each.to_dict() for each in result.results]}
