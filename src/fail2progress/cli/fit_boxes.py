"""`fail2progress fit-boxes`: how far things go on beyond what is seen of them, and how surely, from rendered scenes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from fail2progress.cli.common import UserError, print_json, say, stopped_with
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.outputs import check_output
from fail2progress.cli.voice import progress

SEGMENTERS = ("geometric", "fused")
"""Whose segments the laws are fitted to."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("fit-boxes")(fit_boxes)


def fit_boxes(
    out: Annotated[Path | None, typer.Option(help="File to write. [that of the package]")] = None,
    scenes: Annotated[int, typer.Option(help="Rendered crowded scenes.", min=2, max=MOST)] = 168,
    seed: Annotated[int, typer.Option(help="Of the scenes.", min=0, max=MOST_SEED)] = 7101,
    processes: Annotated[int, typer.Option(help="Processes that work on scenes.", min=1, max=MOST_PROCESSES)] = 1,
    json_output: Annotated[bool, typer.Option("--json", help="The file on standard output.")] = False,
) -> None:
    """Fit the boxes around all of a thing, where hidden sides are and how far they may be off, to the truth of rendered scenes.

    Example: fail2progress fit-boxes --scenes 168 --out runs/boxes.json
    """
    from fail2progress.core.executor import PoolExecutor
    from fail2progress.core.files import write_whole
    from fail2progress.core.provenance import provenance
    from fail2progress.evaluation import box_fitting as fitting
    from fail2progress.perception.box_laws import BoxLaws, packaged_laws

    target = out or packaged_laws()
    check_output("--out", target, ".json")
    with stopped_with("nothing was written"), progress() as bar, PoolExecutor(processes) as workers:
        task = bar.add_task("scenes", total=scenes)
        look = partial(fitting.sides_of, SEGMENTERS, seed)
        even, odd = fitting.gathered(look, scenes, workers, lambda done: bar.update(task, completed=done))
    every = fitting.together(even, odd)
    try:
        laws = fitting.fitted(every)
        crossed = [fitting.within(fitting.fitted(even), odd), fitting.within(fitting.fitted(odd), even)]
    except ValueError as error:
        raise UserError(f"--scenes {scenes}: {error}; give more scenes") from error
    report: dict[str, object] = {
        "scenes": scenes,
        "seed": seed,
        "segmenters": list(SEGMENTERS),
        "sides": {kind: len(rows) for kind, rows in every.items()},
        "within": fitting.within(laws, every),
        "within_when_fitted_on_the_other_half": {key: sum(half[key] for half in crossed) / 2 for key in crossed[0]},
        "provenance": provenance(scenes=scenes, seed=seed),
    }
    found = BoxLaws(laws=laws, report=report)
    write_whole(target, (found.model_dump_json(indent=1) + "\n").encode())
    other = report["within_when_fitted_on_the_other_half"]
    assert isinstance(other, dict)
    say(f"{target}: {100 * other['within_2']:.1f} % of sides lie within two deviations by laws fitted on other scenes")
    if json_output:
        print_json(found.model_dump())
