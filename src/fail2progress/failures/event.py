"""The failure event F = (O_F, R_F, phi_F, R_F') of paper section 4, with what is needed to understand and repeat it."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator

from fail2progress.core.brief import brief
from fail2progress.core.observation import SECOND, SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.core.vocabulary import VERSION_1, Vocabulary, VocabularyError, check, from_dict
from fail2progress.skills.base import SkillCall
from fail2progress.skills.vocabulary import current

SCHEMA_VERSION: Literal[1] = 1
_FIRST_DAY, _LAST_DAY = 946_684_800, 9_000_000_000
"""Seconds since 1970 from which and until which a stamp is a time of day: of the years 2000 to 2255."""
_NAMESPACE = uuid.UUID("5f1c6f0e-2f0a-5d59-9c7e-6f1b8c1d7a11")


class Call(BaseModel):
    """A skill call as it is written down; parameters in SI units, order as in `skills.base`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    skill: str
    object: str
    parameters: tuple[float, ...]
    target: str | None = None

    @classmethod
    def of(cls, call: SkillCall) -> Call:
        """From the core's type."""
        return cls(skill=call.skill, object=call.object, parameters=call.parameters, target=call.target)

    def call(self) -> SkillCall:
        """To the core's type; ValueError where it is out of bounds."""
        return SkillCall(self.skill, self.object, self.parameters, self.target)


class Mismatch(BaseModel):
    """One relation that was expected otherwise: probabilities expected by the model and observed afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    relation: str
    subject: str
    other: str
    """Empty for a unary relation."""
    expected: float = Field(ge=0.0, le=1.0)
    observed: float = Field(ge=0.0, le=1.0)

    @property
    def names(self) -> tuple[str, ...]:
        """The one or two objects that it speaks of."""
        return (self.subject, self.other) if self.other else (self.subject,)

    def value(self, state: RelationState) -> float:
        """Of what it speaks of, in another state; ValueError where that does not know the objects."""
        return state.value(self.relation, self.subject, self.other or None)

    def __str__(self) -> str:
        verb = "did not hold" if self.expected > self.observed else "held all the same"
        said = f"(expected {self.expected:.2f}, observed {self.observed:.2f})"
        return f"{self.relation}({', '.join(self.names)}) {verb} {said}"


def _vocabulary(value: object) -> Vocabulary:
    return value if isinstance(value, Vocabulary) else from_dict(value)


def _nanoseconds(value: object) -> object:
    """Stores of version 0.2 hold seconds, as numbers with a decimal point."""
    return round(value * 1e9) if isinstance(value, float) else value


Stamp = Annotated[int, BeforeValidator(_nanoseconds)]
Written = Annotated[Vocabulary, PlainValidator(_vocabulary), PlainSerializer(Vocabulary.to_dict)]


class Header(BaseModel):
    """All of a failure event that is not an array."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1] = SCHEMA_VERSION
    id: str
    time: str
    """When it was detected, ISO 8601 UTC."""
    task: str
    objects: int
    seed: int
    """Seed of the trial."""
    step: int
    """Which skill of the episode it was, from 0."""
    goal: tuple[str, ...]
    call: Call
    plan: tuple[Call, ...]
    """The whole plan that was being carried out."""
    model: str
    """SHA-256 digest of the model that predicted."""
    mismatches: tuple[Mismatch, ...]
    names: tuple[str, ...]
    categories: tuple[str, ...]
    frame: str
    stamps: tuple[Stamp, Stamp]
    """Of the observations before and after (ns)."""
    vocabulary: Written = Field(default_factory=current)
    """What skills and relations mean in it. Where it is read without one (`read_header`), it is that of version 1."""
    robot: str = ""
    """The kind of robot that carried the skill out; empty where nobody said so, as over ROS and in earlier stores."""

    @property
    def seen(self) -> str | None:
        """When it happened by the stamp of what was seen after it, ISO 8601 UTC; None where stamps are no times of day, as those
        of a simulator are not. It is long before `time` where the failure was found in a recording."""
        seconds = self.stamps[1] / SECOND
        if not _FIRST_DAY < seconds < _LAST_DAY:
            return None
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


