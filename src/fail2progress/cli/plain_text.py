"""What is printed, as text and nothing else: names and messages from outside may hold what a terminal or a table would obey."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text


def visible(text: str) -> str:
    r"""A text on one line, in which line breaks, a terminal's codes and all else that cannot be seen is spelt out: \n, \x1b."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def lines(*texts: str) -> Text:
    """A table's cell of several lines."""
    return Text("\n".join(map(visible, texts)))


class PlainTable(Table):
    """A table in whose rows texts are only text: no markup, and nothing invisible."""

    def add_row(self, *cells: RenderableType | None, **how: Any) -> None:
        """See rich.table.Table."""
        super().add_row(*(Text(visible(cell)) if isinstance(cell, str) else cell for cell in cells), **how)
