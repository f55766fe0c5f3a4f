"""What the classifier says of a failure."""

from __future__ import annotations

from enum import Enum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fail2progress.failures.assets.schema import FailureSignals
from fail2progress.failures.event import Mismatch

LONGEST = 256
"""Characters of evidence and of a reason that are kept; messages take no longer texts."""


class FailureClass(str, Enum):
    """The two kinds of paper section 4, and what cannot be told apart because the scene cannot be rebuilt well enough."""

    SYMBOLIC_PREDICTION = "incorrect_symbolic_prediction"
    SIM2REAL_GAP = "sim2real_gap"
    UNDECIDED = "undecided"


class FailureSignal(BaseModel):
    """A named failure and the one bounded parameter edit that answers it (failures/signals.py)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: str
    severity: float = Field(ge=0.0, le=1.0)
    parameter: str
    """What to edit, as "skill.adjustable" (SkillDefinition.adjustables); empty where nothing is."""
    delta: float
    """By how much, in the parameter's unit."""
    low: float
    high: float
    evidence: str

    @model_validator(mode="after")
    def _in_order(self) -> FailureSignal:
        if self.low > self.high:
            raise ValueError(f"bounds [{self.low:g}, {self.high:g}] of {self.name!r} leave nothing between them")
        return self

    def __str__(self) -> str:
        edit = f"{self.parameter} {self.delta:+g} within [{self.low:g}, {self.high:g}]" if self.parameter else "no edit"
        return f"{self.name} (severity {self.severity:.2f}): {self.evidence}; {edit}"


class FailureReport(BaseModel):
    """A class with its evidence: what the same skill did to the rebuilt scene, against what was observed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    failure: str
    category: FailureClass
    confidence: float = Field(ge=0.0, le=1.0)
    """Share of repetitions in the rebuilt scene that agree with the class."""
    repetitions: int
    differences: tuple[Mismatch, ...]
    """Relations where the simulation (`expected`) and the observation differ."""
    rebuilt: tuple[str, ...]
    """The objects of the rebuilt scene, with their sizes."""
    signals: tuple[FailureSignal, ...] = ()
    """The failures by name, with the edits that answer them between episodes (failures/edits.py)."""
    reason: str = ""
    """Why the class is undecided, or which physics would explain a gap; empty where neither is known."""
    initial_signals: tuple[FailureSignals, ...] = ()
    """Of the scene as it was rebuilt at first, one an asset."""
    final_signals: tuple[FailureSignals, ...] = ()
    """Of the scene that the skill was repeated in, after the corrections."""


def ended_in(what: str, error: Exception) -> str:
    """The reason of a report, or of a lesson, that there is none of: `what` ended in an error that nobody foresaw."""
    return f"{what} ended in an error: {type(error).__name__}: {error}"[:LONGEST]
