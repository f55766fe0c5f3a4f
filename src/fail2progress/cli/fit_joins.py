"""`fail2progress fit-joins`: the odds by which the segmenter `fused` joins parts of things, from rendered scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fail2progress.cli.common import UserError, print_json, say, stopped_with
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.outputs import check_output
from fail2progress.cli.train_segmenter import ROOMS
from fail2progress.cli.voice import progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("fit-joins")(fit_joins)


def fit_joins(
    weights: Annotated[
        Path | None, typer.Option(help="Of the network (.safetensors). [those of the package]", exists=True, dir_okay=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write. [NAME.joins.json beside the weights]")] = None,
    scenes: Annotated[int, typer.Option(help="Rendered scenes of the kinds that it is trained on.", min=2, max=MOST)] = 150,
    seed: Annotated[int, typer.Option(help="Of the scenes; another one than that of the training.", min=0, max=MOST_SEED)] = 21,
    rooms: Annotated[
        float, typer.Option(help="Share of scenes in the colours of rooms; 0 for segmenter-grainy.", min=0.0, max=1.0)
    ] = ROOMS,
    processes: Annotated[int, typer.Option(help="Processes that work on scenes.", min=1, max=MOST_PROCESSES)] = 1,
    json_output: Annotated[bool, typer.Option("--json", help="The file on standard output.")] = False,
) -> None:
    """Fit how the segmenter `fused` joins what its network takes for several things, to the truth of rendered scenes.

    Example: fail2progress fit-joins --weights runs/segmenter.safetensors
    """
    from fail2progress.core.executor import PoolExecutor
    from fail2progress.core.files import write_whole
    from fail2progress.core.provenance import provenance
    from fail2progress.learning.segmentation.joins import DISTANCE_TIMES, crossed, errors, fit, for_real_things, gather
    from fail2progress.perception.segmentation.fused.odds import Joins, beside
    from fail2progress.perception.segmentation.fused.segmenter import FusedSegmenter
    from fail2progress.perception.segmentation.learned.model import load_model, packaged

    path = weights or packaged()
    target = out or beside(path)
    check_output("--out", target, ".json")
    segmenter = FusedSegmenter(model=load_model(path), grainy=None)
    with stopped_with("nothing was written"), progress() as bar, PoolExecutor(processes) as workers:
        task = bar.add_task("scenes", total=scenes)
        pairs = gather(segmenter, scenes, seed, workers, lambda done: bar.update(task, completed=done), rooms)
    try:
        odds = for_real_things(fit(pairs), pairs)
        false, missed = crossed(pairs)
    except ValueError as error:
        raise UserError(f"--scenes {scenes}: {error}; give more scenes") from error
    report: dict[str, object] = {
        "scenes": scenes,
        "seed": seed,
        "rooms": rooms,
        "distance_times": DISTANCE_TIMES,
        "pairs": len(pairs.same),
        "of_one_thing": int(pairs.same.sum()),
        "joined_wrongly": errors(odds, pairs)[0],
        "not_joined": errors(odds, pairs)[1],
        "joined_wrongly_when_fitted_on_the_other_half": false,
        "not_joined_when_fitted_on_the_other_half": missed,
        "provenance": provenance(scenes=scenes, seed=seed),
    }
    found = Joins(digest=segmenter.model.digest, odds=odds, report=report)
    write_whole(target, (found.model_dump_json(indent=1) + "\n").encode())
    say(f"{target}: {false + missed} of {len(pairs.same)} pairs of parts are wrong by odds fitted on other scenes")
    if json_output:
        print_json(found.model_dump())
