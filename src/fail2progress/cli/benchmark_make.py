"""fail2progress benchmark build and induce: making items, from designs and from failures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

from fail2progress.cli import benchmark_common as shared
from fail2progress.cli.benchmark import benchmark
from fail2progress.cli.common import checked, print_json, say, shown, write_json
from fail2progress.cli.limits import MOST, MOST_SEED
from fail2progress.cli.outputs import check_output
from fail2progress.cli.voice import progress


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    benchmark.command()(build)
    benchmark.command()(induce)


def build(
    out: Path = typer.Option(..., help="Item file to write (.jsonl); structures and a report go beside it."),
    count: int = typer.Option(1000, "--n", min=1, max=MOST, help="How many robust items."),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="The same seed gives the same items and ids."),
    structure: list[str] = typer.Option([], help="NAME or NAME:WEIGHT; several times. Default: all, plain moves as one half."),
    store: Path = shared.STORE,
    processes: int | None = shared.PROCESSES,
    executor: str = shared.EXECUTOR,
    simulator: str = shared.SIMULATOR,
    as_json: bool = shared.AS_JSON,
) -> None:
    """Items of controlled difficulty along four axes, counterfactual twins among them; only those that five executions agree on.

    Example: fail2progress benchmark build --n 1000 --seed 0 --out static.jsonl
    """
    from fail2progress.benchmarks import build as room
    from fail2progress.benchmarks.items import structures_path, write_benchmark
    from fail2progress.core.choice import content_of
    from fail2progress.core.provenance import provenance

    check_output("--out", out, ".jsonl")
    with checked():
        weights = room.weights_of(structure)
    rejected = room.Rejected()
    with shared.executions(store, executor, processes, simulator) as executions, progress() as bar:
        task = bar.add_task("items", total=count)
        found = room.collect(
            room.designs(weights, seed), count, executions, set(), rejected, lambda done: bar.update(task, completed=done)
        )
    write_benchmark([each.item for each in found], out)
    result = {"items": len(found), "out": shown(out), "structures": shown(structures_path(out)), "rejected": rejected.to_dict()}
    how = provenance(seed=seed, n=count, structures=weights, simulator=content_of(simulator))
    write_json(out.with_suffix(".report.json"), {**result, "provenance": how})
    say(f"{len(found)} items: {out}")
    if as_json:
        print_json(result)


def induce(
    items: Path = typer.Argument(..., help="Item file whose failures are taken (benchmark build)."),
    out: Path = typer.Option(..., help="Item file to write (.jsonl)."),
    generator: str = typer.Option("cluster", help="cluster, stein, boundary, shuffled, neighbour, or another package's."),
    budget: int = typer.Option(200, min=1, max=MOST, help="How many robust items."),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="The same seed gives the same items and ids."),
    k: int = typer.Option(8, min=2, max=MOST, help="Clusters of failures."),
    clusterer: str = typer.Option("kmeans", help="kmeans or hdbscan."),
    levels: Path | None = shared.LEVELS,
    store: Path = shared.STORE,
    processes: int | None = shared.PROCESSES,
    executor: str = shared.EXECUTOR,
    simulator: str = shared.SIMULATOR,
    as_json: bool = shared.AS_JSON,
) -> None:
    """A benchmark from the failures of the scouts on an item file: fresh items, none of which the scouts have failed.

    Example: fail2progress benchmark induce static.jsonl --generator cluster --budget 200 --out induced.jsonl
    """
    from fail2progress.benchmarks.clusters import CLUSTERERS, name_clusters
    from fail2progress.benchmarks.induction import GENERATORS, induction
    from fail2progress.benchmarks.items import seeded, write_benchmark
    from fail2progress.benchmarks.manifest import SCOUT
    from fail2progress.core.choice import content_of
    from fail2progress.core.provenance import provenance

    check_output("--out", out, ".jsonl")
    with checked():
        make, _ = GENERATORS.get(generator), CLUSTERERS.get(clusterer)
    models = shared.panel(levels)
    with shared.executions(store, executor, processes, simulator) as executions:
        source = shared.pool(items, executions)
        pool = source.items
        responses = models.respond([item.execution for item in pool], SCOUT)
        with checked():
            given = induction(pool, responses, models, executions, None, k, clusterer, seed)
        say(f"{len(given.found)} of {len(pool)} items fail")
        found = make(replace(given, seed=seed), budget, seeded(seed, generator))
    write_benchmark([each.item for each in found], out)
    names = {str(key): value for key, value in sorted(name_clusters(given.found, given.labels).items())}
    result = {"items": len(found), "out": shown(out), "generator": generator, "failures": len(given.found), "clusters": names}
    how = provenance(
        seed=seed,
        budget=budget,
        k=k,
        clusterer=clusterer,
        simulator=content_of(simulator),
        models={member.name: {"role": member.role, "digest": member.digest} for member in models.members},
        dataset_hashes=source.hashes,
    )
    write_json(out.with_suffix(".report.json"), {**result, "rejected": given.rejected.to_dict(), "provenance": how})
    say(f"{len(found)} items: {out}")
    if as_json:
        print_json(result)
