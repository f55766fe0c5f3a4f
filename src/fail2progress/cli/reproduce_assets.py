"""`fail2progress reproduce reconstruction`, `corrective`, `classes`, `corrections`, `physics` and `gap-lessons`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fail2progress.cli.common import UserError, print_json, require, say, writable, write_json
from fail2progress.cli.voice import progress
from fail2progress.core.files import write_whole
from fail2progress.core.names import unknown

if TYPE_CHECKING:
    from fail2progress.core.executor import Executor

_EACH = ("trials", "seed", "quick", "processes")
TAKES = {
    "reconstruction": _EACH,
    "corrective": _EACH,
    "classes": _EACH,
    "corrections": (*_EACH, "robot"),
    "physics": (*_EACH, "physics"),
    "gap-lessons": _EACH,
}
"""The options of each, beside --out and --json, which all have."""
TABLES = tuple(TAKES)
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
    robot: str = "hand"
    physics: str = "friction"


def run(order: Order, json_output: bool) -> None:
    """Run one of TABLES, and write `<table>.json` and `.md` into its folder. UserError for another name."""
    if order.table not in TABLES:
        raise UserError(unknown("table", order.table, TABLES))
    writable(order.out)
    studies = (_reconstruction, _corrective, _classes, _corrections, _physics, _gap_lessons)
    report, text = dict(zip(TABLES, studies, strict=True))[order.table](order)
    write_json(order.out / f"{order.table}.json", report)
    write_whole(order.out / f"{order.table}.md", text)
    if json_output:
        print_json(report)
    else:
        for line in text.splitlines():
            say(line)


class RunnableStudy(Protocol):
    """What the studies have in common."""

    def run(self, executor: Executor, progress: Callable[[int], None]) -> dict[str, object]:
        """The report; `progress` hears how many rows are done."""


def _reconstruction(order: Order) -> tuple[dict[str, object], str]:
    from fail2progress.evaluation.studies.reconstruction import Study, markdown

    executions = order.trials or (QUICK if order.quick else Study.executions)
    study = Study(order.out, executions, min(Study.drawers, executions // 4), _seed(order, Study.seed))
    report = _carried_out(study, order, "executions", study.executions + study.drawers)
    return report, markdown(report)


def _corrective(order: Order) -> tuple[dict[str, object], str]:
    from fail2progress.evaluation.studies.corrective import Study, markdown

    study = Study(order.out, order.trials or (QUICK_RUNS if order.quick else Study.runs), _seed(order, Study.seed))
    report = _carried_out(study, order, "runs", study.total)
    return report, markdown(report)


def _classes(order: Order) -> tuple[dict[str, object], str]:
    from fail2progress.evaluation.studies.classes import Study, markdown

    study = Study(order.out, order.trials or (QUICK if order.quick else Study.executions), _seed(order, Study.seed))
    report = _carried_out(study, order, "executions", study.executions)
    return report, markdown(report)


def _corrections(order: Order) -> tuple[dict[str, object], str]:
    from fail2progress.evaluation.studies.corrections import ROBOTS, Study, markdown

    require(order.robot in ROBOTS, f"unknown robot {order.robot!r}; there are: {', '.join(ROBOTS)}")
    trials = order.trials or (QUICK_RUNS if order.quick else Study.trials)
    study = Study(order.out, trials, _seed(order, Study.seed), order.robot)
    report = _carried_out(study, order, "trials", study.total)
    return report, markdown(report)


def _physics(order: Order) -> tuple[dict[str, object], str]:
    from fail2progress.evaluation.studies.physics import Study, markdown
    from fail2progress.failures.physics import PROPERTIES

    require(order.physics in PROPERTIES, unknown("property of physics", order.physics, tuple(PROPERTIES)))
    executions = order.trials or (QUICK if order.quick else Study.executions)
    study = Study(order.out, executions, _seed(order, Study.seed), order.physics)
    report = _carried_out(study, order, "executions", study.executions)
    return report, markdown(report)


def _gap_lessons(order: Order) -> tuple[dict[str, object], str]:
    from fail2progress.evaluation.studies.gap_lessons import Study, markdown

    study = Study(order.out, order.trials or (QUICK if order.quick else Study.executions), _seed(order, Study.seed))
    report = _carried_out(study, order, "executions", study.executions)
    return report, markdown(report)


def _seed(order: Order, own: int) -> int:
    return own if order.seed is None else order.seed


def _carried_out(study: RunnableStudy, order: Order, unit: str, total: int) -> dict[str, object]:
    """The report, with a bar that counts rows. RowsError where the rows found are of another run."""
    from fail2progress.core.executor import LocalExecutor

    with progress() as bar:
        stage = bar.add_task(unit, total=total)
        return study.run(LocalExecutor(order.processes), lambda done: bar.update(stage, completed=done))
