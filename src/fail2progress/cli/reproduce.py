"""`fail2progress reproduce`: the paper's tables from this code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fail2progress.cli import reproduce_assets, reproduce_families, reproduce_perception, reproduce_table3
from fail2progress.cli.common import UserError, checked, print_json, say, show_table, table_of, write_json
from fail2progress.cli.given import refuse
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.outputs import made_for
from fail2progress.core.names import unknown
from fail2progress.perception.segmentation import DEFAULT as SEGMENTER
from fail2progress.tasks import DEFAULT

TAKES = {
    **reproduce_table3.TAKES,
    "generators": ("weights", "quick", "processes"),
    "perception": ("frames", "dataset", "segmenter", "trials", "quick"),
    **reproduce_perception.TAKES,
    **reproduce_assets.TAKES,
    **reproduce_families.TAKES,
}
"""The options of each table, beside --out and --json, which all have; others are refused."""
TABLES = tuple(TAKES)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reproduce)


def reproduce(
    context: typer.Context,
    table: Annotated[str, typer.Argument(help=f"Which table: {', '.join(TABLES)}.")],
    models: Annotated[str, typer.Option(help="For studies: base models, by commas. [those of the study]")] = "",
    methods: Annotated[str, typer.Option(help="For studies: methods, by commas. [those of the study]")] = "",
    objects: Annotated[str, typer.Option(help="For studies: numbers of objects, by commas. [those of the study]")] = "",
    task: Annotated[str, typer.Option(help="For table3: a name (tasks ls) or a task file (.yaml).")] = DEFAULT,
    replan_budget: Annotated[
        bool | None,
        typer.Option(help="For studies: a second table; all plan again within the shortest plan's skills + 1. [table3, tasks]"),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of base models; default: those of the package.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for rows, tuned models and the report; an interrupted study goes on. [runs/TABLE]")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Trials for each row. [100; reconstruction: 500]", min=1, max=MOST)] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=MOST_SEED, help="Seeds of the trials follow from this one. [7, or the study's own]")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Failures met and learned from, with 3 objects.", min=1, max=MOST)] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="A check in minutes: few trials, models and methods.")] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=MOST_PROCESSES, help="Worker processes; default: one for each core.")
    ] = None,
    executor: Annotated[str, typer.Option(help="For studies: local, or ray for a cluster that shares the folder.")] = "local",
    robot: Annotated[str, typer.Option(help="For corrections: hand, or stretch (a simulated one, slower).")] = "hand",
    frames: Annotated[
        Path | None, typer.Option(help="For perception and thresholds: a folder of real frames with boxes.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="For perception: a folder in the layout of OCID, OSD or BOP, or NAME-label.png files. For frames: a list."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="For frames: where the files are, a folder with OWNER/NAME/PATH, or a URL with {repository}, {commit}, {path}."
        ),
    ] = None,
    segmenter: Annotated[
        str, typer.Option(help="For perception, frames, clutter, thresholds, noise and identities: which one.")
    ] = SEGMENTER,
    minutes: Annotated[
        float | None, typer.Option(help="For families and studies: end after so many minutes; 0 only reports.", min=0.0)
    ] = None,
    families: Annotated[str, typer.Option(help="For families: which ones, by commas. [all]")] = "",
    parts: Annotated[str, typer.Option(help="For families: learn, data, or both by commas. [both]")] = "",
    samples: Annotated[int, typer.Option(help="For families: executions to learn from.", min=1, max=MOST)] = 20,
    surplus: Annotated[
        bool, typer.Option(help="For families: D+ is chosen from more scenes than it has; else every particle counts.")
    ] = True,
    placing: Annotated[
        str,
        typer.Option(help="For families: together, or apart: everything is placed by itself, so that inference must find R_F."),
    ] = "together",
    physics: Annotated[str, typer.Option(help="For physics: friction, weight, centre or restitution.")] = "friction",
    json_output: Annotated[bool, typer.Option("--json", help="The report on standard output.")] = False,
) -> None:
    """The paper's tables and our own studies from this code. An interrupted one goes on where it was.

    table3: success of base models and methods for 3, 5 and 7 objects, who beats whom, and what explains it. table2: another task,
    and unseen viewpoints. table3-budget, table2-budget: all methods planning again within a budget. table5: domain
    randomisation. tasks: every task after a lesson of its own. figure3b: noise. figure6, a15: making the data. figure7:
    particles. detection: F1. perceived: the loop on perceived segments. all: the paper's, on one page (index.html).

    Example: fail2progress reproduce table3 --models points2plans --methods original,fail2progress --objects 3 --trials 20
    """
    if table not in TABLES:
        raise UserError(unknown("table", table, TABLES))
    _refuse_others(context, table)
    out = out or Path("runs") / table
    with made_for(out):
        if table in reproduce_assets.TABLES:
            return reproduce_assets.run(
                reproduce_assets.Order(table, out, trials, seed, quick, processes, robot, physics), json_output
            )
        if table in reproduce_families.TABLES:
            asked = (trials or 60, seed, quick, processes, minutes, families, parts, methods, samples, surplus, placing)
            order = reproduce_families.Order(out, weights, rounds, *asked)
            return reproduce_families.run(order, json_output)
        seed = 7 if seed is None else seed
        if table in reproduce_perception.TABLES:
            wished = reproduce_perception.Order(table, out, weights, seed, quick, segmenter, trials, frames, dataset, source)
            return reproduce_perception.run(wished, json_output)
        if table in reproduce_table3.TABLES:
            listed = (models, methods, objects, task)
            wanted = reproduce_table3.Order(
                table, out, weights, *listed, trials, seed, rounds, replan_budget, quick, processes, executor, minutes
            )
            return reproduce_table3.run(wanted, json_output)
        if table == "perception":
            report = _perception(frames, dataset, segmenter, trials or (20 if quick else 100))
        else:
            report = _generators(weights, out, 1 if quick else 3, processes)
        write_json(out / "report.json", report)
        if json_output or table == "perception":
            print_json(report)
        else:
            _print_means(report)


def _refuse_others(context: typer.Context, table: str) -> None:
    """UserError where an option was given that a table does not take."""
    options = {parameter.name: parameter.opts[0] for parameter in context.command.params if parameter.name is not None}
    others = set(options) - {"table", "out", "json_output", *TAKES[table]}
    refuse(context, others, f"is not for {table}, which takes {', '.join(sorted(options[name] for name in TAKES[table]))}")


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


def _perception(frames: Path | None, dataset: str | None, name: str, most: int) -> dict[str, object]:
    from fail2progress.evaluation.studies import labelled_perception
    from fail2progress.evaluation.studies.perception import Study
    from fail2progress.perception.segmentation.registry import segmenter

    if frames is not None and dataset is not None:
        raise UserError(f"--frames {frames} and --dataset {dataset} are two kinds of labelled frames: choose one")
    for folder in (frames, dataset):
        if folder is not None and not Path(folder).is_dir():
            raise UserError(f"{folder} is not a folder; name the one in which the frames lie")
    with checked():
        if dataset is not None:
            return labelled_perception.study(Path(dataset), None, segmenter(name), most, say)
        return Study(most, frames=frames).run(segmenter(name), say)


def _print_means(report: dict[str, object]) -> None:
    columns = [f"contents_error_m.{contents}" for contents in (1, 2, 3)]
    columns += ["gate.after.held_out_prediction", "dataset.relations_kept_of_all", "dataset.action_spread_m"]
    table = table_of("variant", *columns)
    rows = report["means"]
    for row in rows if isinstance(rows, list) else []:
        table.add_row(row["variant"], *(f"{row[column]:.3f}" for column in columns))
    show_table(table)
