"""fail2progress gaps ls|show: what the pipeline assumed, left out or could not do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import Commands, UserError, print_json, require, run_of, say, show_table, table_of
from fail2progress.cli.plain_text import visible

if TYPE_CHECKING:
    from fail2progress.core.gaps import Gap

gaps = typer.Typer(cls=Commands, no_args_is_help=True, help="Gaps of the pipeline: what it assumed, left out or could not do.")
_FILE = typer.Option(None, "--file", help="A file of gaps, or a folder that holds one. Default: those of the last run.")
_RUN = typer.Option(None, "--run", help="Which run's gaps (runs ls); default: the last run's.")
_JSON = typer.Option(False, "--json", help="Print as JSON.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(gaps, name="gaps")


@gaps.command("ls")
def ls(
    run: str | None = _RUN,
    file: Path | None = _FILE,
    kind: str | None = typer.Option(None, help="Only of this kind."),
    as_json: bool = _JSON,
) -> None:
    """List gaps, the gravest first.

    Example: fail2progress gaps ls --file failure/
    """
    from fail2progress.core.gaps import KINDS
    from fail2progress.core.names import unknown

    require(kind is None or kind in KINDS, unknown("kind", str(kind), KINDS))
    found = sorted((gap for gap in _read(file, run) if kind in (None, gap.kind)), key=lambda gap: (-gap.severity, -gap.count))
    if as_json:
        return print_json([gap.model_dump(mode="json") for gap in found])
    if not found:
        return say(f"no gaps{f' of kind {kind}' if kind else ''}")
    table = table_of("id", "severity", "kind", "count", "what", "where")
    for gap in found:
        table.add_row(gap.id[:8], str(gap.severity), gap.kind, str(gap.count), gap.what, gap.where)
    show_table(table)


@gaps.command()
def show(
    identity: str = typer.Argument(..., help="Id of a gap, or its beginning."),
    run: str | None = _RUN,
    file: Path | None = _FILE,
    as_json: bool = _JSON,
) -> None:
    """Show one gap with its evidence.

    Example: fail2progress gaps show 3f2a
    """
    found = [gap for gap in _read(file, run) if gap.id.startswith(identity)]
    place = file or run or "the last run"
    require(len(found) == 1, f"{place}: {len(found) or 'no'} gaps whose id begins with {identity!r}; list them with: gaps ls")
    if as_json:
        return print_json(found[0].model_dump(mode="json"))
    for name, value in found[0].model_dump(mode="json").items():
        typer.echo(visible(f"{name:14} {value}"))


def _read(named: Path | None, run: str | None) -> tuple[Gap, ...]:
    """The gaps of a file or of a run, which may have noted none."""
    from fail2progress.core.gaps import FILE, GapError, read

    path = named or run_of(run).folder
    path = path / FILE if path.is_dir() else path
    if named is None and not path.exists():
        say(f"{path.parent}: no gap was noted; gaps are noted when a failure is classified, and by `assets check`")
        return ()
    require(path.is_file(), f"{path}: no gaps here; runs that classify failures, `assets check` and `failures export` write them")
    try:
        return read(path)
    except GapError as error:
        raise UserError(str(error)) from error
