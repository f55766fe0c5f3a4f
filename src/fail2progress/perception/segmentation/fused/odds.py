"""The odds by which parts of things are joined, as `fit-joins` writes them beside the weights that they were fitted with."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fail2progress.core.choice import first_mistake
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.fused.joining import JoinRules
from fail2progress.perception.segmentation.learned.model import packaged

SUFFIX = ".joins.json"


class Odds(BaseModel):
    """Weights of a logistic regression: what each of FEATURES counts, and a bias. See JoinRules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    distance: float = Field(allow_inf_nan=False)
    parting: float = Field(allow_inf_nan=False)
    alike: float = Field(allow_inf_nan=False)
    smooth: float = Field(allow_inf_nan=False)
    apart: float = Field(allow_inf_nan=False)
    bias: float = Field(allow_inf_nan=False)


class Joins(BaseModel):
    """Content of the file. digest: SHA-256 of the network's weights; report: what the odds were fitted on, and their errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    digest: str
    odds: Odds
    report: dict[str, object]


def beside(weights: Path) -> Path:
    """Where the odds of weights lie."""
    return weights.with_suffix(SUFFIX)


def read_joins(path: Path) -> Joins:
    """The file. PerceptionError says what is wrong with it."""
    try:
        return Joins.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise PerceptionError(f"{path}: {first_mistake(error)}; `fail2progress fit-joins` writes such a file") from error
    except OSError as error:
        raise PerceptionError(f"{path}: cannot be read ({error.strerror})") from error


def join_rules(weights: Path | None = None) -> JoinRules:
    """Of weights; those of the package where none lie beside them. PerceptionError where they cannot be read."""
    own = beside(weights) if weights else None
    found = read_joins(own if own and own.exists() else beside(packaged()))
    return JoinRules(**found.odds.model_dump())
