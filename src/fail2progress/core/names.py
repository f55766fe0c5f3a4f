"""Names that people type: what to say of one that is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One line for a name that nothing goes by: those that there are, and the one that was meant, if one is near.

    "unknown task 'shrt'; known: drawer-tidying, short. Did you mean 'short'?"
    """
    names = list(known)
    near = get_close_matches(name, names, 1)
    return f"unknown {kind} {name!r}; known: {', '.join(names) or 'none'}" + (f". Did you mean {near[0]!r}?" if near else "")
