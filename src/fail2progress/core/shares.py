"""Shares in words: rounded, and never to something that they are not."""

from __future__ import annotations

import math

_SAME = 1e-9
"""What floating point adds: nearer numbers are the same."""
_MOST_DIGITS = 9


def rounded(value: float, digits: int, *marks: float) -> str:
    """A number with so many digits after the point, and with more where fewer would take it to a mark or beyond one: it is never
    told to reach what it does not. "-" where it is not finite.
    """
    if not math.isfinite(value):
        return "-"
    value = next((mark for mark in marks if abs(value - mark) < _SAME), float(value))
    for more in range(digits, _MOST_DIGITS):
        told = round(value, more)
        if all(_side(told, mark) == _side(value, mark) for mark in marks):
            return f"{told + 0.0:.{more}f}"  # no minus before a nought
    return f"{value:.{_MOST_DIGITS}f}"


def per_cent(share: float | None, *bars: float, digits: int = 0) -> str:
    """A share, 0 to 1, in hundredths without their sign: 0 and 100 only where it is just that, and never across a bar (a share).

    "-" where there is none.
    """
    return "-" if share is None else rounded(100.0 * share, digits, 0.0, 100.0, *(100.0 * bar for bar in bars))


def percent(share: float | None, *bars: float, digits: int = 0) -> str:
    """The same with the sign: "98%"."""
    told = per_cent(share, *bars, digits=digits)
    return told if told == "-" else f"{told}%"


def _side(value: float, mark: float) -> int:
    return (value > mark) - (value < mark)
