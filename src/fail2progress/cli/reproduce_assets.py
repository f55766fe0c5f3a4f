"""`fail2progress reproduce reconstruction`, `corrective` and `classes`: rebuilt scenes, their correction, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fail2progress.cli.common import UserError, print_json, progress, say, writable, write_json
from fail2progress.core.files import write_whole

TABLES = ("reconstruction", "corrective", "classes")
QUICK = 20
QUICK_RUNS = 2


@dataclass(frozen=True)
class Order:
    """What is to be run, and where it goes. `trials` and `seed` are the study's own unless given."""

    table: str
    out: Path
    trials: int | None
    seed: int | None
    quick: bool
    processes: int | None


def run(order: Order, json_output: bool) -> None:
    """Run one of TABLES, and write `<table>.json` and `.md` into its folder. UserError for another name."""
    if order.table not in TABLES:
        raise UserError(f"unknown table {order.table!r}; known: {', '.join(TABLES)}")
    writable(order.out)
    report, text = {"reconstruction": _reconstruction, "corrective": _corrective, "classes": _classes}[order.table](order)
    write_json(order.out / f"{order.table}.json", report)
    write_whole(order.out / f"{order.table}.md", text)
    if json_output:
        print_json(report)
    else:
        say(text)


def _reconstruction(order: Order) -> tuple[dict[str, object], str]:
    from fail2progress.core.executor import LocalExecutor
    from fail2progress.evaluation.rows import RowsError
    from fail2progress.evaluation.studies.reconstruction import Study, markdown

    executions = QUICK if order.quick else order.trials or Study.executions
    study = Study(order.out, executions, min(Study.drawers, executions // 4), Study.seed if order.seed is None else order.seed)
    with progress() as bar:
        stage = bar.add_task("executions", total=study.executions + study.drawers)
        try:
            report = study.run(LocalExecutor(order.processes), lambda done: bar.update(stage, completed=done))
        except RowsError as error:
            raise UserError(str(error)) from error
    return report, markdown(report)


def _corrective(order: Order) -> tuple[dict[str, object], str]:
    from fail2progress.core.executor import LocalExecutor
    from fail2progress.evaluation.rows import RowsError
    from fail2progress.evaluation.studies.corrective import Study, markdown

    study = Study(
        order.out, QUICK_RUNS if order.quick else order.trials or Study.runs, Study.seed if order.seed is None else order.seed
    )
    with progress() as bar:
        stage = bar.add_task("runs", total=study.total)
        try:
            report = study.run(LocalExecutor(order.processes), lambda done: bar.update(stage, completed=done))
        except RowsError as error:
            raise UserError(str(error)) from error
    return report, markdown(report)


def _classes(order: Order) -> tuple[dict[str, object], str]:
    from fail2progress.core.executor import LocalExecutor
    from fail2progress.evaluation.rows import RowsError
    from fail2progress.evaluation.studies.classes import Study, markdown

    seed = Study.seed if order.seed is None else order.seed
    study = Study(order.out, QUICK if order.quick else order.trials or Study.executions, seed)
    with progress() as bar:
        stage = bar.add_task("executions", total=study.executions)
        try:
            report = study.run(LocalExecutor(order.processes), lambda done: bar.update(stage, completed=done))
        except RowsError as error:
            raise UserError(str(error)) from error
    return report, markdown(report)
