"""fail2progress rehearsal: what every lesson rehearses, and what it is asked whether it forgot."""

from __future__ import annotations

from pathlib import Path

import typer

from fail2progress.cli.common import checked, print_json, require, say, writable
from fail2progress.cli.limits import MOST_SEED


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(rehearsal)


def rehearsal(
    data: Path = typer.Option(..., exists=True, file_okay=False, help="Executions that no model was trained on (`generate`)."),
    out: Path = typer.Option(..., help="File to write (.safetensors), for `learn --rehearsal`; its shape codes lie beside it."),
    model: Path | None = typer.Option(None, help="Weights (.safetensors) whose encoder makes these; default: the package's."),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="Of the order in which executions are drawn."),
    as_json: bool = typer.Option(False, "--json", help="Print what was drawn as JSON."),
) -> None:
    """Draw the executions that lessons rehearse, and others by which they are asked what they forgot.

    Example: fail2progress generate --executions 1300 --seed 77 --out runs/unseen
    && fail2progress rehearsal --data runs/unseen --out runs/rehearsal.safetensors
    """
    from fail2progress.learning.finetuning.rehearsal import codes_of, keep, unseen
    from fail2progress.learning.pretraining.pretrain import prepared
    from fail2progress.learning.pretraining.shards import open_dataset
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint

    require(out.suffix == ".safetensors", f"--out {out}: the name of a rehearsal set ends in .safetensors")
    require(not out.exists(), f"--out {out} exists; choose another name or delete it")
    writable(out.parent)
    encoding = load_checkpoint(model or weights.path(weights.RELATIONAL)).model
    with checked():
        kept = unseen(prepared(open_dataset(data), data / "transitions.safetensors"), seed)
    keep(kept, out, encoding)
    say(f"{out}: {len(kept.replay)} executions for replay, {len(kept.held_out)} held out")
    if as_json:
        files = {"rehearsal": str(out), "codes": str(codes_of(out))}
        print_json({**files, "replay": len(kept.replay), "held_out": len(kept.held_out), "encoder": encoding.encoder_digest()})
