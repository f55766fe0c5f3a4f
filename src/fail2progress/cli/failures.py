"""fail2progress failures ls|show|export|browse|rm: the failures that were met."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from fail2progress.cli.common import (
    STORE_OPTION,
    Commands,
    UserError,
    print_json,
    require,
    say,
    show_lines,
    show_table,
    store_of,
    table_of,
    writable,
)
from fail2progress.cli.outputs import check_output
from fail2progress.cli.plain_text import visible

if TYPE_CHECKING:
    from fail2progress.failures.event import FailureEvent, Header
    from fail2progress.failures.report import FailureReport
    from fail2progress.failures.store import FailureStore

failures = typer.Typer(cls=Commands, no_args_is_help=True, help="List, show, export and remove the failures that were met.")
_ID = typer.Argument(None, help="Id of a failure, or an unambiguous beginning of it. Default: the last one.")
_JSON = typer.Option(False, "--json", help="Print as JSON.")
Read = TypeVar("Read")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(failures, name="failures")


@failures.command("ls")
def ls(
    store: Path | None = STORE_OPTION, task: str | None = typer.Option(None, help="Only of this task."), as_json: bool = _JSON
) -> None:
    """List failures, oldest first. Those that cannot be read are named on standard error. --json reads no arrays, as it prints
    none: damage to these is told by `show`.

    Example: fail2progress failures ls --store sim
    """
    from fail2progress.failures.sentences import doing, outcome

    kept = _open(store)

    def told(identity: str) -> tuple[str, ...]:
        event, report = kept.get(identity), kept.report(identity)
        header, category = event.header, report.category.value.replace("_", " ") if report else "not classified"
        time = (header.seen or header.time)[:19].replace("T", " ")
        return header.id[:8], time, doing(event), outcome(event), category

    if as_json:
        rows = _readable(kept, lambda identity: _row(kept.header(identity), kept.report(identity)), task)
        return print_json({"failures": rows})
    found = _readable(kept, told, task)
    if not found:
        return say(f"{kept.path}: no failures{f' of {task}' if task else ''}")
    table = table_of("id", "time", "what the robot did", "what happened", "class")
    for cells in found:
        table.add_row(*cells)
    show_table(table)


@failures.command()
def show(identity: str | None = _ID, store: Path | None = STORE_OPTION, as_json: bool = _JSON) -> None:
    """Show one failure: the goal, the skill call, what was expected and observed, and the classification.

    Example: fail2progress failures show 3f2a
    """
    from fail2progress.failures.lessons import Lessons
    from fail2progress.failures.sentences import story

    kept = _open(store)
    event = kept.get(identity) if identity else kept.latest()
    header, report = event.header, kept.report(event.id)
    if as_json:
        return print_json({**header.model_dump(mode="json"), "report": report.model_dump(mode="json") if report else None})
    told = [("story", sentence) for sentence in story(event, Lessons.beside(kept).of(event.id))]
    show_lines([*told, *_lines(event, report)])


@failures.command()
def export(
    identity: str | None = _ID,
    out: Path = typer.Option(..., help="A new file NAME.npz or NAME.mcap, or a folder, which must not exist or be empty."),
    store: Path | None = STORE_OPTION,
    lerobot: bool = typer.Option(False, "--lerobot", help="A dataset in LeRobot's layout (v3): of one failure, or of all."),
) -> None:
    """Write one failure for others: as one .npz (arrays, JSON texts), as .mcap, or as a folder with a JSON Schema.

    Example: fail2progress failures export 3f2a --out failure/

    Example: fail2progress failures export --lerobot --out dataset/
    """
    from fail2progress.failures import exports

    kept = _open(store)
    if lerobot:
        return _as_dataset(kept, identity, out)
    event = kept.get(identity) if identity else kept.latest()
    report = kept.report(event.id)
    require(out.suffix in ("", ".npz", ".mcap"), f"--out {out}: a folder, or a name that ends in .npz or .mcap")
    writable(out.parent)
    if out.suffix:
        require(not out.exists(), f"--out {out}: is there already; choose another name or delete it")
        exports.WRITERS[out.suffix](out, event, report)
    else:
        _place(out, lambda folder: exports.to_folder(folder, event, report))
    say(f"wrote {out}")


def _as_dataset(kept: FailureStore, identity: str | None, out: Path) -> None:
    """One failure, or all of the store."""
    from fail2progress.failures.lerobot import LeRobotError, to_lerobot

    def entry(name: str) -> tuple[FailureEvent, FailureReport | None]:
        event = kept.get(name)
        return event, kept.report(event.id)

    require(out.suffix == "", f"--out {out}: with --lerobot a folder is written")
    writable(out.parent)
    entries = [entry(identity)] if identity else _readable(kept, entry)
    try:
        _place(out, lambda folder: to_lerobot(folder, entries))
    except LeRobotError as error:
        raise UserError(f"{kept.path}: {error}") from error
    say(f"wrote {out}: {len(entries)} episodes")


def _place(out: Path, write: Callable[[Path], None]) -> None:
    """A folder that is there as a whole or not at all."""
    from fail2progress.core.files import whole_folder

    require(not out.exists() or (out.is_dir() and not any(out.iterdir())), f"--out {out}: there is something already")
    with whole_folder(out) as folder:
        write(folder)


@failures.command()
def browse(
    out: Path = typer.Option(Path("failures.html"), help="The page to write (.html)."),
    store: Path | None = STORE_OPTION,
    task: str | None = typer.Option(None, help="Only of this task."),
) -> None:
    """Write all failures as one page with filters, which needs no server and no network.

    Example: fail2progress failures browse --out failures.html
    """
    from fail2progress.core.files import write_whole
    from fail2progress.failures.lessons import Lessons
    from fail2progress.reporting.failure_browser import Entry, browser

    check_output("--out", out, ".html")
    kept = _open(store)
    lessons = Lessons.beside(kept)
    entries = _readable(kept, lambda name: Entry(kept.get(name), kept.report(name), lessons.of(name)), task)
    write_whole(out, browser(entries))
    say(f"wrote {out}: {len(entries)} failures")


@failures.command()
def rm(
    identity: str = typer.Argument(..., help="Id of a failure, or an unambiguous beginning of it; it may be damaged."),
    store: Path | None = STORE_OPTION,
    force: bool = typer.Option(False, help="Do not ask."),
) -> None:
    """Remove one failure with its report; models that learnt from it stay.

    Example: fail2progress failures rm 3f2a
    """
    kept = _open(store)
    whole = kept.whole_id(identity)
    if force or typer.confirm(visible(f"remove failure {whole} from {kept.path}?"), err=True):
        kept.remove(whole)
        say(f"removed failure {whole}")


def _readable(kept: FailureStore, read: Callable[[str], Read], task: str | None = None) -> list[Read]:
    """What is read of all failures but those that cannot be, which are named; UserError where there are no others."""
    from fail2progress.failures.store import OtherVocabularyError

    found, wrong = kept.readable(read, task)
    for identity, error in wrong.items():
        remove = f"remove it with: fail2progress failures rm {identity} --store {kept.path}"
        mend = "it can be read where its words are known" if isinstance(error, OtherVocabularyError) else remove
        say(f"note: {' '.join(str(error).split())}; it is left out; {mend}")
    require(bool(found) or not wrong, f"{kept.path}: none of its failures can be read; the lines above say why")
    return found


def _open(named: Path | None) -> FailureStore:
    """The store that the user names; none is made where there is none."""
    from fail2progress.failures.store import FailureStore

    return FailureStore(store_of(named))


def _row(header: Header, report: FailureReport | None) -> dict[str, object]:
    names = {"id", "time", "task", "objects", "seed", "step", "call", "mismatches", "model"}
    kind = report.category.value if report else None
    return {**header.model_dump(mode="json", include=names), "seen": header.seen, "class": kind}


def _lines(event: FailureEvent, report: FailureReport | None) -> list[tuple[str, str]]:
    from fail2progress.failures.asset_words import in_words

    header = event.header
    lines = [
        ("failure", header.id),
        ("time", header.time),
        *([("seen", header.seen)] if header.seen is not None else []),
        ("task", f"{header.task}, {header.objects} objects, seed {header.seed}, skill {header.step + 1} of the episode"),
        ("goal", " and ".join(header.goal)),
        ("call", str(header.call.call())),
        ("plan", "; ".join(str(call.call()) for call in header.plan)),
        ("model", header.model[:12]),
        *(("differed", str(mismatch)) for mismatch in header.mismatches),
    ]
    if report is None:
        return [*lines, ("class", "not classified")]
    lines.append(("class", f"{report.category.value} (confidence {report.confidence:.2f}, {report.repetitions} repetitions)"))
    lines += [("reason", report.reason)] if report.reason else []
    lines += [("evidence", str(difference)) for difference in report.differences]
    lines += [("asset", text) for text in in_words(event, report)]
    return lines + [("signal", str(signal)) for signal in report.signals]
