"""fail2progress report: what a run did, as a page and as a moving picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import UserError, checked, console, require, run_of, say
from fail2progress.cli.outputs import check_output
from fail2progress.core.files import write_whole
from fail2progress.core.runs import ABOUT, MODELS, STORE

if TYPE_CHECKING:
    from fail2progress.evaluation.stack_run import StackRun
    from fail2progress.failures.event import FailureEvent
    from fail2progress.models.checkpoint import Checkpoint


PAGE = "report.html"
OF_THE_DEMO = "demo.html"
"""The page that a demo wrote, once another one is in its place."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    run: str | None = typer.Argument(
        None, help="A run (runs ls), the folder of a stack (state_dir), or a folder of studies' reports. Default: the last run."
    ),
    out: Path | None = typer.Option(None, help="Where to write it; default: report.html, of studies index.html, in the folder."),
    film: Path | None = typer.Option(None, help="Write a moving picture (.gif) of the last failure that was learnt, instead."),
) -> None:
    """Write the HTML report of a run: failures, why, what was learnt, how it went on. The page of a demo, which tells more of its
    one failure, stays while nothing is newer or damaged, and is kept as demo.html then.

    Of a folder of studies' reports (NAME.json, as `reproduce` writes them) it writes each as NAME.md and all as one page. What
    stands in NAME.lead.md comes before each.

    Example: fail2progress report sim

    Example: fail2progress report docs/reports/study --out docs/reports/study/study.html

    Example: fail2progress report --film learnt.gif
    """
    studies = _studies(run)
    if studies is not None:
        require(film is None, f"--film {film}: {studies} holds studies, of which there is no moving picture; leave it out")
        return _write_studies(studies, out or studies / "index.html")
    chosen = run_of(run, STORE)
    folder = chosen.folder
    require((folder / "failures.sqlite").is_file(), f"{folder}: no stack has run here (no failures.sqlite)")
    if film is not None:
        return _film(folder, film)
    page = folder / PAGE
    by_demo = chosen.kind == "demo" or (chosen.kind == "run" and (folder / "events.jsonl").is_file())  # without its run.json
    if out is None and by_demo and page.is_file() and not (folder / OF_THE_DEMO).exists():
        if not _outdated(page):
            return say(f"report: {page} (as the demo wrote it)")
        write_whole(folder / OF_THE_DEMO, page.read_bytes())
        say(f"{folder / OF_THE_DEMO}: the page that the demo wrote, as it was")
    write_report(folder, out)


def _outdated(page: Path) -> bool:
    """Whether anything that a run's page shows is newer than it, or damaged. StoreError where the failures cannot be read."""
    from fail2progress.evaluation.stack_run import read_run

    run, written = read_run(page.parent), page.stat().st_mtime_ns
    shown = [*page.parent.glob(f"{STORE}*"), *(page.parent / MODELS).glob("*")]
    return bool(run.damaged or run.damaged_beside) or any(path.stat().st_mtime_ns > written for path in shown)


def _studies(run: str | None) -> Path | None:
    """The folder that a user names, if it holds reports of studies and is no run's."""
    folder = Path(run) if run is not None else None
    if folder is None or not folder.is_dir() or (folder / STORE).is_file() or not any(folder.glob("*.json")):
        return None
    return folder if not (folder / ABOUT).is_file() else None


def _write_studies(folder: Path, page: Path) -> None:
    from fail2progress.reporting.study_folder import write

    check_output("--out", page, ".html")
    with checked(), console().status("writing the report"):
        write(folder, page)
    say(f"report: {page}")


def write_report(folder: Path, out: Path | None) -> StackRun:
    """Write the page of a stack's folder; what was read for it. What is left out of it is named on standard error, too."""
    from fail2progress.evaluation.stack_run import read_run
    from fail2progress.reporting.stack_report import html

    page = out or folder / PAGE
    check_output("--out", page, ".html")
    with console().status("writing the report"):
        run = read_run(folder)
        content = html(run)
    write_whole(page, content)
    for reason in (*run.damaged, *run.damaged_beside):
        say(f"note: {' '.join(reason.split())}; it is left out")
    say(f"report: {page}")
    return run


def _film(folder: Path, out: Path) -> None:
    from fail2progress.reporting.film import film

    check_output("--film", out, ".gif")
    event, before, after = _last_lesson(folder)
    with console().status("rendering"):
        content = film(event, before.model, after.model, _learnt(after.note))
    write_whole(out, content)
    say(f"wrote {out} ({len(content) / 1e6:.1f} MB)")


def _last_lesson(folder: Path) -> tuple[FailureEvent, Checkpoint, Checkpoint]:
    """The last failure that was learnt from, and the models before and after. What is damaged is named and left out; UserError
    where nothing is left."""
    from fail2progress.failures.store import FailureStore, StoreError
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.models.notes import CheckpointError
    from fail2progress.models.store import Registry
    from fail2progress.models.version_notes import noted_version

    store, models = FailureStore(folder / STORE), Registry(folder / MODELS)
    for version in reversed(models.versions()):
        try:
            note = noted_version(models.path(version))
            if note.get("event") and note.get("parent_version"):
                before, after = (load_checkpoint(models.path(name)) for name in (note["parent_version"], version))
                return store.get(note["event"]), before, after
        except (CheckpointError, StoreError) as error:
            say(f"note: {' '.join(str(error).split())}; {version} is left out")
    raise UserError(f"{folder}: nothing was learnt here that could be shown")


def _learnt(note: dict[str, object]) -> str:
    """How the model learnt, in one line."""
    dataset, seconds = note.get("dataset"), note.get("seconds")
    samples = dataset.get("samples", "some") if isinstance(dataset, dict) else "some"
    spent = f": {sum(seconds.values()):.0f} s" if isinstance(seconds, dict) else ""
    return f"It learns from {samples} scenes like this one, made in simulation{spent}"
