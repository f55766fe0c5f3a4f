"""What the classifier says of a failure."""

from __future__ import annotations

from enum import Enum

from pydantic import BaseModel, ConfigDict, Field

from fail2progress.failures.event import Mismatch


class FailureClass(str, Enum):
    """The two kinds of paper section 4."""

    SYMBOLIC_PREDICTION = "incorrect_symbolic_prediction"
    SIM2REAL_GAP = "sim2real_gap"


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
