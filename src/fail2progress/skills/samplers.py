"""Where a skill's parameters come from: in planning, in Stein inference, and in data for pre-training.

Tensors are torch's; this module does not import it, so that definitions can be read where it is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from fail2progress.core.objects import Shape, kind_of
from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import SkillDefinition, load

if TYPE_CHECKING:
    from torch import Tensor


Sampler = TypeVar("Sampler")


@dataclass(frozen=True)
class Step:
    """One skill of a plan without its parameters: the object (row) that it acts on, and what it aims at (row)."""

    skill: str
    object: int
    target: int | None = None


@dataclass(frozen=True, eq=False)
class HiddenDrawer:
    """A shut drawer, of which only the front is seen (`models.revealed`)."""

    row: int
    cabinet: int
    """Row of the cabinet that it slides in."""
    axis: int
    """Horizontal axis along which it opens, 0 or 1."""
    side: float
    """1 where the cabinet lies farther along the axis than the front, else -1."""
    depth: float
    """Metres of the whole along the axis."""
    code: Tensor
    """(C,) shape code of the whole."""


@dataclass(frozen=True)
class Segments:
    """What planning knows of the segments besides their latent state."""

    names: tuple[str, ...]
    categories: tuple[str, ...]
    hidden: tuple[HiddenDrawer, ...] = ()

    def is_container(self, row: int) -> bool:
        """Whether things can be put inside."""
        return kind_of(self.categories[row]).container

    def is_drawer(self, row: int) -> bool:
        """Whether it slides in a cabinet."""
        return kind_of(self.categories[row]).shape is Shape.DRAWER

    def is_movable(self, row: int) -> bool:
        """Whether it can be carried or pushed."""
        return kind_of(self.categories[row]).movable

    def is_surface(self, row: int) -> bool:
        """Whether it is a table."""
        return self.categories[row] == "table"

    def surfaces(self) -> Tensor:
        """(N,) which segments are tables."""
        import torch

        return torch.tensor([name == "table" for name in self.categories])

    def drawers(self) -> list[int]:
        """Rows of the drawers."""
        return [row for row in range(len(self.names)) if self.is_drawer(row)]


class Boxes(Protocol):
    """B predicted scenes of N segments: `box` (B, N, 2, 3) corners in metres, `mask` (B, N) which were seen."""

    @property
    def box(self) -> Tensor:
        """Low and high corners."""

    @property
    def mask(self) -> Tensor:
        """Which segments there are."""


def _always(scene: Boxes, step: Step, segments: Segments) -> bool:
    return True


@dataclass(frozen=True)
class PlannerSampler:
    """Points of the unit cube to parameters."""

    size: int
    """Dimension of the cube. Its middle must be a sensible guess: the search always tries it."""
    parameters: Callable[[Boxes, Step, Tensor, Segments], tuple[Tensor, Tensor]]
    """(B, size) points to (B, m) parameters, and (B,) whether something is in the way that the skill should keep from."""
    applicable: Callable[[Boxes, Step, Segments], bool] = _always
    """Whether the step makes sense at all in a scene (B = 1), by what is seen of sizes."""


class Tables(Protocol):
    """What stays where it is in Stein inference: see `stein.states.Surroundings`."""

    @property
    def low(self) -> Tensor:
        """(2,) lower corner in x and y of all tables together."""

    @property
    def high(self) -> Tensor:
        """(2,) upper corner."""

    def height(self, centre: Tensor, half: Tensor) -> Tensor:
        """(...) height in metres of the table below."""

    def off_table(self, centre: Tensor, half: Tensor) -> Tensor:
        """(...) squared metres by which a footprint sticks out of every table."""


@dataclass(frozen=True)
class Around:
    """What action particles are placed in: boxes (M, N, 2, 3) of M states, the object's row, tables, and what is in the way."""

    box: Tensor
    object: int
    tables: Tables
    obstacles: tuple[int, ...]


@dataclass(frozen=True)
class Bounds:
    """Of every coordinate of an action particle."""

    low: list[float]
    high: list[float]
    periodic: list[bool]


def _raw_bounds(definition: SkillDefinition, tables: Tables) -> Bounds:
    ranges = definition.parameters
    return Bounds([p.low for p in ranges], [p.high for p in ranges], [p.periodic for p in ranges])


def _raw_parameters(particles: Tensor, around: Around) -> Tensor:
    return particles


def _flat(particles: Tensor, around: Around) -> Tensor:
    return particles.new_zeros(len(particles))


def _as_they_are(scene: Scene, call: SkillCall, values: Array) -> Array:
    return values


@dataclass(frozen=True)
class SteinSampler:
    """Coordinates in which action particles move, and what is known of them beforehand."""

    bounds: Callable[[SkillDefinition, Tables], Bounds] = _raw_bounds
    parameters: Callable[[Tensor, Around], Tensor] = _raw_parameters
    """(M, D) particles to (M, m) parameters, differentiable."""
    log_prior: Callable[[Tensor, Around], Tensor] = _flat
    """(M,) ln P(A) up to a constant."""
    in_scene: Callable[[Scene, SkillCall, Array], Array] = _as_they_are
    """(m,) parameters as they must be in a scene that was made of a particle; the call is the failed one."""
    places: bool = False
    """Whether the coordinates are a place (x, y) in metres."""


RAW = SteinSampler()
"""The parameters themselves."""


@dataclass(frozen=True)
class DataSampler:
    """How a skill is drawn for pre-training, on an object that was chosen already."""

    share: float
    """How often among the skills that act on the same kind of thing."""
    draw: Callable[[np.random.Generator, Scene, str], SkillCall | None]
    """A call on an object, or None where the draw gave one that is not in the distribution."""


def planner_sampler(definition: SkillDefinition) -> PlannerSampler:
    """The planner's sampler of a skill."""
    return _loaded(definition.planner, PlannerSampler)


def stein_sampler(definition: SkillDefinition) -> SteinSampler:
    """The sampler of a skill's action particles."""
    return _loaded(definition.stein, SteinSampler)


def data_sampler(definition: SkillDefinition) -> DataSampler:
    """How a skill is drawn for pre-training."""
    return _loaded(definition.data, DataSampler)


def _loaded(reference: str, kind: type[Sampler]) -> Sampler:
    found = load(reference)
    if not isinstance(found, kind):
        raise TypeError(f"{reference} is a {type(found).__name__}, not a {kind.__name__}")
    return found
