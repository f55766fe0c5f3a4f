"""Keys of files that no schema has: which ones there are at that place, and which one was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from fail2progress.core.names import unknown


def first_problem(error: ValidationError) -> Any:
    """What is to be said first: of a key that is misspelt, not that the right one is missing."""
    found = error.errors()
    return next((one for one in found if one["type"] == "extra_forbidden"), found[0])


def unknown_key(schema: type[BaseModel], place: Sequence[object]) -> str:
    """One line for a key of a file at a place that starts at a schema and ends with the key."""
    for part in place[:-1]:
        field = schema.model_fields.get(str(part))
        schema = next(_schemas(field.annotation), schema) if field is not None else schema
    return unknown("key", str(place[-1]), schema.model_fields)


def _schemas(annotation: Any) -> Iterator[type[BaseModel]]:
    """The schemas among what an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _schemas(part)
