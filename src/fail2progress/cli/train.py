"""fail2progress train: pre-training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import StoppedError, checked, print_json, require, say, to_json, writable, write_json
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.voice import progress
from fail2progress.core.files import taken

if TYPE_CHECKING:
    from fail2progress.cli.training import Run
    from fail2progress.models.config import ModelConfig

TRAINS = ("core", "skills", "models", "simulation", "failures", "learning/pretraining", "cli/training.py", "cli/train.py")
"""Rooms and files whose source decides what weights become."""
_CODE = "code"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    data: Path = typer.Option(..., help="Folder made by generate."),
    out: Path = typer.Option(..., help="Weights to write (.safetensors); a report goes beside them."),
    model: str = typer.Option("points2plans", help="Which skill effect model: of this package, or a plug-in's."),
    variant: str | None = typer.Option(None, help="A named configuration of the model; default: its first."),
    relational: bool | None = typer.Option(
        None, "--relational/--plain", help="Short for --variant relational or plain, of points2plans."
    ),
    setting: list[str] = typer.Option([], "--set", metavar="KEY=VALUE", help="A value of the configuration; several times."),
    epochs: int = typer.Option(10, min=1, max=MOST, help="Passes over the data."),
    batch: int = typer.Option(64, min=1, max=MOST, help="Executions in a batch, over all processes."),
    learning_rate: float = typer.Option(1e-3, min=0.0, max=10.0, help="Of Adam, at its highest."),
    encoder: Path | None = typer.Option(
        None, "--encoder", "--codes-from", help="Take the shape encoder of this checkpoint and train all else (the second phase)."
    ),
    thinned: float | None = typer.Option(
        None,
        min=0.0,
        max=1.0,
        help="Share of the epochs, the first ones, that encode half of every cloud's points and take two thirds of the time "
        "(default: three quarters; 0: none).",
    ),
    processes: int = typer.Option(2, min=1, max=MOST_PROCESSES, help="Processes that share each batch."),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="Of the weights and of the order of the data."),
    rehearsal: Path | None = typer.Option(
        None, help="Rehearsal set to write (.safetensors): executions of these data for `learn --rehearsal`, drawn by --seed."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Pre-train a model. Resumable: every finished epoch is kept, and the same command goes on from there.

    Example: fail2progress train --data runs/pretraining --out runs/plain.safetensors --model points2plans --plain --epochs 10
    """
    from fail2progress.cli.training import Run
    from fail2progress.learning.pretraining.pretrain import THINNED

    require(thinned is None or encoder is None, "--thinned is for training an encoder; with --encoder nothing is encoded")
    rough = 0.0 if encoder is not None else THINNED if thinned is None else thinned
    _check(out, batch, processes)
    if rehearsal is not None:
        _check_rehearsal(rehearsal, out)
    if relational is not None:
        require(variant is None, "--variant and --relational/--plain say the same thing twice; leave one out")
        variant = "relational" if relational else "plain"
    config = _config(model, variant, setting)
    signature = _signature(
        data,
        encoder,
        model=model,
        config=config.to_dict(),
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        processes=processes,
        thinned=rough,
    )
    run = Run(data, out, model, config, epochs, batch, learning_rate, seed, processes, encoder, rough, signature)
    with taken(out):
        report = _done_before(run) or _run(run)
    say(f"{out}: held-out F1 {report['detection_f1']:.3f} now, {report['prediction_f1']:.3f} after one skill")
    if rehearsal is not None:
        _write_rehearsal(run, rehearsal)
    if as_json:
        print_json(report)


def _check_rehearsal(path: Path, out: Path) -> None:
    require(path.suffix == ".safetensors", f"--rehearsal {path}: the name of a rehearsal set ends in .safetensors")
    require(path.resolve() != out.resolve(), f"--rehearsal {path}: the weights go there; choose another name")
    require(not path.exists(), f"--rehearsal {path} exists; choose another name or delete it")
    writable(path.parent)


