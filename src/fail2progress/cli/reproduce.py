"""`fail2progress reproduce`: the paper's tables from this code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fail2progress.cli import reproduce_assets, reproduce_families, reproduce_perception
from fail2progress.cli.common import UserError, console, print_json, progress, say, writable, write_json
from fail2progress.core.files import write_whole

TABLES = (
    "table3",
    "generators",
    "perception",
    *reproduce_perception.TABLES,
    *reproduce_assets.TABLES,
    *reproduce_families.TABLES,
)
CONFIGURATIONS = ("relational", "plain")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reproduce)


def reproduce(
    table: Annotated[str, typer.Argument(help=f"Which table: {', '.join(TABLES)}.")],
    models: Annotated[Path | None, typer.Option(help="Folder with plain.safetensors and relational.safetensors.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for rows, tuned models and the report; an interrupted study goes on. [runs/TABLE]")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Trials for each row. [100; reconstruction: 500]", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Seeds of the trials follow from this one. [7, or the study's own]")] = None,
    rounds: Annotated[int, typer.Option(help="Failures met and learned from, with 3 objects.", min=1)] = 1,
    configuration: Annotated[list[str] | None, typer.Option(help="relational or plain; both unless given. Repeatable.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="5 trials a row, relational only: a check in minutes.")] = False,
    processes: Annotated[int | None, typer.Option(help="Worker processes; default: one for each core.")] = None,
    frames: Annotated[Path | None, typer.Option(help="For perception: a folder of real frames with boxes.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="For families: begin no further cell after so many minutes.", min=0.0)
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="The report on standard output.")] = False,
) -> None:
    """Success before and after learning for 3, 5 and 7 objects, open loop and replanning, with what explains it.

    Example: fail2progress reproduce table3 --quick
    """
    if table not in TABLES:
        raise UserError(f"unknown table {table!r}; known: {', '.join(TABLES)}")
    out = out or Path("runs") / table
    writable(out)
    if table in reproduce_assets.TABLES:
        return reproduce_assets.run(reproduce_assets.Order(table, out, trials, seed, quick, processes), json_output)
    if table in reproduce_families.TABLES:
        order = reproduce_families.Order(out, models, rounds, trials or 60, seed, quick, processes, minutes)
        return reproduce_families.run(order, json_output)
    trials, seed = trials or 100, 7 if seed is None else seed
    if table in reproduce_perception.TABLES:
        return reproduce_perception.run(reproduce_perception.Order(table, out, models, seed, quick), json_output)
    if table == "perception":
        report = _perception(frames, 20 if quick else trials)
    elif table == "generators":
        report = _generators(models, out, 1 if quick else 3, processes)
    else:
        report = _table3(
            models, out, 5 if quick else trials, seed, rounds, chosen_configurations(configuration, quick), processes
        )
    write_json(out / "report.json", report)
    if table == "table3":
        from fail2progress.evaluation.studies.table3 import markdown

        write_whole(out / "report.md", markdown(report))
    if json_output or table == "perception":
        print_json(report)
    elif table == "table3":
        _print_table(report)
    else:
        _print_means(report)


def chosen_configurations(wanted: list[str] | None, quick: bool) -> tuple[str, ...]:
    """Which configurations to run; UserError for one that does not exist."""
    chosen = tuple(wanted or (("relational",) if quick else CONFIGURATIONS))
    if not set(chosen) <= set(CONFIGURATIONS):
        raise UserError(f"unknown configuration in {', '.join(chosen)}; known: {', '.join(CONFIGURATIONS)}")
    return chosen


def _table3(
    models: Path | None, out: Path, trials: int, seed: int, rounds: int, chosen: tuple[str, ...], processes: int | None
) -> dict[str, object]:
    from fail2progress.core.camera import Camera
    from fail2progress.core.executor import LocalExecutor
    from fail2progress.evaluation.studies.table3 import Study
    from fail2progress.failures.classifier import Classifier
    from fail2progress.learning.finetuning.learner import Learner
    from fail2progress.learning.finetuning.rehearsal import load_rehearsal
    from fail2progress.models import weights
    from fail2progress.simulation.parallel import ParallelSimulator

    rehearsal = load_rehearsal(weights.path(weights.KEEPSAKE))
    folder = models or weights.path(weights.KEEPSAKE).parent
    study = Study(folder, out, trials, seed, rounds, chosen)
    with ParallelSimulator(processes) as simulator, progress() as bar:
        stage = bar.add_task("learning", total=1.0)
        classifier = Classifier(simulator, Camera())
        for name, found in study.learn(
            Learner(simulator, rehearsal), classifier, lambda text, share: bar.update(stage, description=text, completed=share)
        ):
            say(f"{name}: learned from {found.event.id[:8]}, {found.lesson.verdict.reason}")
        bar.update(stage, description="rows", total=study.trials, completed=0)
        return study.run(
            LocalExecutor(processes), lambda row, done: bar.update(stage, description=row, completed=done, total=study.trials)
        )


def _generators(models: Path | None, out: Path, seeds: int, processes: int | None) -> dict[str, object]:
    from fail2progress.evaluation.studies.generators import Comparison
    from fail2progress.learning.finetuning.learner import Learner
    from fail2progress.learning.finetuning.rehearsal import load_rehearsal
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.simulation.parallel import ParallelSimulator

    rehearsal = load_rehearsal(weights.path(weights.KEEPSAKE))
    start = load_checkpoint(models / weights.RELATIONAL if models else weights.path(weights.RELATIONAL))
    with ParallelSimulator(processes) as simulator:
        return Comparison(out, seeds).run(start, Learner(simulator, rehearsal), say)


def _perception(frames: Path | None, tables: int) -> dict[str, object]:
    from fail2progress.evaluation.studies.perception import Study
    from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter

    if frames is not None and not frames.is_dir():
        raise UserError(f"{frames} is not a folder")
    return Study(tables, frames=frames).run(GeometricSegmenter(), say)


def _print_table(report: dict[str, object]) -> None:
    from rich.table import Table

    table = Table(
        "configuration", "method", "objects", "success", "95 % interval", "paper", "P(goal)", "relation F1", "detection F1"
    )
    rows = report["rows"]
    for row in rows if isinstance(rows, list) else []:
        way = f"{row['method']}, {'replan' if row['replan'] else 'open loop'}"
        low, high = row["ci95"]
        values = (f"{row['rate']:.0%}", f"{low:.0%} to {high:.0%}", f"{row['paper']:.0%}", f"{row['plan_probability']:.2f}")
        table.add_row(
            row["configuration"], way, str(row["objects"]), *values, f"{row['relation_f1']:.3f}", f"{row['detection_f1']:.3f}"
        )
    console().print(table)


def _print_means(report: dict[str, object]) -> None:
    from rich.table import Table

    columns = [f"contents_error_m.{contents}" for contents in (1, 2, 3)]
    columns += ["gate.after.held_out_prediction", "dataset.relations_kept_of_all", "dataset.action_spread_m"]
    table = Table("variant", *columns)
    rows = report["means"]
    for row in rows if isinstance(rows, list) else []:
        table.add_row(row["variant"], *(f"{row[column]:.3f}" for column in columns))
    console().print(table)
