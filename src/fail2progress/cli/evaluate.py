"""fail2progress evaluate: success over trials."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import StoppedError, checked, filled, print_json, require, say, shown, write_json
from fail2progress.cli.given import refuse
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.outputs import check_output
from fail2progress.cli.voice import progress
from fail2progress.core.shares import percent
from fail2progress.tasks import DEFAULT

if TYPE_CHECKING:
    from fail2progress.core.executor import Executor
    from fail2progress.evaluation.evaluate import TrialJob
    from fail2progress.evaluation.rows import Rows
    from fail2progress.evaluation.trials import TrialResult

_OF_TRIALS = ("task", "objects", "goal", "method", "replan", "free_order", "slack", "relations", "robot", "segmenter")
_OF_LIFELONG = ("over", "failures")
"""Parameters that the other kind of evaluation has no use for."""
_HARDLY = 0.05
"""P(goal) of a first plan that is not believed to reach the goal."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    context: typer.Context,
    task: str = typer.Option(DEFAULT, help="Which task: a name (tasks ls) or a task file (.yaml)."),
    objects: int | None = typer.Option(None, help="Movable objects; default: the fewest that the task is defined for."),
    goal: str | None = typer.Option(
        None, help='Another goal than the task\'s own: "inside(capsule_*, cup_1) and above(cup_1, table_b)".'
    ),
    trials: int | None = typer.Option(
        None, max=MOST, help="How many trials; default: 100, and 20 for each measurement of --lifelong."
    ),
    model: Path | None = typer.Option(None, help="Weights (.safetensors); default: those that travel with the package."),
    method: str = typer.Option("original", help="original, replanning or fail2progress."),
    replan: bool | None = typer.Option(None, "--replan/--open-loop", help="For fail2progress: plan again after every skill."),
    free_order: bool = typer.Option(False, "--free-order", help="Do not ask for the capsules before the cups travel."),
    slack: int | None = typer.Option(
        None,
        min=0,
        max=MOST,
        help="Skills that a plan may have beyond one for every object with something missing; 0: no object moves twice. "
        "Default: one more for every object that the goal speaks of, at least four.",
    ),
    seed: int = typer.Option(1, min=0, max=MOST_SEED, help="Trials start from seed * 100000, and so on."),
    simulator: str = typer.Option("mujoco", help="Name (simulators ls), or a YAML or JSON file with its options."),
    relations: str = typer.Option(
        "combined", help="Relation detector: combined, learned (the model's own), geometric, or another's."
    ),
    robot: str = typer.Option("hand", help="hand, or stretch: a simulated one, slower, that sees through its own camera."),
    segmenter: str = typer.Option(
        "label-image", help="label-image (the simulator's true segments), fused, geometric, or another's: segments are perceived."
    ),
    processes: int | None = typer.Option(None, min=1, max=MOST_PROCESSES, help="Local processes (default: one for every core)."),
    executor: str = typer.Option("local", help="local, or ray for a cluster."),
    lifelong: bool = typer.Option(False, "--lifelong", help="Meet failures one after the other and learn from each."),
    over: str | None = typer.Option(
        None, help="With --lifelong: tasks (NAME or NAME/OBJECTS) and families, by commas; default: ten."
    ),
    failures: int = typer.Option(10, min=1, max=MOST, help="With --lifelong: how many failures."),
    out: Path | None = typer.Option(None, help="Report to write (.json), with a row for every trial; with --lifelong a folder."),
    as_json: bool = typer.Option(False, "--json", help="Print the summary as JSON."),
) -> None:
    """Success over trials from unseen seeds, judged on the simulator's ground truth.

    Ctrl-C sums up the finished trials, and the same command goes on from there.

    Example: fail2progress evaluate --task hierarchical-tabletop --objects 5 --trials 100 --method replanning --json

    With --lifelong, failures are met over several tasks and families in turn, each classified, learnt from and judged; after each
    the current model is measured on all that were met, on five executions of a family for each trial. An existing folder is
    resumed.

    Example: fail2progress evaluate --lifelong --over hierarchical-tabletop,row-pushed --failures 4 --out runs/lifelong --json
    """
    from fail2progress.cli.unfinished import finished
    from fail2progress.core.executor import executor as executor_named
    from fail2progress.evaluation import evaluate as room
    from fail2progress.evaluation.doubts import doubts
    from fail2progress.evaluation.embodiment import Embodiment
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.tasks.registry import task as task_of

    require(trials is None or trials > 0, f"--trials {trials}: at least one trial is needed")
    kind = "without --lifelong" if lifelong else "with --lifelong"
    refuse(context, _OF_TRIALS if lifelong else _OF_LIFELONG, f"is for evaluations {kind}")
    goal, over = filled("--goal", goal), filled("--over", over)
    path = model or weights.path(weights.RELATIONAL)
    if lifelong:
        from fail2progress.cli.lifelong import FOLDER, TRIALS, LifelongOptions, run_lifelong

        names = [name.strip() for name in over.split(",") if name.strip()]
        asked = (failures, trials or TRIALS, seed, simulator, processes, executor)
        return run_lifelong(LifelongOptions(path, out or FOLDER, names, *asked), as_json)
    trials = trials or 100
    checkpoint = load_checkpoint(path)
    body = Embodiment(robot, segmenter)
    with checked():
        again = room.replans(method, checkpoint.note, replan)
        count = objects if objects is not None else task_of(task).counts[0]
        work = room.jobs(path, task, count, trials, seed, again, free_order, slack, simulator, goal, relations, body)
        workers = executor_named(executor, processes)
    if out is not None:
        check_output("--out", out, ".json")
    for doubt in doubts(room.start(work[0])):
        say(f"note: {doubt}")
    start = time.perf_counter()
    with _rows(work, checkpoint.digest, out) as rows:
        results = _carry_out(work, workers, rows)
        if len(results) == trials:
            finished(rows)
    head = {"task": task, "objects": count, "method": method, "seed": seed, "model": shown(path), "digest": checkpoint.digest}
    head |= {"replan": again, "free_order": free_order, "slack": slack, "simulator": simulator, "goal": goal or None}
    head |= {"relations": relations, "robot": robot, "segmenter": segmenter}
    head |= {"seconds": time.perf_counter() - start}
    _tell(results, trials, head, out, as_json)


