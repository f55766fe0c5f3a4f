"""`fail2progress train-segmenter`: weights of the learned segmenter from rendered scenes alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from fail2progress.cli.common import print_json, require, say, stopped_with, writable, write_json
from fail2progress.cli.limits import MOST, MOST_SEED
from fail2progress.cli.voice import progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train-segmenter")(train_segmenter)


def train_segmenter(
    out: Annotated[Path, typer.Option(help="Weights to write (.safetensors); JSON and a report go beside them.")],
    data: Annotated[Path | None, typer.Option(help="Folder for rendered scenes. [runs/segmenter-scenes]")] = None,
    scenes: Annotated[int, typer.Option(help="Scenes to render, a hundred to a file.", min=1, max=MOST)] = 2500,
    steps: Annotated[int, typer.Option(help="Batches to train on.", min=1, max=MOST)] = 6000,
    batch: Annotated[int, typer.Option(help="Images in a batch.", min=1, max=MOST)] = 4,
    seed: Annotated[int, typer.Option(help="Of scenes, weights and examples.", min=0, max=MOST_SEED)] = 1,
    start_from: Annotated[
        Path | None, typer.Option(help="Weights to go on from (.safetensors), in place of random ones.")
    ] = None,
    held_out: Annotated[int, typer.Option(help="Scenes of another seed that the report is made on.", min=1, max=MOST)] = 60,
    json_output: Annotated[bool, typer.Option("--json", help="The report on standard output.")] = False,
) -> None:
    """Render scenes and train the network of the segmenter `learned`. The same command goes on where it was ended.

    Example: fail2progress train-segmenter --out runs/segmenter.safetensors --steps 6000
    """
    import torch

    from fail2progress.cli.resume import Resume
    from fail2progress.core.provenance import provenance
    from fail2progress.learning.segmentation.quality import quality
    from fail2progress.learning.segmentation.scenes import render
    from fail2progress.learning.segmentation.training import Options, restored, train
    from fail2progress.perception.segmentation.learned.model import load_model, save_model
    from fail2progress.perception.segmentation.learned.network import SegmentNet

    require(out.suffix == ".safetensors", f"--out {out}: the name of weights ends in .safetensors")
    writable(out.parent)
    parent = load_model(start_from) if start_from else None
    options = Options(steps=steps, batch=batch, seed=seed)
    torch.manual_seed(seed)
    net = (parent.net if parent else SegmentNet()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    told = {**vars(options), "scenes": scenes, "parent": parent.digest if parent else None}
    resume = Resume(out.with_suffix(".resume"), told)
    begun = resume.start(net)
    optimiser = restored(net, options, begun.adam)
    started = time.monotonic()
    kept = f"whole shards of scenes and the last {options.each} steps that are told are kept, and the same command goes on"
    with stopped_with(kept), progress() as bar:
        task = bar.add_task("scenes", total=scenes)
        paths = render(data or Path("runs/segmenter-scenes"), scenes, seed, lambda done: bar.update(task, completed=done))
        task = bar.add_task("steps", total=steps, completed=begun.epochs)
        for state in train(net, optimiser, lambda: paths, options, begun.epochs, lambda n, o: resume.save(net, n, o)):
            bar.update(task, completed=state.step, description=f"steps (loss {state.loss:.3f})")
    run = {**told, "seconds_of_last_start": round(time.monotonic() - started)}
    model = save_model(net.eval(), out, {"run": run})
    report = {
        "weights": out.name,
        "digest": model.digest,
        "run": run,
        "held_out": quality(model, held_out, seed + 1),
        "provenance": provenance(),
    }
    write_json(out.with_suffix(".report.json"), report)
    resume.clear()
    say(f"{out}: what it finds in {held_out} held-out scenes is in {out.with_suffix('.report.json')}")
    if json_output:
        print_json(report)
