"""What commands write never takes the place of what they read, nor of a file that is none of theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from os.path import isdir, isfile
from pathlib import Path
from typing import Any

from fail2progress.cli.common import Commands, require, told_in_one_line, writable

OPTIONS = ("--out", "--picture", "--page", "--film", "--report")
"""Options whose file or folder a command writes."""
_STARTS = {".png": b"\x89PNG", ".gif": b"GIF8", ".jpg": b"\xff\xd8", ".jpeg": b"\xff\xd8"}
"""By which words a file of a form begins."""


class CarefulCommands(Commands):
    """All commands: none is begun that would write over what it reads."""

    def invoke(self, ctx: Any) -> Any:
        """See click.Group."""
        with told_in_one_line():
            refuse_inputs(ctx.args)
        return super().invoke(ctx)


def refuse_inputs(words: Sequence[str]) -> None:
    """UserError where a file that a command shall write is among the files that the user has it read, or where these lie in a
    folder that it shall replace."""
    pairs = list(_pairs(words))
    read = [(name, Path(part)) for name, text in pairs if name not in OPTIONS for part in (text, *re.split("[=,:]", text))]
    for option, text in pairs:
        if option == "--out" and "--force" in words and isdir(text):
            held = next((path for _, path in read if path.exists() and Path(text).resolve() in path.resolve().parents), None)
            require(held is None, f"--out {text}: {held}, which is read, lies in what --force would replace; choose another name")
        if option in OPTIONS and isfile(text):  # which also takes words that no path can be
            for name, path in read:
                same = isfile(path) and path.samefile(text)
                require(
                    not same,
                    f"{option} {text}: is read by the same command {f'as {name}' if name else 'too'}; choose another name",
                )


def check_output(option: str, path: Path, *forms: str) -> None:
    """UserError where a file of one of these forms (".json") cannot be written, or one of another kind is there already.

    A JSON report, which has `provenance`, item lines and pictures replace what is of their kind; an empty file is of any.
    """
    require(not path.is_dir(), f"{path}: is a folder; {option} names a file")
    require(path.suffix.lower() in forms, f"{option} {path}: the name ends in {', '.join(forms)}")
    writable(path.parent, f"{option} {path}")
    other = f"{option} {path}: a file that this command did not write is there already; choose another name or delete it"
    require(not path.exists() or _of_its_kind(path), other)


@contextmanager
def made_for(folder: Path) -> Iterator[None]:
    """As `writable`, while the work lasts: of the folders that were made for it, those that stayed empty go again, so that a
    command that was refused leaves nothing."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        writable(folder)
        yield
    finally:
        with suppress(OSError):  # the first with something in it ends it
            for place in missing:
                place.rmdir()


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    """Options with their values; arguments have no name."""
    found, option = [], ""
    for word in words:
        if word.startswith("--"):
            option, equals, value = word.partition("=")
            if equals:
                found.append((option, value))
                option = ""
        else:
            found.append((option, word))
            option = ""
    return found


def _of_its_kind(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(1 << 20)
        if path.suffix.lower() in _STARTS or not first:
            return not first or first.startswith(_STARTS[path.suffix.lower()])
        if path.suffix.lower() == ".json":
            return b'"provenance"' in first + file.read()
    if path.suffix.lower() == ".html":
        return first.lstrip().startswith(b"<")
    try:
        line = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(line, dict) and "call" in line
