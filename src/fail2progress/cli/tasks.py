"""fail2progress tasks: what tasks there are, what one asks for, and how a trial of it looks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import checked, print_json, say, show_table, table_of
from fail2progress.cli.limits import MOST_SEED
from fail2progress.cli.outputs import check_output
from fail2progress.cli.plain_text import visible
from fail2progress.core.files import write_whole

if TYPE_CHECKING:
    from fail2progress.tasks.base import Task, Trial

tasks = typer.Typer(no_args_is_help=True, help="Tasks: files that say what stands where and what shall be reached.")

_NAME = typer.Argument(..., help="Name of a task (tasks ls), or a task file (.yaml).")
_OBJECTS = typer.Option(None, help="Movable objects; default: the fewest that the task is defined for.")
_SEED = typer.Option(0, min=0, max=MOST_SEED, help="Which trial.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(tasks, name="tasks")


@tasks.command()
def ls(as_json: bool = typer.Option(False, "--json", help="Print the list as JSON.")) -> None:
    """The tasks that can be chosen by name: those of this package and of others that bring some.

    Example: fail2progress tasks ls --json
    """
    from fail2progress.tasks.registry import TASKS
    from fail2progress.tasks.registry import tasks as all_tasks

    with checked():
        found = [(task, TASKS.source(task.name)) for task in all_tasks()]
    if as_json:
        print_json([{**_entry(task), "package": package} for task, package in found])
        return
    table = table_of("task", "objects", "skills", "what it asks for")
    for task, _ in found:
        table.add_row(task.name, ", ".join(map(str, task.counts)), ", ".join(task.skills), task.summary)
    show_table(table)


@tasks.command()
def show(
    name: str = _NAME,
    objects: int | None = _OBJECTS,
    seed: int = _SEED,
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
) -> None:
    """One trial of a task: its objects with their sizes and places, and its goals. A task file is checked by this.

    Example: fail2progress tasks show my_task.yaml --objects 3
    """
    from fail2progress.evaluation.doubts import doubts

    task, trial = _trial(name, objects, seed)
    for doubt in doubts(trial):
        say(f"note: {doubt}")
    goals = [[str(atom) for atom in stage.atoms] for stage in trial.stages]
    if as_json:
        scene = trial.scene
        things = [
            {"name": spec.name, "category": spec.category, "size_m": list(spec.size), "pose": pose.tolist()}
            for spec, pose in zip(scene.objects, scene.poses, strict=True)
        ]
        print_json({**_entry(task), "objects": trial.objects, "seed": seed, "stages": goals, "scene": things})
        return
    typer.echo(visible(f"{task.name}: {task.summary}"))
    for number, stage in enumerate(trial.stages, 1):
        typer.echo(visible(f"stage {number}: {stage}"))
    table = table_of("object", "category", "size (m)", "middle (m)")
    for spec, pose in zip(trial.scene.objects, trial.scene.poses, strict=True):
        numbers = (" ".join(f"{value:.3f}" for value in row) for row in (spec.size, pose[:3]))
        table.add_row(spec.name, spec.category, *numbers)
    show_table(table)


@tasks.command()
def picture(
    name: str = _NAME,
    out: Path = typer.Option(..., help="Picture to write (.png)."),
    objects: int | None = _OBJECTS,
    seed: int = _SEED,
) -> None:
    """The start of a trial as a picture.

    Example: fail2progress tasks picture drawer-tidying --out drawer.png
    """
    from fail2progress.reporting.pictures import scene_picture

    check_output("--out", out, ".png")
    _, trial = _trial(name, objects, seed)
    write_whole(out, scene_picture(trial.scene))
    say(f"picture: {out}")


def _entry(task: Task) -> dict[str, object]:
    return {"name": task.name, "counts": list(task.counts), "skills": list(task.skills), "summary": task.summary}


def _trial(name: str, objects: int | None, seed: int) -> tuple[Task, Trial]:
    """UserError where there is no such trial."""
    from fail2progress.tasks.registry import task

    with checked():
        found = task(name)
        return found, found.trial(objects if objects is not None else found.counts[0], seed)