def read_header(text: str) -> Header:
    """A header as it was written down. pydantic's ValidationError, a ValueError, where it is damaged."""
    header = Header.model_validate_json(text)
    return header if "vocabulary" in header.model_fields_set else header.model_copy(update={"vocabulary": VERSION_1})


class FailureEvent(BaseModel):
    """A failure with its arrays: clouds before and after, relations before, expected and observed (probabilities)."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    header: Header
    before: SegmentedCloud
    after: SegmentedCloud
    relations_before: RelationState
    expected: RelationState
    observed: RelationState
    images: dict[str, bytes] = {}
    """PNG files of what the camera saw, "before" and "after", where the robot had them at hand."""

    __repr__ = __str__ = brief

    @property
    def id(self) -> str:
        """Names the failure; the same failure found again, as in a replay, gets the same id."""
        return self.header.id

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Everything that goes into the blob."""
        states = {"before": self.relations_before, "expected": self.expected, "observed": self.observed}
        clouds = {"before": self.before, "after": self.after}
        return {
            **{f"points_{key}": cloud.points for key, cloud in clouds.items()},
            **{f"visibility_{key}": cloud.visibility for key, cloud in clouds.items()},
            **{f"binary_{key}": np.asarray(state.binary, np.float32) for key, state in states.items()},
            **{f"unary_{key}": np.asarray(state.unary, np.float32) for key, state in states.items()},
        }

    def to_bytes(self) -> bytes:
        """The arrays as an npz, images as the bytes of their files."""
        buffer = io.BytesIO()
        files = {f"image_{key}": np.frombuffer(content, np.uint8) for key, content in self.images.items()}
        np.savez_compressed(buffer, **self.arrays(), **files)  # type: ignore[arg-type]
        return buffer.getvalue()


def check_words(header: Header) -> None:
    """VocabularyError where an event is written in another vocabulary than the one that is known here."""
    try:
        check(header.vocabulary.to_dict(), current())
    except VocabularyError as error:
        raise VocabularyError(f"failure {header.id}: {error}") from error


def from_bytes(header: Header, content: bytes) -> FailureEvent:
    """A stored event. VocabularyError where it is written in another vocabulary, another ValueError where its blob is damaged."""
    check_words(header)
    try:
        values, names = _read(content), header.names

        def cloud(key: str, stamp: int) -> SegmentedCloud:
            points, visibility = values[f"points_{key}"], values[f"visibility_{key}"]
            shares = np.clip(np.nan_to_num(visibility), 0.0, 1.0)  # earlier versions took any numbers from robots
            return SegmentedCloud(names, header.categories, points, shares, header.frame, stamp)

        def relations(key: str) -> RelationState:
            return RelationState(names, values[f"binary_{key}"].astype(float), values[f"unary_{key}"].astype(float))

        return FailureEvent(
            header=header,
            before=cloud("before", header.stamps[0]),
            after=cloud("after", header.stamps[1]),
            relations_before=relations("before"),
            expected=relations("expected"),
            observed=relations("observed"),
            images={key: values[f"image_{key}"].tobytes() for key in ("before", "after") if f"image_{key}" in values},
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"failure {header.id}: its data are damaged ({error})") from error


def _read(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an npz; ValueError where it is none."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {key: np.asarray(file[key]) for key in file.files}
    except Exception as error:  # zipfile, zlib, struct and numpy each have their own errors for damaged input
        raise ValueError(f"{type(error).__name__}: {error}") from error


def event_id(before: SegmentedCloud, call: SkillCall, model: str, seed: int, step: int) -> str:
    """A UUID that follows from what was seen, done and believed."""
    content = hashlib.sha256(before.points.tobytes())
    content.update(json.dumps([str(call), model, seed, step]).encode())
    return str(uuid.uuid5(_NAMESPACE, content.hexdigest()))
