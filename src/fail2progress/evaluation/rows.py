"""Rows of a long study, one JSON line each, written as they come: an interrupted study goes on where it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from fail2progress.core.files import write_whole

Row = dict[str, Any]


class RowsError(ValueError):
    """A file that is not a file of rows, or that another study wrote."""


class Rows:
    """Rows with a key each, in a file whose first line says which study they belong to."""

    def __init__(self, path: Path, run: dict[str, object], beside: tuple[str, ...] = ()) -> None:
        """beside: names of what the study keeps in the same folder and adds to, to be deleted with the rows."""
        self.path, self.run, self.beside = path, run, beside
        self.by_key: dict[str, Row] = {}
        if path.exists():
            self._read()
        else:
            write_whole(path, json.dumps({"run": run}) + "\n")

    def _read(self) -> None:
        text = self.path.read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines()
        try:
            run = json.loads(lines[0])["run"]
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise RowsError(f"{self.path}: no rows of a study ({error!r}); delete {self._all()} to start again") from error
        wanted = json.loads(json.dumps(self.run))
        if run != wanted:
            kind = f"another run ({run})" if {**run, "code": wanted.get("code")} != wanted else "an earlier version of the code"
            raise RowsError(f"{self.path}: rows of {kind}; use another folder or delete {self._all()}")
        for line in lines[1:]:
            try:
                row = dict(json.loads(line))
                self.by_key[str(row["key"])] = row
            except (ValueError, TypeError, KeyError):
                continue  # cut short when the process was ended; it is made again
        if not text.endswith("\n"):  # the next row gets a line of its own
            write_whole(self.path, "".join(f"{line}\n" for line in [lines[0], *map(json.dumps, self.by_key.values())]))

    def _all(self) -> str:
        """What is deleted for a new beginning."""
        return " and ".join(("it", *self.beside))

    def add(self, row: Row) -> None:
        """Keep a row, on disk before anything else happens. OSError where it cannot be written."""
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.by_key[str(row["key"])] = row
