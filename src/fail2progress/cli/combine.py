"""fail2progress combine: how far the learned and the geometric relation detector are each to be believed."""

from __future__ import annotations

from pathlib import Path

import typer

from fail2progress.cli.common import say
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.outputs import check_output
from fail2progress.cli.voice import progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(combine)


def combine(
    model: Path | None = typer.Option(None, help="Weights (.safetensors); default: those that travel with the package."),
    executions: int = typer.Option(500, min=1, max=MOST, help="Of the pre-training distribution, to fit the weights on."),
    items: list[Path] = typer.Option([], help="Item files to fit on as well: what the distribution lacks (repeatable)."),
    seed: int = typer.Option(903, min=0, max=MOST_SEED, help="Of the executions."),
    simulator: str = typer.Option("mujoco", help="Name (simulators ls), or a YAML or JSON file with its options."),
    processes: int | None = typer.Option(
        None, min=1, max=MOST_PROCESSES, help="Of the simulation (default: one for every core)."
    ),
    out: Path | None = typer.Option(None, help="File to write; default: NAME.combination.json beside the weights."),
    as_json: bool = typer.Option(False, "--json", help="Print the weights as JSON."),
) -> None:
    """Fit the weights by which the relation detector `combined` adds up what the learned and the geometric one say.

    Example: fail2progress combine --executions 500 --items shelves.jsonl --json
    """
    from fail2progress.cli.common import WorkError, checked, print_json
    from fail2progress.core.files import write_whole
    from fail2progress.core.provenance import provenance
    from fail2progress.evaluation import combining
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.models.combination import SUFFIX
    from fail2progress.simulation.parallel import ParallelSimulator
    from fail2progress.tasks import pretraining
    from fail2progress.tasks.items import read_items

    path = model or weights.path(weights.RELATIONAL)
    place = out or path.with_name(path.stem + SUFFIX)
    with checked():
        lacking = [item.job for file in items for item in read_items(file)]
    checkpoint = load_checkpoint(path)
    check_output("--out", place, ".json")
    jobs = [*(pretraining.job(seed, n) for n in range(executions)), *lacking]
    with ParallelSimulator(processes, simulator) as physics, progress() as bar:
        read = combining.readings(jobs, physics, checkpoint.model)
        found = [one for pair in bar.track(read, total=len(jobs), description="readings") for one in pair]
    if not found:
        raise WorkError(f"none of {len(jobs)} scenes stood still; give more --executions")
    made = combining.fit(found, checkpoint.digest, len(found) // 2)
    origin = provenance(seed=seed, executions=executions, items=len(lacking), simulator=simulator)
    made = made.model_copy(update={"provenance": origin})
    write_whole(place, made.model_dump_json(indent=1) + "\n")
    if as_json:
        print_json(made.model_dump())
    for name, row in made.relations.items():
        say(f"{name}: learned {row.learned:.2f}, geometric {row.geometric:.2f}, bias {row.bias:.2f}")
    say(f"fitted on {made.executions} executions: {place}")
