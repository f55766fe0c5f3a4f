"""fail2progress gaps ls|show: what the pipeline assumed, left out or could not do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from fail2progress.cli.common import Commands, UserError, print_json, require, table_console

if TYPE_CHECKING:
    from fail2progress.core.gaps import Gap

gaps = typer.Typer(cls=Commands, no_args_is_help=True, help="Gaps of the pipeline: what it assumed, left out or could not do.")
_FILE = typer.Option(Path("runs/pipeline_gaps.json"), "--file", help="A file of gaps, or the folder of an exported failure.")
_JSON = typer.Option(False, "--json", help="Print as JSON.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(gaps, name="gaps")


@gaps.command("ls")
def ls(file: Path = _FILE, kind: str | None = typer.Option(None, help="Only of this kind."), as_json: bool = _JSON) -> None:
    """List gaps, the gravest first.

    Example: fail2progress gaps ls --file failure/
    """
    found = sorted((gap for gap in _read(file) if kind in (None, gap.kind)), key=lambda gap: (-gap.severity, -gap.count))
    if as_json:
        return print_json([gap.model_dump(mode="json") for gap in found])
    table = Table("id", "severity", "kind", "count", "what", "where")
    for gap in found:
        table.add_row(gap.id[:8], str(gap.severity), gap.kind, str(gap.count), gap.what, gap.where)
    table_console().print(table)


@gaps.command()
def show(
    identity: str = typer.Argument(..., help="Id of a gap, or its beginning."), file: Path = _FILE, as_json: bool = _JSON
) -> None:
    """Show one gap with its evidence.

    Example: fail2progress gaps show 3f2a
    """
    found = [gap for gap in _read(file) if gap.id.startswith(identity)]
    require(len(found) == 1, f"{file}: {len(found) or 'no'} gaps whose id begins with {identity!r}; list them with: gaps ls")
    if as_json:
        return print_json(found[0].model_dump(mode="json"))
    for name, value in found[0].model_dump(mode="json").items():
        typer.echo(f"{name:14} {value}")


def _read(path: Path) -> tuple[Gap, ...]:
    from fail2progress.core.gaps import FILE, GapError, read

    path = path / FILE if path.is_dir() else path
    require(path.is_file(), f"{path}: no gaps here; `assets check` and `failures export` write them")
    try:
        return read(path)
    except GapError as error:
        raise UserError(str(error)) from error
