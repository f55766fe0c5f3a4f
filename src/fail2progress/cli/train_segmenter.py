"""`fail2progress train-segmenter`: weights of the learned segmenter from rendered scenes alone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fail2progress.cli.common import UserError, print_json, require, say, stopped_with, writable, write_json
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.voice import progress
from fail2progress.core.files import taken

if TYPE_CHECKING:
    from fail2progress.learning.segmentation.training import State

_KEPT = 20.0
"""Seconds between one time that weights are kept and the next."""
_EACH = {"cpu": 20, "cuda": 100}
"""Steps between looks at what there is to be told and kept: one takes seconds without a GPU."""
_COMPILERS = ("c++", "g++", "gcc", "clang++")
"""Of which torch.compile wants one."""
_CHANNELS = "24,64,96,112,144,160"
_ROUGH, ROOMS = 0.5, 0.6
"""Those of `roughness` and `paints`, whose import takes torch."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train-segmenter")(train_segmenter)


def train_segmenter(
    out: Annotated[Path, typer.Option(help="Weights to write (.safetensors); JSON and a report go beside them.")],
    data: Annotated[Path | None, typer.Option(help="Folder for rendered scenes. [runs/segmenter-scenes]")] = None,
    scenes: Annotated[int, typer.Option(help="Scenes to render, fifty to a file.", min=1, max=MOST)] = 5000,
    steps: Annotated[int, typer.Option(help="Batches to train on.", min=1, max=MOST)] = 6000,
    minutes: Annotated[
        float | None, typer.Option(help="Training ends after so many minutes, its rate having fallen by then.", min=0.01)
    ] = None,
    batch: Annotated[int, typer.Option(help="Images in a batch.", min=1, max=MOST)] = 8,
    rate: Annotated[float, typer.Option(help="Learning rate at its highest.", min=1e-6, max=1.0)] = 2e-3,
    channels: Annotated[str, typer.Option(help="Of the network: at the image's resolution, half of it, ...")] = _CHANNELS,
    seed: Annotated[int, typer.Option(help="Of scenes, weights and examples.", min=0, max=MOST_SEED)] = 1,
    start_from: Annotated[
        Path | None, typer.Option(help="Weights to go on from (.safetensors), in place of random ones.")
    ] = None,
    rough: Annotated[
        float, typer.Option(help="Share of windows as rough as real cameras' depth; 0 for segmenter-grainy.", min=0.0, max=1.0)
    ] = _ROUGH,
    rooms: Annotated[
        float, typer.Option(help="Share of scenes in the colours of rooms; 0 for segmenter-grainy.", min=0.0, max=1.0)
    ] = ROOMS,
    device: Annotated[str, typer.Option(help="To train on: cpu, or cuda where torch finds a GPU.")] = "cpu",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the network first: faster steps on a GPU.")] = False,
    processes: Annotated[int, typer.Option(help="Processes that make scenes.", min=1, max=MOST_PROCESSES)] = 1,
    begin_with: Annotated[
        int | None, typer.Option(help="Scenes with which training begins while others are made. [all]", min=1, max=MOST)
    ] = None,
    open_files: Annotated[int, typer.Option(help="Files of fifty examples that are held in memory.", min=1, max=MOST)] = 20,
    held_out: Annotated[int, typer.Option(help="Scenes of another seed that the report is made on.", min=1, max=MOST)] = 60,
    json_output: Annotated[bool, typer.Option("--json", help="The report on standard output.")] = False,
) -> None:
    """Render scenes and train the network of the segmenter `learned`. The same command goes on where it was ended.

    Example: fail2progress train-segmenter --out runs/segmenter.safetensors --steps 6000
    """
    import torch

    from fail2progress.cli.resume import Resume
    from fail2progress.core.executor import PoolExecutor
    from fail2progress.core.provenance import provenance
    from fail2progress.learning.segmentation.quality import quality
    from fail2progress.learning.segmentation.scenes import SHARD, files, read, render
    from fail2progress.learning.segmentation.training import Learner, Options, optimiser_for, train
    from fail2progress.perception.segmentation.learned.model import load_model, load_net, save_model
    from fail2progress.perception.segmentation.learned.network import SegmentNet

    _require(out, device, compiled)
    parent = load_model(start_from) if start_from else None
    each = _EACH[device]
    options = Options(steps, batch, rate, seed, minutes=minutes, open_files=open_files, each=each, rough=rough, compiled=compiled)
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = device == "cuda"
    net = load_net(start_from)[0] if start_from else SegmentNet(_channels(channels))
    learner = Learner(net).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    data_of = {"scenes": scenes, "rooms": rooms, "parent": parent.digest if parent else None}
    told = {**vars(options), **data_of, "channels": list(net.channels)}
    with taken(out):
        resume = Resume(out.with_suffix(".resume"), told)
        begun = resume.start(learner)
        optimiser = optimiser_for(learner.net, options, begun.adam)
        started = time.monotonic()
        folder = data or Path("runs/segmenter-scenes")

        written = started

        def keep(step: int, adam: torch.optim.Optimizer) -> None:
            nonlocal written
            if step < steps and time.monotonic() - written < _KEPT:
                return
            written = time.monotonic()
            resume.save(learner, step, adam)
            save_model(learner.mean, out, {"run": {**told, "steps_done": step}})

        kept = f"whole files of scenes, and weights of every {_KEPT:.0f} s or {each} steps, are kept; the same command goes on"
        with stopped_with(kept), progress() as bar, PoolExecutor(processes, begin_with is not None) as workers:
            held = render(folder, SHARD, seed + 1, workers, rooms)
            making = _made(bar, folder, (scenes, seed, rooms), workers, begin_with or scenes)
            list(held)
            scored = read(files(folder, SHARD, seed + 1, rooms)[0])
            states = train(learner, optimiser, files(folder, scenes, seed, rooms), options, begun.epochs, keep, scored)
            done, there, scores = _followed(bar, steps, begun.epochs, states, making)
        spent = round(time.monotonic() - started)
        run = {**told, "steps_done": done, "scenes_made": there, "device": device, "seconds_of_last_start": spent}
        model = save_model(learner.mean, out, {"run": run})
        report: dict[str, object] = {
            "weights": out.name,
            "digest": model.digest,
            "run": run,
            "scores_while_trained": scores,
            "held_out": quality(model, held_out, seed + 1, rooms),
            "provenance": provenance(),
        }
        write_json(out.with_suffix(".report.json"), report)
        resume.clear()
        _told(out, report, json_output)


