"""What is noted of a version of the model where it came from a lesson: read and checked without its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from fail2progress.models.notes import CheckpointError, noted


class _Part(BaseModel):
    """Of the kinds that readers count on; what else is noted is nobody's concern here."""

    model_config = ConfigDict(strict=True)


class _Gate(_Part):
    """An acceptance test: figures of the model before and after."""

    passed: bool
    reason: str = ""
    before: dict[str, float | list[float | None] | None]
    after: dict[str, float | list[float | None] | None]


class _Origin(_Part):
    time_utc: str | None = None
    commit: str | None = None
    versions: dict[str, str | None] = {}


class _Note(_Part):
    model: str | None = None
    version: str | None = None
    parent: str | None = None
    parent_version: str | None = None
    event: str | None = None
    source: str | None = None
    method: str | None = None
    gate: Annotated[_Gate | None, BeforeValidator(lambda value: value or None)] = None
    seconds: dict[str, float] = {}
    provenance: _Origin = _Origin()


def noted_version(weights: Path) -> dict[str, Any]:
    """What is written beside a version's weights, which are not read. CheckpointError says what to do; see checked, `noted`."""
    try:
        note = noted(weights)
    except CheckpointError as error:  # not damaged for sure: it may be of a later schema, or on a disk that is gone
        mend = f"put back a copy of {weights.with_suffix('.json').name}, or delete it and {weights.name}"
        raise CheckpointError(f"{error}; where it is lost or damaged, {mend}") from error
    return checked(note, weights)


def checked(note: Mapping[str, Any], weights: Path) -> dict[str, Any]:
    """The note as it is; CheckpointError where something that is used of it is of another kind than it must be."""
    try:
        _Note.model_validate(note)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        damage = f"damaged, {key} is {str(note[key])[:40]}; delete it and {weights.name}"
        raise CheckpointError(f"{weights.with_suffix('.json')}: {damage}") from error
    return dict(note)
