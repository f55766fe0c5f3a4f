"""What is printed, as text and nothing else: names and messages from outside may hold what a terminal or a table would obey."""

from __future__ import annotations

import re
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

_OBEYED = re.compile(
    r"[\x00-\x1f\x7f-\x9f"  # control codes
    r"\ud800-\udfff"  # halves of characters: bytes of a name that are no text
    r"\u2028\u2029"  # breaks of lines and paragraphs
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # the order in which letters are shown
)


def visible(text: str) -> str:
    r"""A text on one line, in which line breaks, a terminal's codes and turns of the reading direction are spelt out: \n, \x1b.

    All else stays, also what only joins or parts letters, so that a name can be copied from where it is told.
    """
    return _OBEYED.sub(lambda found: repr(found[0])[1:-1], text)


def lines(*texts: str) -> Text:
    """A table's cell of several lines."""
    return Text("\n".join(map(visible, texts)))


class PlainTable(Table):
    """A table in whose rows texts are only text: no markup, and nothing that a terminal obeys."""

    def add_row(self, *cells: RenderableType | None, **how: Any) -> None:
        """See rich.table.Table."""
        super().add_row(*(Text(visible(cell)) if isinstance(cell, str) else cell for cell in cells), **how)
