"""What the commands share: mistakes told in one line, progress on standard error, JSON alone on standard output.

Exit codes: 0 done, 1 the work ran and failed, 2 the user's mistake, 130 stopped by Ctrl-C.
Commands import the rooms that they need when they run, so that help and `doctor` work where torch or MuJoCo do not.
"""

from __future__ import annotations

import json
import math
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from fail2progress.cli.lacking import of_the_work
from fail2progress.cli.plain_text import PlainTable, visible
from fail2progress.core.files import try_out, write_whole
from fail2progress.core.runs import STORE, Run, Runs
from fail2progress.core.streams import say_line

FAILED = 1
MISTAKE = 2
STOPPED = 130
_PIPED = 200
"""Columns of a table in a pipe, at most."""

# typer brings its own copy of click from some version on and exports only this class of its usage errors.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


class UserError(Exception):
    """The user's mistake, in one line: exit code 2."""


class WorkError(Exception):
    """The work ran and failed, in one line: exit code 1."""


class StoppedError(Exception):
    """Ctrl-C came; in one line what is kept and how to go on: exit code 130."""


class Commands(TyperGroup):
    """A group whose commands never end in a traceback for what a user can set right."""

    def invoke(self, ctx: Any) -> Any:
        """See click.Group."""
        with told_in_one_line(ctx.args):
            return super().invoke(ctx)


@contextmanager
def told_in_one_line(words: Sequence[str] = ()) -> Iterator[None]:
    """The one place that turns errors into a line on standard error and an exit code; programming errors pass through.

    `words` are what the user typed, to name the value that is wrong.
    """
    try:
        yield
    except UserError as error:
        _end(str(error), _code(error))
    except WorkError as error:
        _end(str(error), FAILED)
    except StoppedError as error:
        _end(str(error), STOPPED)
    except KeyboardInterrupt:
        _end("stopped", STOPPED)
    except BrokenPipeError:
        raise
    except (OSError, sqlite3.Error) as error:
        lacks = error.filename if isinstance(error, FileNotFoundError) else None
        _end(f"there is no {lacks}" if lacks else str(error), _code(error))
    except EOFError as error:
        _end(f"a file is empty or cut short ({error or 'it ends too early'})", MISTAKE)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fail2progress"):
            raise
        _end(f"the package {error.name} is missing; see: fail2progress doctor", MISTAKE)
    except (ValueError, UsageError) as error:
        _end(_mistake(error, words), _code(error))


def _mistake(error: Exception, words: Sequence[str]) -> str:
    """What to say of bad input. Any other ValueError is a programming error and is raised again."""
    if isinstance(error, UsageError):
        return _usage(error, words)
    from fail2progress.cli.mistakes import MISTAKES

    if isinstance(error, MISTAKES):
        return str(error)
    raise error


def _usage(error: Exception, words: Sequence[str]) -> str:
    if type(error).__name__ == "NoArgsIsHelpError":  # shows the help
        raise error
    said = str(getattr(error, "format_message", lambda: error)()) + _typed(error, words)
    context = getattr(error, "ctx", None)
    return f"{said.rstrip('.')}. See: {context.command_path} --help" if context else said


def _typed(error: Exception, words: Sequence[str]) -> str:
    """The value that an option was given, where the option is wrong."""
    names = getattr(getattr(error, "param", None), "opts", ())
    given = [word.partition("=")[2] if "=" in word else following for word, following in pairwise([*words, ""])
             if word.partition("=")[0] in names]  # fmt: skip
    return f", got {given[-1]!r}" if given and type(error).__name__ == "BadParameter" else ""


def _code(error: Exception) -> int:
    """What the computer lacks, as room on its disk, is no mistake of the user, whoever tells of it."""
    return FAILED if of_the_work(error) else MISTAKE


def _end(message: str, code: int) -> NoReturn:
    say("fail2progress: " + " ".join(message.split()))
    raise typer.Exit(code)


@contextmanager
def checked() -> Iterator[None]:
    """Around look-ups of what the user named: their ValueErrors are the user's mistakes."""
    try:
        yield
    except ValueError as error:
        raise UserError(str(error)) from error


@contextmanager
def stopped_with(message: str) -> Iterator[None]:
    """Around work that Ctrl-C may end: what is kept then, and how it goes on."""
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(f"stopped; {message}") from None


