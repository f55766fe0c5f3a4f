"""Corrections of skills between episodes, kept in a file of the run's folder, one row for each, never deleted.

Which edits are made and what becomes of them is told in `failures.edits`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from fail2progress.core.files import guarded, write_whole
from fail2progress.failures.edits import SCHEMA_VERSION, Corrections, Execution, answered, reviewed, same_adjustable

FILE = "corrections.json"


class CorrectionError(ValueError):
    """A file of corrections that cannot be read, or a correction that there is not."""


@dataclass(frozen=True)
class Corrector:
    """Keeps corrections in a file, of which a process at a time changes what is there; `executed` is told, after an episode, of
    every skill that was carried out, in order."""

    path: Path

    def read(self) -> Corrections:
        """The corrections there are, none where there is no file. CorrectionError where it cannot be read."""
        if not self.path.exists():
            return Corrections()
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            version = content.get("schema_version") if isinstance(content, dict) else None
            if version != SCHEMA_VERSION:
                raise CorrectionError(
                    f"{self.path}: corrections of schema {version}, this version reads {SCHEMA_VERSION}; move the file away"
                )
            return Corrections.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            said = first["msg"].removeprefix("Value error, ")
            raise CorrectionError(f"{self.path}: {where}: {said}" if where else f"{self.path}: {said}") from error
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise CorrectionError(f"{self.path}: cannot be read ({error})") from error

    def write(self, corrections: Corrections) -> None:
        """Replace the file as a whole."""
        write_whole(self.path, corrections.model_dump_json(indent=1) + "\n")

    def executed(self, done: Sequence[Execution], began: Corrections | None = None) -> Corrections:
        """Judge what an episode had on trial by its executions, and answer their failures by at most one edit for each skill.

        began: the corrections that it began with, which were in force until its end; None: those that there are. Of a skill that
        has been given other ones since, as by hand, nothing is judged nor answered.
        """

        def judged(found: Corrections) -> Corrections:
            since = found if began is None else began
            after = found
            for skill in dict.fromkeys(one.skill for one in done):
                if found.adjustments.get(skill) == since.adjustments.get(skill):
                    mine = [one for one in done if one.skill == skill and one.tells]
                    after, told = reviewed(after, [one for one in since.on_trial(skill) if one in found.corrections], mine)
                    after = answered(after, skill, told)
            return after

        return self._changed(judged)

    def undo(self, number: int) -> Corrections:
        """Take a correction back by hand. CorrectionError where there is no such correction in use."""

        def undone(found: Corrections) -> Corrections:
            known = {one.number: one for one in found.corrections if one.status != "undone"}
            if number not in known:
                there = ", ".join(map(str, known)) or "none"
                raise CorrectionError(f"{self.path}: no correction {number} in use; there are: {there}")
            rows = tuple(
                one.model_copy(update={"status": "undone", "reason": "undone by hand"})
                if one.number >= number and same_adjustable(one, known[number]) and one.status != "undone"
                else one
                for one in found.corrections
            )
            return found.model_copy(update={"corrections": rows})

        return self._changed(undone)

    def _changed(self, change: Callable[[Corrections], Corrections]) -> Corrections:
        """What becomes of the file, by one process at a time; where nothing changes, nothing need be writable."""
        found = self.read()
        if change(found) == found:
            return found
        with guarded(self.path):
            found = self.read()
            after = change(found)
            if after != found:
                self.write(after)
            return after
