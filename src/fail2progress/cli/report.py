"""fail2progress report: what a run did, as a page and as a moving picture."""

from __future__ import annotations

from pathlib import Path

import typer

from fail2progress.cli.common import UserError, console, require, run_of, say, writable
from fail2progress.core.files import write_whole
from fail2progress.core.runs import STORE


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    run: str | None = typer.Argument(None, help="A run (runs ls), or the folder of a stack (state_dir). Default: the last run."),
    out: Path | None = typer.Option(None, help="Where to write it; default: report.html in the folder."),
    film: Path | None = typer.Option(None, help="Write a moving picture (.gif) of the last failure that was learnt, instead."),
) -> None:
    """Write the HTML report of a run: failures, why, what was learnt, how it went on.

    Example: fail2progress report sim

    Example: fail2progress report --film learnt.gif
    """
    folder = run_of(run, STORE).folder
    require((folder / "failures.sqlite").is_file(), f"{folder}: no stack has run here (no failures.sqlite)")
    if film is not None:
        return _film(folder, film)
    page = folder / "report.html"
    if out is None and page.is_file() and not (folder / "log").is_dir():
        return say(f"report: {page} (as the demo wrote it)")
    write_report(folder, out)


def write_report(folder: Path, out: Path | None) -> None:
    """The page of a stack's folder."""
    from fail2progress.reporting.stack_report import html

    page = out or folder / "report.html"
    with console().status("writing the report"):
        content = html(folder)
    page.parent.mkdir(parents=True, exist_ok=True)
    write_whole(page, content)
    say(f"report: {page}")


def _film(folder: Path, out: Path) -> None:
    from fail2progress.failures.store import FailureStore
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.models.store import Registry
    from fail2progress.reporting.film import film

    require(out.suffix == ".gif", f"--film {out}: the name ends in .gif")
    writable(out.parent)
    store, models = FailureStore(folder / "failures.sqlite"), Registry(folder / "models")
    learnt = [found for version in models.versions() if "event" in (found := load_checkpoint(models.path(version))).note]
    if not learnt:
        raise UserError(f"{folder}: nothing was learnt here that could be shown")
    after = learnt[-1]
    with console().status("rendering"):
        before = load_checkpoint(models.path(str(after.note["parent_version"]))).model
        content = film(store.get(str(after.note["event"])), before, after.model, _learnt(after.note))
    write_whole(out, content)
    say(f"wrote {out} ({len(content) / 1e6:.1f} MB)")


def _learnt(note: dict[str, object]) -> str:
    """How the model learnt, in one line."""
    dataset, seconds = note.get("dataset"), note.get("seconds")
    samples = dataset["samples"] if isinstance(dataset, dict) else "some"
    spent = f": {sum(seconds.values()):.0f} s" if isinstance(seconds, dict) else ""
    return f"It learns from {samples} scenes like this one, made in simulation{spent}"