def require(condition: bool, message: str) -> None:
    """UserError unless a condition holds."""
    if not condition:
        raise UserError(message)


def filled(option: str, text: str | None) -> str:
    """What an option says, empty where it was left out. UserError where it was given but says nothing."""
    require(text is None or bool(text.strip()), f'{option} "" says nothing: leave it out, or see --help for what it takes')
    return text or ""


def run_of(name: str | None, needed: str = "") -> Run:
    """The run that a user names, or the last one; where that was stopped before it made what is needed, the last that did."""
    with checked():
        run = Runs().named(name)
        made = [] if name is not None else [each for each in Runs().listed()[0] if (each.folder / needed).exists()]
    if not made or (run.folder / needed).exists():
        return run
    say(f"note: {run.folder} has no {needed}; this is of {made[-1].folder}")
    return made[-1]


STORE_OPTION = typer.Option(
    None, "--store", "--run", help="Where the failures are kept: a file, or a run (runs ls). Default: the last run's."
)


def store_of(named: Path | None) -> Path:
    """The failure store that a user names by its file or its run, or the last run's; UserError where there is none."""
    if (
        named is not None
        and not named.is_dir()
        and (named.suffix or named.is_file() or named.is_absolute() or not Runs().listed()[0])
    ):
        path = named
    else:
        path = run_of(str(named) if named is not None else None, STORE).store
    require(path.is_file(), f"{path}: no failure store here; name a run (runs ls) or a file with --run or --store")
    log = path.with_name(f"{path.name}-wal")  # a writer that was killed may have left everything there
    filled = path.stat().st_size or (log.is_file() and log.stat().st_size)
    require(bool(filled), f"{path}: is an empty file, no failure store; name a run (runs ls) or a file with --run or --store")
    return path


def writable(folder: Path, told: object = None, alone: bool = False, files: Sequence[Path] = ()) -> None:
    """Make a folder and try it out before hours of work; UserError, about what is `told`, where nothing can be written there.

    alone, files: see core.files.try_out.
    """
    for place in (folder, *folder.parents):
        require(not place.exists() or place.is_dir(), f"{place}: is a file; a folder is needed for what is written there")
    try:
        try_out(folder, alone, files)
    except OSError as error:
        file = next((path for path in files if str(path) == str(error.filename)), folder)
        raise UserError(f"{told or file}: cannot be written ({error.strerror or error})") from error


def shown(path: Path) -> str:
    """A path for a report: relative to the working folder where it lies below it, so that reports name no one's home."""
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else str(path)


def say(message: str) -> None:
    """As `say_line`; what a terminal would obey is spelt out."""
    say_line(visible(message))


def console() -> Console:
    """Standard error."""
    return Console(stderr=True)


def table_of(*heads: str, whole: Sequence[str] = ()) -> PlainTable:
    """An empty table. Its first column, and those named in `whole`, are never wrapped: they hold ids and names."""
    made = PlainTable(box=SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        longest = max(map(len, head.split()), default=0)
        made.add_column(head, no_wrap=head in (heads[0], *whole), overflow="fold", min_width=longest)
    return made


def show_table(made: Table) -> None:
    """Print a table on standard output, as wide as the terminal; in a pipe so wide that names stay whole."""
    Console(width=None if _in_terminal() else _PIPED).print(made)


def _in_terminal() -> bool:
    """Whether standard output is a terminal; it is not where it was closed from the first."""
    return sys.stdout is not None and sys.stdout.isatty()


def show_lines(lines: Iterable[tuple[str, str]]) -> None:
    """Names and values on standard output: wrapped beside each other in a terminal, a line each in a pipe."""
    if not _in_terminal():
        for name, value in lines:
            typer.echo(visible(f"{name:16} {value}"))
        return
    grid = PlainTable.grid(padding=(0, 2))
    for name, value in lines:
        grid.add_row(name, value)
    show_table(grid)


def print_json(value: object) -> None:
    """JSON alone on standard output; what is not a number (NaN) becomes null. Nothing where that was closed from the first."""
    if sys.stdout is not None:
        sys.stdout.write(to_json(value) + "\n")


def write_json(path: Path, value: object) -> None:
    """A report, whole or not at all."""
    write_whole(path, to_json(value) + "\n")


def to_json(value: object) -> str:
    """Indented JSON of dictionaries, sequences and numbers; paths as text."""
    return json.dumps(_plain(value), indent=1, allow_nan=False, default=str)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
