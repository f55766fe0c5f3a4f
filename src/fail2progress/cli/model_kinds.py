"""fail2progress models kinds: the skill effect models there are."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from fail2progress.cli.common import print_json, show_table, table_of
from fail2progress.cli.models import models


def register(app: typer.Typer) -> None:
    """Add the command to the group `models`."""
    models.command()(kinds)


def kinds(as_json: bool = typer.Option(False, "--json", help="Print a list of objects as JSON.")) -> None:
    """List the models of this package and of others, what they can do, their variants, and the package's weights of them.

    Example: fail2progress models kinds --json
    """
    found = [_described(name) for name in _names()]
    if as_json:
        print_json(found)
        return
    table = table_of("model", "can", "variants", "weights", "from")
    for one in found:
        cells = (one[key] for key in ("name", "capabilities", "variants", "weights", "source"))
        table.add_row(*(", ".join(cell) if isinstance(cell, list) else str(cell) for cell in cells))
    show_table(table)


def _names() -> tuple[str, ...]:
    from fail2progress.models.registry import MODELS

    return MODELS.names()


def _described(name: str) -> dict[str, object]:
    from fail2progress.models.registry import MODELS, capabilities

    model = MODELS.get(name)
    return {
        "name": name,
        "summary": model.summary,
        "source": MODELS.source(name),
        "capabilities": capabilities(model),
        "variants": list(model.variants),
        "weights": [path.name for path in _weights(name)],
    }


def _weights(name: str) -> list[Path]:
    """The package's weights of a model."""
    from fail2progress.models import weights

    notes = sorted(weights.folder().glob("*.json"))
    of = {path: json.loads(path.read_text()).get("model") for path in notes}
    return [path.with_suffix(".safetensors") for path in notes if of[path] == name and path.with_suffix(".safetensors").exists()]
