"""fail2progress corrections ls|show|undo: how skills are carried out differently since they failed, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import Commands, checked, print_json, require, run_of, say, show_lines, show_table, table_of

if TYPE_CHECKING:
    from fail2progress.failures.corrections import Corrector
    from fail2progress.failures.edits import Corrections

corrections = typer.Typer(
    cls=Commands, no_args_is_help=True, help="Corrections of skills between episodes: list them, show one, take one back."
)
_RUN = typer.Option(None, "--run", help="Which run's corrections (runs ls); default: the last run's.")
_FILE = typer.Option(None, "--file", help="A file of corrections; default: the run's.")
_NUMBER = typer.Argument(..., help="Number of a correction (corrections ls).")
_JSON = typer.Option(False, "--json", help="Print as JSON.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(corrections, name="corrections")


@corrections.command("ls")
def ls(run: str | None = _RUN, file: Path | None = _FILE, as_json: bool = _JSON) -> None:
    """List corrections, oldest first: what was changed, for which failure, and whether it helped.

    Example: fail2progress corrections ls --run sim
    """
    found = _read(_corrector(run, file))
    if as_json:
        return print_json([one.model_dump(mode="json") for one in found.corrections])
    table = table_of("number", "adjusts", "from", "to", "for", "failure", "status", whole=("failure", "status"))
    for one in found.corrections:
        cells = (str(one.number), f"{one.skill}.{one.adjustable}", f"{one.before:g}", f"{one.after:g}", one.signal)
        table.add_row(*cells, one.failure[:8], one.status)
    if found.corrections:
        show_table(table)
    for skill, values in found.adjustments.items():
        say(f"in use: {skill} {', '.join(f'{name} {value:+g}' for name, value in values.items())}")


@corrections.command()
def show(number: int = _NUMBER, run: str | None = _RUN, file: Path | None = _FILE, as_json: bool = _JSON) -> None:
    """Show one correction with the bounds that its skill sets.

    Example: fail2progress corrections show 2
    """
    from fail2progress.skills.adjustments import adjustable

    corrector = _corrector(run, file)
    rows = [one for one in _read(corrector).corrections if one.number == number]
    require(bool(rows), f"{corrector.path}: no correction {number}; list them with: corrections ls")
    bounds = adjustable(rows[0].skill, rows[0].adjustable)
    row = rows[0].model_dump(mode="json")
    row |= {"bounds": [bounds.low, bounds.high], "step": bounds.step, "unit": bounds.unit} if bounds else {}
    if as_json:
        return print_json(row)
    show_lines((name, str(value)) for name, value in row.items())


@corrections.command()
def undo(number: int = _NUMBER, run: str | None = _RUN, file: Path | None = _FILE) -> None:
    """Take a correction back, with later ones of the same adjustable. The next episode is carried out without it.

    Example: fail2progress corrections undo 2
    """
    corrector = _corrector(run, file)
    with checked():
        corrector.undo(number)
    say(f"correction {number} in {corrector.path} is undone")


def _corrector(run: str | None, file: Path | None) -> Corrector:
    """The file that the user names, or the run's, which may have made none."""
    from fail2progress.failures.corrections import FILE, Corrector

    path = file or run_of(run).folder / FILE
    if file is None and not path.exists():
        say(f"{path.parent}: no corrections yet; a skill that fails otherwise than simulated makes one")
        return Corrector(path)
    require(path.is_file(), f"{path}: no corrections here; a run writes them when a skill failed otherwise than simulated")
    return Corrector(path)


def _read(corrector: Corrector) -> Corrections:
    with checked():
        return corrector.read()