def _rows(work: list[TrialJob], digest: str, out: Path | None) -> AbstractContextManager[Rows]:
    """Where finished trials are kept until all are."""
    from fail2progress.cli.unfinished import unfinished
    from fail2progress.core.choice import content_of

    first = vars(work[0]) | {"model": digest}
    parts = [content_of(name) for name in (first["task"], first["simulator"], work[0].embodiment.segmenter)]
    return unfinished("evaluate", out, **first, trials=len(work), content=parts)


def _carry_out(work: list[TrialJob], workers: Executor, rows: Rows) -> list[TrialResult]:
    """The results in the order of their seeds, those of an earlier call included; what is finished when Ctrl-C comes."""
    from fail2progress.evaluation.evaluate import evaluate as run
    from fail2progress.evaluation.trials import from_row

    results = [from_row(row) for row in rows.by_key.values()]
    missing = [job for job in work if str(job.seed) not in rows.by_key]
    if results:
        say(f"{len(results)} trials were finished earlier")
    try:
        with progress() as bar:
            line = bar.add_task("trials", total=len(work), completed=len(results))
            for result in run(missing, workers) if missing else ():
                rows.add({"key": str(result.seed), **result.to_dict()})
                results.append(result)
                bar.update(line, completed=len(results))
    except KeyboardInterrupt:
        say("stopped; summing up the finished trials")
    return sorted(results, key=lambda result: result.seed)


def _tell(results: list[TrialResult], asked: int, head: dict[str, object], out: Path | None, as_json: bool) -> None:
    from fail2progress.core.provenance import provenance
    from fail2progress.evaluation.evaluate import summarise

    if not results:
        raise StoppedError("stopped before a trial was finished")
    summary = summarise(results)
    values = {**head, **summary.to_dict()}
    if out is not None:
        rows = [result.to_dict() for result in results]
        write_json(out, {**values, "complete": len(results) == asked, "rows": rows, "provenance": provenance(**head)})
    if as_json:
        print_json(values)
    low, high = summary.ci95
    how = "" if head["replan"] else ", by one plan each (--method replanning: a new one after every skill)"
    rate, *ends = (percent(value, digits=1) for value in (summary.rate, low, high))
    share = f"{rate} (95 % interval {' to '.join(ends)})"
    say(f"{summary.successes} of {summary.trials} trials succeeded{how}: {share}")
    unplanned = sum(
        each.outcome.startswith("no plan") or not each.plan_probability >= _HARDLY for each in results if not each.success
    )
    if unplanned:
        say(f"in {unplanned} of {len(results)} trials no plan was found that is believed to reach the goal; see: tasks show")
    if len(results) < asked:
        raise StoppedError(f"stopped after {len(results)} of {asked} trials; the same command goes on from there")
