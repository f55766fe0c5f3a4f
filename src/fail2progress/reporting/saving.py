"""Figures as PNG, with every text as it stands: names come from users, and matplotlib takes $ for formulas."""

from __future__ import annotations

import io
import warnings
from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text


def as_they_stand(figure: Figure) -> None:
    """No text of a figure that is there by now is a formula; to be called before anything is measured or drawn."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)


def saved(figure: Figure, dpi: int, **options: Any) -> bytes:
    """A figure as a PNG. Characters that the font lacks are boxes there; the text beside a picture has them."""
    as_they_stand(figure)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format="png", dpi=dpi, **options)
    return buffer.getvalue()


def unsigned(figure: Figure, dpi: int) -> bytes:
    """The same without the name of the software, so that a report's picture does not change with its version."""
    return saved(figure, dpi, metadata={"Software": None})
