"""How far the sides of things lie beyond what is seen of them, and how surely: laws in a file that `fit-boxes` writes."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fail2progress.core.choice import first_mistake
from fail2progress.perception.segmentation.base import PerceptionError

KINDS = ("near", "beside", "far from above", "far", "far from low", "hidden", "bottom", "top", "hidden top")
"""What was seen of a side."""
_LEAST = 0.001
"""Metres: no side is known better."""
_Finite = Annotated[float, Field(allow_inf_nan=False)]


class Law(BaseModel):
    """How far a side lies beyond what was seen of it. Mean and deviation have three terms each: metres; a share of the larger
    extent across; and a share of what the thing lacks along this axis to be as deep as it is wide."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mean: tuple[_Finite, _Finite, _Finite]
    deviation: tuple[_Finite, _Finite, _Finite]

    def at(self, scale: float, missing: float) -> tuple[float, float]:
        """Mean and deviation, m."""
        terms = (1.0, scale, missing)
        mean, deviation = (sum(a * b for a, b in zip(part, terms, strict=True)) for part in (self.mean, self.deviation))
        return mean, max(deviation, _LEAST)


class BoxLaws(BaseModel):
    """Content of the file. laws: one for each of KINDS; report: what they were fitted on, and how they hold elsewhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    laws: dict[str, Law]
    report: dict[str, object]


def packaged_laws() -> Path:
    """Where the laws lie that travel with the package."""
    return Path(str(resources.files("fail2progress"))) / "weights" / "boxes.json"


def read_laws(path: Path) -> BoxLaws:
    """The file. PerceptionError says what is wrong with it."""
    try:
        found = BoxLaws.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise PerceptionError(f"{path}: {first_mistake(error)}; `fail2progress fit-boxes` writes such a file") from error
    except OSError as error:
        raise PerceptionError(f"{path}: cannot be read ({error.strerror})") from error
    if missing := sorted(set(KINDS) - set(found.laws)):
        raise PerceptionError(f"{path}: no law for sides of the kind {missing[0]!r}; fit on more scenes")
    return found


@cache
def box_laws() -> BoxLaws:
    """Those of the package."""
    return read_laws(packaged_laws())
