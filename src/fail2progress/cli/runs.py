"""fail2progress runs: the folders of earlier runs, with their sizes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fail2progress.cli.common import Commands, checked, print_json, require, say, show_lines, show_table, table_of
from fail2progress.cli.plain_text import visible

if TYPE_CHECKING:
    from fail2progress.core.runs import Run, Runs

runs = typer.Typer(cls=Commands, no_args_is_help=True, help="List, show and remove the folders of earlier runs.")
_NAME = typer.Argument(
    None, help="A run: its path, its name as `runs ls` prints it, a part of that, or its kind. Default: the last."
)
_JSON = typer.Option(False, "--json", help="Print as JSON.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(runs, name="runs")


@runs.command()
def ls(as_json: bool = _JSON) -> None:
    """List runs, oldest first, with what they hold and how large they are. Damaged ones are named on standard error.

    Example: fail2progress runs ls
    """
    found, damaged = _all().listed()
    for error in damaged:
        say(f"note: {error}")
    require(bool(found) or not damaged, "none of the runs can be read; the lines above say why")
    rows = [_row(run) for run in found]
    if as_json:
        return print_json(rows)
    if not rows:
        return say("no run in runs yet: `fail2progress demo` makes one")
    table = table_of("run", "started", "failures", "models", "size", "in use", whole=("size",))
    table.columns[1].min_width = len("2026-11-25")  # 80 columns have no room for the time beside it and for the rest
    for row in rows:
        told = dict(_told(row))
        told["in use"] = "yes" if row["in_use"] else ""
        table.add_row(*(told[head] for head in ("run", "started", "failures", "models", "size", "in use")))
    show_table(table)


@runs.command()
def show(name: str | None = _NAME, as_json: bool = _JSON) -> None:
    """Show one run: its folder and what lies in it.

    Example: fail2progress runs show sim
    """
    with checked():
        run = _all().named(name)
    row = _row(run) | {"folder": str(run.folder), "files": sorted(path.name for path in run.folder.iterdir())}
    if as_json:
        return print_json(row)
    show_lines(_told(row))


@runs.command()
def rm(
    names: list[str] = typer.Argument(..., help="Runs, as `runs ls` prints them."),
    force: bool = typer.Option(False, help="Do not ask."),
) -> None:
    """Remove runs with all that lies in them: failures, models, bags, logs. A run in use is refused.

    Example: fail2progress runs rm sim/2026-11-25_223452
    """
    with checked():
        chosen = [_all().named(name) for name in names]
    for run in chosen:
        with checked():
            _all().check_removable(run)
        if force or typer.confirm(visible(f"remove {run.folder} with all that lies in it ({run.size / 1e6:.1f} MB)?"), err=True):
            with checked():
                _all().remove(run)
            say(f"removed {run.folder}")


def _all() -> Runs:
    from fail2progress.core.runs import Runs

    return Runs()


def _row(run: Run) -> dict[str, Any]:
    name = f"{run.kind}/{run.folder.name}"
    models = len(list(run.models.glob("v[0-9]*.safetensors")))
    return {
        "run": name,
        "kind": run.kind,
        "started": run.started,
        "failures": _failures(run.store),
        "models": models,
        "bytes": run.size,
        "in_use": run.in_use,
    }


def _told(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What people read: minutes, megabytes, yes and no."""
    for key, value in row.items():
        if key == "bytes":
            yield "size", f"{value / 1e6:.1f} MB"
        elif key == "started":
            yield key, value[:16].replace("T", " ")
        elif key == "in_use" and value is None:  # files cannot be locked there
            yield "in use", ""
        elif value is None:
            yield key, "unreadable"
        elif isinstance(value, bool):
            yield key.replace("_", " "), "yes" if value else "no"
        else:
            yield key, ", ".join(value) if isinstance(value, list) else str(value)


def _failures(store: Path) -> int | None:
    """How many there are, damaged ones among them; None, and a note, where the store itself cannot be read."""
    from fail2progress.failures.store import FailureStore, StoreError

    try:
        return len(FailureStore(store).ids()) if store.is_file() else 0
    except StoreError as error:
        say(f"note: {error}")
        return None
