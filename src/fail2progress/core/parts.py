"""Parts that somebody else has written: what they raise and what they hand in is told with their name and package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from traceback import walk_tb
from types import FunctionType

from fail2progress.core.registry import OWN


class PartError(ValueError):
    """What a part did that no part of its kind may do; names the part and its package, and says what it must do instead."""


def package_of(part: object) -> str:
    """The package that the class of a part comes from, or a function or class itself; __main__ of what the program defines."""
    while isinstance(part, partial):
        part = part.func
    return str((part if isinstance(part, FunctionType | type) else type(part)).__module__).partition(".")[0]


def told_part(kind: str, part: object, name: object = None) -> str:
    """How messages call a part: its kind and name, by default that of its class, and of which package it is where of another."""
    package = package_of(part)
    of = "" if package == OWN else f" of {'this program' if package == '__main__' else package}"
    return f"{kind} {str(name or type(part).__name__)!r}{of}"


@contextmanager
def guarded(kind: str, part: object, name: object = None, meant: type[Exception] | None = None) -> Iterator[None]:
    """Around a call of a part: what one of another package raises becomes a PartError that says where, in a line.

    Errors that it is meant to raise pass (None: those of this package's classes and of what derives from them), as do those of
    the package's own parts: they are told by who knows more, or are faults of it.
    """
    try:
        yield
    except Exception as error:
        known = any(of.__module__.partition(".")[0] == OWN for of in type(error).__mro__)
        if package_of(part) == OWN or (known if meant is None else isinstance(error, meant)):
            raise
        raise PartError(f"{told_part(kind, part, name)} raised {told_error(error)}{_where(error, part)}") from error


def told_error(error: BaseException) -> str:
    """Its class and what it says, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


def _where(error: BaseException, part: object) -> str:
    """The file and line of the part's own package at which it came about."""
    places = ""
    for frame, line in walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package_of(part):
            places = f" ({Path(frame.f_code.co_filename).name}, line {line})"
    return places
