"""What a task file may say: objects with categories, sizes and supports, and goal atoms in stages, for each number of objects.

All lengths are metres and all angles radians. Numbers that vary from trial to trial are written as a range, [low, high].
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from fail2progress.core.objects import Name, category
from fail2progress.core.scene import FARTHEST, LARGEST, SMALLEST
from fail2progress.skills.registry import SKILLS, skill

MOST = 100
"""Objects of a scene."""


def _range(value: Any) -> Any:
    """A number stands for the range that holds nothing else."""
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("write a number or [low, high], in metres and radians, without a unit")
    return value, value


def _in_order(value: tuple[float, float]) -> tuple[float, float]:
    if not all(map(math.isfinite, value)):
        raise ValueError("a range has finite ends")
    if value[0] > value[1]:
        raise ValueError(f"impossible range: {value[0]:g} is above {value[1]:g}")
    if max(map(abs, value)) > FARTHEST:
        raise ValueError(f"a number beyond {FARTHEST:g} m")
    return value


def _of_a_thing(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] <= 0:
        raise ValueError("an extent must be above 0 m")
    if not SMALLEST <= value[0] <= value[1] <= LARGEST:
        raise ValueError(f"an extent must be between {SMALLEST:g} and {LARGEST:g} m")
    return value


def _inwards(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] < 0:
        raise ValueError("a margin must not be below 0 m, where things would stand beside their support")
    return value


def _known_category(value: str) -> str:
    return category(value).name


def _known_skill(value: str) -> str:
    return skill(value).name


def _first_skill() -> list[str]:
    """A task that names no skills needs the first one of the vocabulary."""
    return [next(iter(SKILLS))]


Range = Annotated[tuple[float, float], BeforeValidator(_range), AfterValidator(_in_order)]
Extent = Annotated[Range, AfterValidator(_of_a_thing)]
Share = tuple[Annotated[float, Field(ge=0.0, le=1.0)], Annotated[float, Field(ge=0.0, le=1.0)]]


def _atoms(value: Any) -> Any:
    """A text may join atoms by `and`."""
    return re.split(r"\s+and\s+", value.strip()) if isinstance(value, str) else value


Stage = Annotated[list[str], BeforeValidator(_atoms), Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Size(_Strict):
    """Full extents (m) along the object's own axes; "x" repeats the number drawn for x."""

    x: Extent
    y: Extent | Literal["x"]
    z: Extent | Literal["x"]

    def draw(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """One size; fixed extents take no random number."""
        x = draw(self.x, rng)
        y = x if self.y == "x" else draw(self.y, rng)
        return x, y, x if self.z == "x" else draw(self.z, rng)


class Place(_Strict):
    """Where a thing is in the planning frame (m): the height of its top, the middle in x and y, and its yaw (rad)."""

    x: Range
    y: Range
    top: Range
    yaw: Range = (0.0, 0.0)


class Region(_Strict):
    """A part of a support, as shares of its length along its own x and y: {x: [0, 0.5]} is the half that is nearer to the robot,
    unless it is turned."""

    x: Annotated[Share, AfterValidator(_in_order)] = (0.0, 1.0)
    y: Annotated[Share, AfterValidator(_in_order)] = (0.0, 1.0)


class Row(_Strict):
    """The objects of a group side by side, `gap` metres apart, along the support's x or y."""

    along: Literal["x", "y"] = "y"
    gap: Range = (0.001, 0.001)


class ObjectEntry(_Strict):
    """An object, or a group of them where `counts` names it: cup becomes cup_1, cup_2 and so on.

    Exactly one of: `at` (a fixed place), `on` (a free place on a table or shelf, the middle of a solid), `inside` (in a
    container, or a drawer in its cabinet), `against` (touching what stands already). A list of supports is a choice at random.
    """

    name: Name
    category: Annotated[str, AfterValidator(_known_category)]
    size: Size | None = None
    """None for a drawer, which fits its cabinet."""
    at: Place | None = None
    on: str | list[str] | None = None
    inside: str | list[str] | None = None
    against: str | None = None
    margin: Annotated[Range, AfterValidator(_inwards)] = (0.01, 0.01)
    """Metres kept from the edge of the support."""
    yaw: Range = (0.0, 0.0)
    region: Region = Region()
    row: Row | None = None
    opening: Range = (0.0, 0.0)
    """Of a drawer: how far it is pulled out, m."""

    @property
    def supports(self) -> tuple[str, ...]:
        """What it may stand on, in or against; empty for a fixed place."""
        chosen = self.on if self.on is not None else self.inside if self.inside is not None else self.against
        return () if chosen is None else (chosen,) if isinstance(chosen, str) else tuple(chosen)


class Choice(_Strict):
    """Some of a list of atoms, drawn for each trial: `choose` many, or as many as the trial has objects."""

    choose: Literal["objects"] | Annotated[int, Field(ge=1)]
    of: Annotated[list[str], Field(min_length=1)]


class Like(_Strict):
    """The scene of another task's trials."""

    task: str
    objects: int


class TaskFile(_Strict):
    """A whole task file."""

    schema_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
    summary: str = ""
    skills: Annotated[list[Annotated[str, AfterValidator(_known_skill)]], Field(min_length=1, default_factory=_first_skill)]
    stream: Annotated[int, Field(ge=0)] | None = None
    """Part of the random seed that is this task's own; default: made from its name."""
    counts: Annotated[
        dict[Annotated[int, Field(ge=1, le=MOST)], dict[Name, Annotated[int, Field(ge=0, le=MOST)]]], Field(min_length=1)
    ]
    """For each number of movable objects, how many of each group."""
    scene_of: Like | None = None
    objects: list[ObjectEntry] = []
    stages: Annotated[list[Stage | Choice], Field(min_length=1)]
    """Goals to reach one after the other, each a text of atoms joined by `and`, or a list of atoms; `cup_*` in an atom stands for
    every cup in turn."""


def draw(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    """A number of a range; a range of one number takes no random number.

    A range below zero is drawn as the mirror image of that above it, so that two sides of a scene are made alike.
    """
    low, high = bounds
    if low == high:
        return float(low)
    if high <= 0.0 and low < 0.0:
        return -float(rng.uniform(-high, -low))
    return float(rng.uniform(low, high))