def _write_rehearsal(run: Run, path: Path) -> None:
    """Executions for replay, and held-out ones for the acceptance test, with their shape codes."""
    from fail2progress.cli.training import dataset
    from fail2progress.learning.finetuning.rehearsal import choose, keep
    from fail2progress.models.checkpoint import load_checkpoint

    kept = choose(dataset(run), run.seed)
    keep(kept, path, load_checkpoint(run.out).model)
    say(f"{path}: {len(kept.replay)} executions for replay, {len(kept.held_out)} held out")


def _config(model: str, variant: str | None, settings: list[str]) -> ModelConfig:
    """The configuration that was asked for. Values are JSON: 64, true, 0.5; anything else is text."""
    from fail2progress.models.registry import MODELS, configuration

    changes = dict(setting.partition("=")[::2] for setting in settings)
    with checked():
        return configuration(MODELS.get(model), variant, {key: _value(value) for key, value in changes.items()})


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _check(out: Path, batch: int, processes: int) -> None:
    require(out.suffix == ".safetensors", f"--out {out}: the name of weights ends in .safetensors")
    require(batch >= processes, f"--batch {batch} is too small for {processes} processes")
    writable(out.parent)


def _signature(data: Path, encoder: Path | None, **options: object) -> dict[str, object]:
    """What decides the result: options, the digests of the data and of the encoder. DataError, CheckpointError."""
    from fail2progress.cli.resume import digest_of
    from fail2progress.core.provenance import code_version
    from fail2progress.learning.pretraining.shards import digest, open_dataset
    from fail2progress.models.checkpoint import load_checkpoint

    shards = open_dataset(data)
    require(sum(map(len, shards)) >= 10, f"{data}: fewer than 10 executions, none could be held out")
    digests = [digest(shard.path / "shard.json") for shard in shards]
    own = {"data": digest_of(digests), "encoder": load_checkpoint(encoder).digest if encoder else None}
    return {**options, **own, _CODE: code_version(TRAINS)}


def _done_before(run: Run) -> dict[str, object] | None:
    """The report of the same run, finished earlier. Weights of another run are not overwritten."""
    report = _report_path(run.out)
    if not run.out.exists():
        return None
    try:
        found = dict(json.loads(report.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # not there or damaged: nobody knows what the weights are of
        found = {}
    run_before = found.get("run")
    same = isinstance(run_before, dict) and {**run_before, _CODE: run.signature[_CODE]} == run.signature
    require(same, f"{run.out} holds other weights; choose another --out or delete them")
    by = "" if run_before == run.signature else ", by another version of the code"
    say(f"{run.out} was trained before with the same options{by}")
    return found


def _run(run: Run) -> dict[str, object]:
    from fail2progress.cli.training import carry_out, model_for, prepare
    from fail2progress.core.provenance import provenance
    from fail2progress.learning.pretraining.pretrain import pretrained
    from fail2progress.models.checkpoint import save_checkpoint

    before = run.resume.epochs()
    with checked():
        pretrained(model_for(run), run.encoder is None)
    try:
        say("preparing data")
        per_epoch = prepare(run)
        with progress() as bar:
            task = bar.add_task("samples", total=run.epochs * per_epoch, completed=before * per_epoch)
            model, quality = carry_out(run, lambda step: bar.update(task, completed=step.samples, total=step.total))
    except KeyboardInterrupt:
        epochs = run.resume.epochs()
        raise StoppedError(f"stopped after {epochs} of {run.epochs} epochs; the same command goes on from there") from None
    origin = provenance(**run.signature)
    digest = save_checkpoint(model, run.out, {"run": run.signature, "quality": quality.to_dict(), "provenance": origin})
    report = {"model": str(run.out), "digest": digest, **quality.to_dict(), "run": run.signature, "provenance": origin}
    write_json(_report_path(run.out), report)
    run.resume.clear()
    run.codes.unlink(missing_ok=True)
    return dict(json.loads(to_json(report)))


def _report_path(out: Path) -> Path:
    return out.with_suffix(".report.json")
