"""fail2progress benchmark static, compare, harness, iterate and replay: measuring with what was made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fail2progress.cli import benchmark_common as shared
from fail2progress.cli.benchmark import benchmark
from fail2progress.cli.common import checked, print_json, require, say, shown
from fail2progress.cli.limits import MOST, MOST_SEED
from fail2progress.cli.outputs import check_output
from fail2progress.core.files import write_whole

if TYPE_CHECKING:
    from fail2progress.benchmarks.config import Preregistration, Rules
    from fail2progress.benchmarks.session import Pool, Session
    from fail2progress.benchmarks.store import ExecutionStore

_OUT = typer.Option(None, help="Folder of the run; default: runs/benchmarks/run_<time>_<id>_<label>.")
_SEEDS = typer.Option(3, min=1, max=MOST, help="Benchmark seeds.")
_BOOT = typer.Option(500, min=10, max=MOST, help="Bootstrap replicates.")
_REFERENCE = typer.Option(None, help="Item file that nothing is induced from; it gives the order of the models.")
_PREREG = typer.Option(None, help="Rules (prereg.json), committed before the run: they take the place of all options here.")
_RESUME = typer.Option(False, "--resume", help="Go on with the run in --out.")


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    for command in (static, compare, harness, iterate, replay, page):
        benchmark.command()(command)


def static(
    items: Path = typer.Argument(..., help="Item file (benchmark build)."),
    out: Path | None = _OUT,
    resume: bool = _RESUME,
    n_boot: int = _BOOT,
    levels: Path | None = shared.LEVELS,
    store: Path = shared.STORE,
    processes: int | None = shared.PROCESSES,
    executor: str = shared.EXECUTOR,
    simulator: str = shared.SIMULATOR,
    as_json: bool = shared.AS_JSON,
) -> None:
    """Every model on all robust items of a file, with intervals, log and provenance.

    Example: fail2progress benchmark static static.jsonl --json
    """
    from fail2progress.benchmarks.session import Session

    with (
        shared.working_folder(out, "static", resume) as folder,
        shared.executions(store, executor, processes, simulator, folder) as executions,
    ):
        models, (pools, _) = shared.panel(levels), _pools({"static": items}, None, executions)
        rules = _rules(budget=max(len(pools["static"].items), 2), n_seeds=1, n_boot=n_boot, generators=(), controls=())
        _run(Session(rules, models, executions, pools, tell=say), folder, resume, as_json)


def compare(
    first: Path = typer.Argument(..., help="Item file, such as a static one."),
    second: Path = typer.Argument(..., help="Item file, such as an induced one."),
    out: Path | None = _OUT,
    resume: bool = _RESUME,
    budget: int | None = typer.Option(None, min=2, max=MOST, help="Items of each (default: all of the smaller file)."),
    n_boot: int = _BOOT,
    levels: Path | None = shared.LEVELS,
    reference: Path | None = _REFERENCE,
    store: Path = shared.STORE,
    processes: int | None = shared.PROCESSES,
    executor: str = shared.EXECUTOR,
    simulator: str = shared.SIMULATOR,
    as_json: bool = shared.AS_JSON,
) -> None:
    """Two item files at equal budgets: how far they tell the models apart, and what fails.

    Example: fail2progress benchmark compare static.jsonl induced.jsonl --json
    """
    from fail2progress.benchmarks.session import Session

    with (
        shared.working_folder(out, "compare", resume) as folder,
        shared.executions(store, executor, processes, simulator, folder) as executions,
    ):
        models, (pools, judge) = shared.panel(levels), _pools({"static": first, "induced": second}, reference, executions)
        size = budget or min(len(pool.items) for pool in pools.values())
        rules = _rules(primary="induced", budget=size, n_seeds=1, n_boot=n_boot, generators=(), controls=("static",))
        _run(Session(rules, models, executions, pools, judge, tell=say), folder, resume, as_json)


def harness(
    slices: list[str] = typer.Option(
        ..., "--slice", metavar="NAME=PATH", help="A pool; several times. `static` is induced from."
    ),
    induce: list[str] = typer.Option(
        [], help="Generator of items for every seed; several times. H1: the first, or else pool, but static and shuffled."
    ),
    budget: int = typer.Option(40, min=2, max=MOST, help="Items of every slice and seed."),
    n_seeds: int = _SEEDS,
    n_boot: int = _BOOT,
    k: int = typer.Option(8, min=2, max=MOST, help="Clusters of failures."),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="Of everything that is drawn."),
    prereg: Path | None = _PREREG,
    reference: Path | None = _REFERENCE,
    out: Path | None = _OUT,
    resume: bool = _RESUME,
    levels: Path | None = shared.LEVELS,
    store: Path = shared.STORE,
    processes: int | None = shared.PROCESSES,
    executor: str = shared.EXECUTOR,
    simulator: str = shared.SIMULATOR,
    as_json: bool = shared.AS_JSON,
) -> None:
    """Budget-matched slices over many seeds, and the tests of H1 to H3 by their rules. Resumable.

    Example: fail2progress benchmark harness --slice static=static.jsonl --induce cluster --induce shuffled --budget 40
    """
    from fail2progress.benchmarks.harness import check_names, compared
    from fail2progress.benchmarks.session import Session

    paths = shared.named_paths(slices)
    rules, registered = _registered(prereg)
    if rules is None:
        chosen: dict[str, Any] = {"generators": tuple(induce), "k": k, "seed": seed, **compared(paths, induce)}
        rules = _rules(**chosen, budget=budget, n_seeds=n_seeds, n_boot=n_boot)
    require("static" in paths or not rules.generators, "--induce needs a pool to induce from: add --slice static=PATH")
    with checked():
        check_names(rules, paths)
    with (
        shared.working_folder(out, "harness", resume) as folder,
        shared.executions(store, executor, processes, simulator, folder) as executions,
    ):
        models, (pools, judge) = shared.panel(levels), _pools(paths, reference, executions)
        _run(Session(rules, models, executions, pools, judge, registered, tell=say), folder, resume, as_json)


def iterate(
    items: Path = typer.Argument(..., help="Static item file (benchmark build): the first round, the features and the anchors."),
    rounds: int = typer.Option(5, min=1, max=MOST, help="Rounds of induction after the first."),
    update: str = typer.Option("accumulate", help="accumulate, substitute or learn."),
    generator: str = typer.Option("cluster", help="What makes the items of a round."),
    budget: int = typer.Option(40, min=2, max=MOST, help="Items of a round."),
    anchors: int = typer.Option(40, min=2, max=MOST, help="Frozen failures on which partitions are compared."),
    k: int = typer.Option(8, min=2, max=MOST, help="Clusters of failures."),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="Of everything that is drawn."),
    reference: Path | None = typer.Option(None, help="Item file that the learner is judged on; fresh draws go on with it."),
    learner: Path | None = typer.Option(None, help="Weights that learn (learn); default: the package's."),
    out: Path | None = _OUT,
    resume: bool = _RESUME,
    levels: Path | None = shared.LEVELS,
    store: Path = shared.STORE,
    processes: int | None = shared.PROCESSES,
    executor: str = shared.EXECUTOR,
    simulator: str = shared.SIMULATOR,
    as_json: bool = shared.AS_JSON,
) -> None:
    """Round after round: what fails, a benchmark from it, what fails of that. `learn`: the last scout learns between rounds.

    Example: fail2progress benchmark iterate static.jsonl --rounds 5 --update substitute
    """
    from fail2progress.benchmarks.harness import check_names
    from fail2progress.benchmarks.session import Session
    from fail2progress.models.checkpoint import load_checkpoint

    known = ("accumulate", "substitute", "learn")
    require(update in known, f"--update {update}: unknown; known: {', '.join(known)}")
    way: dict[str, Any] = {"rounds": rounds, "update": update, "modes": (update, "null")}
    given: dict[str, Any] = {"primary": generator, "generators": (generator,), "controls": (), **way}
    rules = _rules(**given, budget=budget, n_seeds=0, n_boot=10, k=k, anchors=anchors, seed=seed)
    with checked():
        check_names(rules, ("static",))
        if learner is not None:
            load_checkpoint(learner)
    with (
        shared.working_folder(out, "iterate", resume) as folder,
        shared.executions(store, executor, processes, simulator, folder) as executions,
    ):
        models, (pools, judge) = shared.panel(levels), _pools({"static": items}, reference, executions)
        _run(Session(rules, models, executions, pools, judge, None, learner, tell=say), folder, resume, as_json)


def replay(
    run: Path = typer.Argument(..., help="Folder of a run: events.jsonl and report.json."),
    prereg: Path | None = typer.Option(None, help="Rules that the run must have been made with."),
    as_json: bool = shared.AS_JSON,
) -> None:
    """Compute every figure again from the log alone; the report must be equal to the last digit.

    Example: fail2progress benchmark replay runs/benchmarks/run_20261126T050000Z_1a2b3c4d_harness
    """
    from fail2progress.benchmarks.config import check_unchanged
    from fail2progress.benchmarks.events import recorded
    from fail2progress.benchmarks.replay import replay as again

    with checked():
        if prereg is not None:
            check_unchanged(prereg, recorded(run).config.get("prereg"))
        result = again(run, say)
    say(f"{shown(run)}: the report is what its log gives")
    if as_json:
        print_json(result)


def page(
    run: Path = typer.Argument(..., help="Folder of a run: events.jsonl and report.json."),
    out: Path | None = typer.Option(None, help="Page to write (.html); default: report.html in the folder."),
) -> None:
    """The report of a run as a page with plots, after it was computed again from the log.

    Example: fail2progress benchmark page runs/benchmarks/run_20261126T050000Z_1a2b3c4d_harness
    """
    from fail2progress.benchmarks.replay import replay as again
    from fail2progress.reporting.benchmark_page import benchmark_page

    path = out or run / "report.html"
    check_output("--out", path, ".html")
    with checked():
        report = again(run, say)
    write_whole(path, benchmark_page(report))
    say(f"page: {path}")


def _rules(**values: Any) -> Rules:
    from fail2progress.benchmarks.config import Rules

    with checked():
        return Rules(**values)


def _registered(path: Path | None) -> tuple[Rules | None, Preregistration | None]:
    from fail2progress.benchmarks.config import preregistered

    if path is None:
        return None, None
    with checked():
        found = preregistered(path)
    return found.rules, found


def _pools(paths: Mapping[str, Path], reference: Path | None, store: ExecutionStore) -> tuple[dict[str, Pool], Pool | None]:
    """The pools of slices and that of the reference, which no slice can be named as."""
    from fail2progress.benchmarks.answers import REFERENCE

    found = shared.pools({**paths, **({REFERENCE: reference} if reference is not None else {})}, store)
    judge = found.pop(REFERENCE, None)
    return found, judge


def _run(session: Session, folder: Path, resume: bool, as_json: bool) -> None:
    """A session, and what it found."""
    with checked():
        result = session.run(folder, resume)
    for name, found in result["slices"].items():
        say(f"{name}: accuracy {found['accuracy']:.3f}, S {found['S']['value']:.3f}, S_c {found['S_c']['value']:.3f}")
    for name, test in result["hypotheses"].items():
        verdict = "not run" if test is None else "supported" if test["supported"] else "not supported"
        unknown = "; the models' order is not known without --reference" if test and test.get("order_kept", True) is None else ""
        say(f"{name}: {verdict} ({result['status']}){unknown}")
    say(f"report: {folder / 'report.json'}")
    if as_json:
        print_json({"run": shown(folder), **result})
