"""Rows of a command's work, kept until it is finished: after Ctrl-C or kill -9 the same command goes on from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fail2progress.cli.common import UserError, say
from fail2progress.core.files import InUseError, taken
from fail2progress.core.provenance import EVERYTHING, code_version
from fail2progress.core.runs import ROOT
from fail2progress.evaluation.rows import Row, Rows, RowsError


@contextmanager
def unfinished(command: str, beside: Path | None, **signature: object) -> Iterator[Rows]:
    """The rows that earlier calls of the same command left: those by the same code, whose signature, which decides the result, is
    the same. They are held until the end: UserError where the same command is at work there.

    They lie beside the command's output, or in runs/ where it has none; if nothing can be written there, they are not kept.
    """
    run = json.loads(json.dumps({"command": command, "code": code_version(EVERYTHING), **signature}, default=str))
    name = hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()[:12]
    path = (beside.parent if beside is not None else ROOT) / f".{command}.{name}.unfinished"
    with ExitStack() as stack:
        yield _kept(path, run, beside is None, stack)


def _kept(path: Path, run: dict[str, object], anywhere: bool, stack: ExitStack) -> Rows:
    """`anywhere`: in memory alone where nothing can be written."""
    try:
        stack.enter_context(taken(path))
        return _begun(path, run)
    except InUseError:
        said = f"{path.parent}: the same command is at work there (its rows: {path.name})"
        raise UserError(f"{said}; wait for its end, or choose another --out") from None
    except OSError as error:
        if not anywhere:
            raise
        said = f"{path.parent}: cannot be written ({error.strerror or error})"
        say(f"note: {said}; if this command is stopped, what it did is lost")
        return _Unkept(path, run)


def _begun(path: Path, run: dict[str, object]) -> Rows:
    try:
        return Rows(path, run)
    except RowsError:
        path.unlink()
        return Rows(path, run)


class _Unkept(Rows):
    """Rows in memory alone."""

    def __init__(self, path: Path, run: dict[str, object]) -> None:
        self.path, self.run, self.by_key = path, run, {}

    def add(self, row: Row) -> None:
        """See Rows."""
        self.by_key[str(row["key"])] = row


def finished(rows: Rows) -> None:
    """The work is done and told."""
    if not isinstance(rows, _Unkept):
        rows.path.unlink(missing_ok=True)
