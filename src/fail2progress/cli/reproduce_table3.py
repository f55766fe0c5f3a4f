"""`fail2progress reproduce table3|table2|table5|...|all`: studies as queues of cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fail2progress.cli.common import (
    StoppedError,
    UserError,
    WorkError,
    checked,
    print_json,
    say,
    show_table,
    table_of,
    write_json,
)
from fail2progress.cli.voice import progress
from fail2progress.core.files import write_whole

if TYPE_CHECKING:
    from fail2progress.core.executor import Executor
    from fail2progress.evaluation.rows import Row
    from fail2progress.evaluation.studies.bases import Base
    from fail2progress.evaluation.studies.designs import Design, Sizes
    from fail2progress.evaluation.studies.generation import GenerationStudy
    from fail2progress.evaluation.studies.table3 import Study

    AnyStudy = Study | GenerationStudy

Result = TypeVar("Result")
Hear = Callable[[str, int, int], None]
DATA = {"figure6": "Figure 6: time of making the data", "a15": "A.15: relations kept and spread of actions"}
"""Studies of generators, without trials."""
PARTS = ("table3", "table2", "table5", "figure3b", "figure6", "figure7", "a15", "detection")
ALL = "all"
TASKS = "tasks"
BUDGETS = ("table3-budget", "table2-budget")
PERCEIVED = "perceived"
_EACH = ("weights", "trials", "quick", "processes", "executor", "minutes")
_LESSONS = (*_EACH, "methods", "seed", "rounds")
_ONE = (*_LESSONS, "models", "objects")
TAKES = (
    dict.fromkeys(PARTS, (*_ONE, "replan_budget"))
    | dict.fromkeys(DATA, (*_EACH, "methods", "task"))
    | {"table3": (*_ONE, "replan_budget", "task")}
    | {"table3-budget": (*_ONE, "task"), "table2-budget": _ONE, PERCEIVED: (*_ONE, "replan_budget")}
    | {TASKS: (*_LESSONS, "replan_budget"), ALL: (*_EACH, "seed", "rounds", "task")}
)
"""The options of each study, beside --out and --json, which all have."""
TABLES = tuple(TAKES)
QUICK_SEEDS = 1


@dataclass(frozen=True)
class Order:
    """What is to be run, and where it goes. Lists are texts with commas; empty: all, or those of --quick."""

    table: str
    out: Path
    weights: Path | None
    models: str
    methods: str
    objects: str
    task: str
    trials: int | None
    seed: int
    rounds: int
    budget: bool | None
    """Whether there is a second table within a budget; None: where the study has one."""
    quick: bool
    processes: int | None
    executor: str
    minutes: float | None = None


def run(order: Order, json_output: bool) -> None:
    """Run the studies and write their reports and one page into the folder. Ctrl-C keeps what is finished and reports it."""
    from fail2progress.core.executor import UntilExecutor, executor
    from fail2progress.evaluation.studies.table3 import impossible
    from fail2progress.evaluation.studies.table3_page import markdown
    from fail2progress.reporting.study_page import Part, html

    with checked():
        parts, workers = list(_parts(order)), executor(order.executor, order.processes)
    if order.minutes is not None:
        workers = UntilExecutor(workers, order.minutes)
    reports, stopped = _carried_out(parts, workers)
    alone = len(reports) == 1
    texts = {name: markdown(report) for name, report in reports.items()}
    write_json(order.out / "report.json", next(iter(reports.values())) if alone else reports)
    write_whole(order.out / "report.md", "\n\n".join(texts.values()))
    for name, report in ({} if alone else reports).items():
        write_json(order.out / f"{name}.json", report)
        write_whole(order.out / f"{name}.md", texts[name])
    write_whole(order.out / "index.html", html(list(map(Part, reports.values()))))
    if json_output:
        print_json(next(iter(reports.values())) if alone else reports)
    else:
        _show(reports)
    for line in _impossible(reports):
        say(line)
    if any(not row["complete"] and not impossible(row) for report in reports.values() for row in _rows(report)):
        said = f"{order.out}: not every cell is complete; the same command goes on from here"
        raise StoppedError(said) if stopped else WorkError(said)


def _carried_out(parts: list[AnyStudy], workers: Executor) -> tuple[dict[str, dict[str, object]], bool]:
    """The reports by name, and whether Ctrl-C came: they then tell of what was done until then."""
    from fail2progress.evaluation.studies.table3 import Study, learn

    reports: dict[str, dict[str, object]] = {}
    studies = [part for part in parts if isinstance(part, Study)]
    problems: dict[str, str] = {}
    try:
        # All models first, so that no core waits for the lesson of one study.
        problems |= _with_a_bar("models", lambda hear: learn(studies, workers, hear))
        for part in parts:
            if isinstance(part, Study):
                reports[part.name] = _with_a_bar(part.name, partial(part.run, workers, known=problems))
            else:
                reports[part.name] = _with_a_bar(part.name, partial(part.run, workers))
    except KeyboardInterrupt:
        say("stopped; what is finished is kept")
        rest = {part.name: part.report(problems) if isinstance(part, Study) else part.report() for part in parts}
        return rest, True
    return reports, False


def _rows(report: Mapping[str, object]) -> list[Row]:
    rows = report["rows"]
    return rows if isinstance(rows, list) else []


def _impossible(reports: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """The cells whose models cannot be made, a line for each model, with the reason."""
    from fail2progress.evaluation.studies.table3 import impossible

    found: dict[tuple[str, ...], dict[str, None]] = {}
    for name, report in reports.items():
        for row in filter(impossible, _rows(report)):
            seen = () if row["condition"] == "usual" else (row["condition"],)
            found.setdefault((name, row["not_run"], row["base_model"], row["method"], *seen), {})[str(row["objects"])] = None
    for (name, reason, *what), objects in found.items():
        yield f"note: {name}: {', '.join(what)}, {' and '.join(objects)} objects: cannot be made ({reason})"


def _with_a_bar(name: str, work: Callable[[Hear], Result]) -> Result:
    with progress() as bar:
        line = bar.add_task(name, total=None)

        def hear(said: str, done: int, total: int) -> None:
            bar.update(line, description=f"{name}: {said or 'trials'}", completed=done, total=total)

        return work(hear)


def _parts(order: Order) -> Iterator[AnyStudy]:
    """What was asked for. ValueError for names that are unknown."""
    from fail2progress.evaluation.studies import designs
    from fail2progress.evaluation.studies.task_designs import TASKS as ONE_BY_ONE

    if order.table == TASKS:
        yield from (_study(order, design) for design in ONE_BY_ONE)
        return
    alone = {design.name: design for design in (*designs.BUDGETS, designs.LOOP)}
    for name in PARTS if order.table == ALL else (order.table,):
        yield _generation(order, name) if name in DATA else _study(order, alone.get(name) or designs.DESIGNS.get(name))


def _generation(order: Order, name: str) -> GenerationStudy:
    from fail2progress.evaluation.studies.generation import GENERATED, GenerationStudy
    from fail2progress.tasks.registry import task

    (base, *_) = _bases(order, ("points2plans",))
    seeds = order.trials or (QUICK_SEEDS if order.quick else GenerationStudy.seeds)
    generators = _listed(order.methods) if order.table != ALL else ()
    asked = (generators or (GENERATED[:3] if order.quick else GENERATED), seeds)
    return GenerationStudy(order.out.resolve(), base, task(order.task).reference, *asked, name=name, title=DATA[name])


def _study(order: Order, design: Design) -> Study:
    from fail2progress.models import weights

    alone = order.table not in (ALL, TASKS)
    if alone and design.name in ("table3", "table3-budget"):
        design = replace(design, task=order.task)
    if order.table not in (ALL, *BUDGETS):
        design = replace(design, budget=_budget(order, design))
    sizes = _sizes(order, design, alone)
    bases = _bases(order, _listed(order.models) if alone and order.models else sizes.models)
    return design.study(order.out.resolve(), bases, weights.path(weights.KEEPSAKE), sizes, order.seed, order.rounds)


def _budget(order: Order, design: Design) -> bool:
    return order.budget if order.budget is not None else design.budget or order.table == TASKS


def _sizes(order: Order, design: Design, alone: bool) -> Sizes:
    """As the design has them, but for what was asked for."""
    from fail2progress.evaluation.studies.methods import METHODS
    from fail2progress.tasks.registry import task

    sizes = design.quick if order.quick else design.full
    found = task(design.task)
    counts = tuple(_number(text) for text in _listed(order.objects)) if alone else ()
    for count in counts:
        found.check(count)
    own = {method.name: method for method in design.full.methods}
    methods = tuple(own.get(name) or METHODS.get(name) for name in _listed(order.methods)) if order.table != ALL else ()
    kept = tuple(count for count in sizes.counts if count in found.counts) or (found.counts[:1] if sizes.counts else ())
    return replace(sizes, methods=methods or sizes.methods, counts=counts or kept, trials=order.trials or sizes.trials)


def _bases(order: Order, names: tuple[str, ...]) -> tuple[Base, ...]:
    from fail2progress.evaluation.studies.bases import base
    from fail2progress.models import weights

    folder = (order.weights or weights.folder()).resolve()
    return tuple(base(name, folder) for name in names)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _number(text: str) -> int:
    if not text.isdigit():
        raise UserError(f"--objects {text}: numbers with commas between them, such as 3,5,7")
    return int(text)


def _show(reports: Mapping[str, Mapping[str, object]]) -> None:
    from fail2progress.evaluation.studies.table3_page import columns

    for name, report in reports.items():
        heads, lines = columns(report)
        say(name)
        table = table_of(*heads)
        for line in lines:
            table.add_row(*(text.replace("**", "") for text in line))
        show_table(table)
        claims = report.get("claims", [])
        for claim in claims if isinstance(claims, list) else []:
            say(claim)