def _require(out: Path, device: str, compiled: bool) -> None:
    import torch

    require(out.suffix == ".safetensors", f"--out {out}: the name of weights ends in .safetensors")
    require(device in ("cpu", "cuda"), f"--device {device}: cpu or cuda")
    require(device == "cpu" or torch.cuda.is_available(), "--device cuda: torch finds no GPU here; leave --device out")
    require(not compiled or any(map(shutil.which, _COMPILERS)), "--compile: no C++ compiler is on the path; leave it out")
    writable(out.parent)


def _told(out: Path, report: dict[str, object], as_json: bool) -> None:
    say(f"{out}: what it finds in held-out scenes is in {out.with_suffix('.report.json')}")
    if as_json:
        print_json(report)


def _followed(
    bar: Any, steps: int, done: int, states: Iterator[State], making: Iterator[int]
) -> tuple[int, int, list[dict[str, float]]]:
    """Show training while it goes on, from so many steps done on: steps done, scenes made, and what the mean of the weights finds
    in held-out scenes."""
    scores: list[dict[str, float]] = []
    task, there = bar.add_task("steps", total=steps, completed=done), next(making)
    for state in states:
        done, there = state.step, next(making)
        bar.update(task, completed=state.step, description=f"steps (loss {state.loss:.3f}, {there} scenes)")
        if state.score is not None:
            scores.append({"step": state.step, **vars(state.score)})
            found, overlap, said = 100 * state.score.found, state.score.mean_iou, state.score.said
            say(f"step {state.step}: {found:.1f} % found in held-out scenes, mean IoU {overlap:.3f}, {said:.2f} segments a thing")
    return done, there, scores


def _channels(text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) < 2 or min(found) < 1:
        raise UserError(f"--channels {text}: two whole numbers or more, as {_CHANNELS}")
    return found


def _made(bar: Any, folder: Path, which: tuple[int, int, float], workers: Any, first: int) -> Iterator[int]:
    """Begin to make scenes; returns when there are `first`. The iterator tells how many there are.
    which: how many, of which seed, and the share in the colours of rooms."""
    from fail2progress.learning.segmentation.scenes import SHARD, files, render

    scenes, seed, rooms = which
    paths = files(folder, scenes, seed, rooms)
    making = render(folder, scenes, seed, workers, rooms)
    task = bar.add_task("scenes", total=len(paths) * SHARD)

    def there() -> int:
        count = sum(path.is_file() for path in paths) * SHARD
        bar.update(task, completed=count)
        return count

    while there() < min(first, len(paths) * SHARD):
        next(making)
    return iter(there, -1)
