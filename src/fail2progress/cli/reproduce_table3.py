"""`fail2progress reproduce table3`: base models, methods and numbers of objects, as a queue of cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fail2progress.cli.common import (
    StoppedError,
    UserError,
    WorkError,
    checked,
    print_json,
    progress,
    say,
    show_table,
    table_of,
    write_json,
)
from fail2progress.core.files import write_whole

if TYPE_CHECKING:
    from fail2progress.evaluation.studies.table3 import Study

TABLES = ("table3",)
MODELS = ("points2plans", "stow-gnn", "binary-pred")
QUICK_MODELS = ("points2plans",)
QUICK_METHODS = ("original", "replanning", "fail2progress")
QUICK_TRIALS = 5


@dataclass(frozen=True)
class Order:
    """What is to be run, and where it goes. Lists are texts with commas; empty: all, or those of --quick."""

    out: Path
    weights: Path | None
    models: str
    methods: str
    objects: str
    task: str
    trials: int | None
    seed: int
    rounds: int
    budget: bool
    quick: bool
    processes: int | None
    executor: str


def run(order: Order, json_output: bool) -> None:
    """Run the study and write `report.json` and `.md` into its folder. Ctrl-C keeps finished trials and reports them."""
    from fail2progress.core.executor import executor
    from fail2progress.evaluation.studies.table3_page import markdown

    with checked():
        study, workers = _study(order), executor(order.executor, order.processes)
    stopped = False
    try:
        with progress() as bar:
            line = bar.add_task("models", total=None)
            report = study.run(
                workers, lambda name, done, total: bar.update(line, description=name or "trials", completed=done, total=total)
            )
    except KeyboardInterrupt:
        say("stopped; what is finished is kept")
        report, stopped = study.report(), True
    write_json(order.out / "report.json", report)
    write_whole(order.out / "report.md", markdown(report))
    if json_output:
        print_json(report)
    else:
        _show(report)
    if not report["complete"]:
        said = f"{order.out}: not every cell is complete; the same command goes on from here"
        raise StoppedError(said) if stopped else WorkError(said)


def _study(order: Order) -> Study:
    """What was asked for. ValueError for names that are unknown."""
    from fail2progress.evaluation.studies.bases import base
    from fail2progress.evaluation.studies.methods import METHODS
    from fail2progress.evaluation.studies.table3 import Study
    from fail2progress.models import weights
    from fail2progress.tasks.registry import task

    folder = (order.weights or weights.folder()).resolve()
    found = task(order.task)
    counts = tuple(_number(text) for text in _listed(order.objects)) or (found.counts[:1] if order.quick else found.counts)
    for count in counts:
        found.check(count)
    return Study(
        order.out.resolve(),
        tuple(base(name, folder) for name in _listed(order.models) or (QUICK_MODELS if order.quick else MODELS)),
        weights.path(weights.KEEPSAKE),
        tuple(METHODS.get(name) for name in _listed(order.methods) or (QUICK_METHODS if order.quick else METHODS.names())),
        found.reference,
        counts,
        order.trials or (QUICK_TRIALS if order.quick else Study.trials),
        order.seed,
        order.rounds,
        Study.spare if order.budget else None,
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _number(text: str) -> int:
    if not text.isdigit():
        raise UserError(f"--objects {text}: numbers with commas between them, such as 3,5,7")
    return int(text)


def _show(report: Mapping[str, object]) -> None:
    from fail2progress.evaluation.studies.table3_page import HEADS, values

    table = table_of(*HEADS, "budget")
    rows = report["rows"]
    for row in rows if isinstance(rows, list) else []:
        budget = "-" if row["spare"] is None else f"shortest + {row['spare']}"
        table.add_row(*(text.replace("**", "") for text in values(row)), budget)
    show_table(table)
    claims = report["claims"]
    for claim in claims if isinstance(claims, list) else []:
        say(claim)
