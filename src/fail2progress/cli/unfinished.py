"""Rows of a command's work, kept until it is finished: after Ctrl-C or kill -9 the same command goes on from there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from fail2progress.core.runs import ROOT
from fail2progress.evaluation.rows import Rows, RowsError
from fail2progress.evaluation.studies.cells import code_version

_ALL = ("",)
"""All of the package's source."""


def unfinished(command: str, beside: Path | None, **signature: object) -> Rows:
    """The rows that earlier calls of the same command left: those by the same code, whose signature, which decides the result, is
    the same.

    They lie beside the command's output, or in runs/ where it has none.
    """
    run = json.loads(json.dumps({"command": command, "code": code_version(_ALL), **signature}, default=str))
    name = hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()[:12]
    path = (beside.parent if beside is not None else ROOT) / f".{command}.{name}.unfinished"
    try:
        return Rows(path, run)
    except RowsError:
        path.unlink()
        return Rows(path, run)


def finished(rows: Rows) -> None:
    """The work is done and told."""
    rows.path.unlink(missing_ok=True)
