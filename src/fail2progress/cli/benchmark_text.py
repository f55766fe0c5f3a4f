"""fail2progress benchmark text: the apparatus on questions and stub predictors, apart from anything a robot does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import typer

from fail2progress.cli.benchmark import benchmark
from fail2progress.cli.common import print_json, say, write_json
from fail2progress.cli.limits import MOST, MOST_SEED
from fail2progress.cli.outputs import check_output


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    benchmark.command()(text)


def text(
    count: int = typer.Option(200, "--n", min=3, max=MOST, help="Questions of the second slice."),
    seed: int = typer.Option(2026, min=0, max=MOST_SEED, help="The same seed gives the same questions."),
    budget: int = typer.Option(20, min=2, max=MOST, help="Questions of a slice and seed."),
    n_seeds: int = typer.Option(10, min=1, max=MOST, help="Benchmark seeds."),
    n_boot: int = typer.Option(500, min=10, max=MOST, help="Bootstrap replicates."),
    out: Path | None = typer.Option(None, help="Report to write (.json), with its provenance."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """A regression of the apparatus: three rule-based stubs on three fixed questions and on generated ones. No claim is tested.

    Example: fail2progress benchmark text --json
    """
    from fail2progress.benchmarks.text import STATIC_FIXTURE, STUBS, build_text, text_report
    from fail2progress.core.provenance import provenance

    if out is not None:
        check_output("--out", out, ".json")
    items = build_text(count, seed)
    report = text_report(STATIC_FIXTURE, items, budget, n_seeds, n_boot, seed)
    if out is not None:
        digest = hashlib.sha256("".join(item.id for item in items).encode()).hexdigest()
        how = provenance(n=count, seed=seed, budget=budget, n_seeds=n_seeds, n_boot=n_boot, models=list(STUBS), items=digest)
        write_json(out, {**report, "provenance": how})
    for name, found in report.items():
        say(f"{name}: {found['n']} questions, S {found['S']['value']:.3f}, S_c {found['S_c']['value']:.3f}")
    if as_json:
        print_json(report)
