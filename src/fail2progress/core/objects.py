"""Objects as shape priors (paper A.12): cuboid, open box, shelf, drawer and table; cups, bowls and capsules are made of them.

Every object has its origin in the middle of its bounding box, with its axes along the box. Sizes are full extents in metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, Field

from fail2progress.core.names import unknown


class Shape(str, Enum):
    """Shape priors of A.12, each a recipe for primitive bodies."""

    CUBOID = "cuboid"
    CYLINDER = "cylinder"
    OPEN_BOX = "open_box"
    SHELF = "shelf"
    DRAWER = "drawer"
    TABLE = "table"


@dataclass(frozen=True)
class Category:
    """What a segment is called, and what follows from it."""

    name: str
    shape: Shape
    movable: bool
    container: bool
    wall: float = 0.0
    """Thickness of the walls in metres, for the hollow shapes."""
    square: bool = False
    """As deep as wide, more or less: what is hidden follows from what is seen."""


_CATEGORIES = (
    Category("cuboid", Shape.CUBOID, movable=True, container=False),
    Category("capsule", Shape.CYLINDER, movable=True, container=False, square=True),
    Category("cup", Shape.OPEN_BOX, movable=True, container=True, wall=0.005, square=True),
    Category("open_box", Shape.OPEN_BOX, movable=True, container=True, wall=0.006),
    Category("shelf", Shape.SHELF, movable=False, container=True, wall=0.015),
    Category("cabinet", Shape.SHELF, movable=False, container=True, wall=0.012),
    Category("drawer", Shape.DRAWER, movable=False, container=True, wall=0.006),
    Category("table", Shape.TABLE, movable=False, container=False),
)
CATEGORIES = {category.name: category for category in _CATEGORIES}
DEFAULT_CATEGORY = "cuboid"
"""What a segment of an unknown category is taken for."""
WORLD = "world"
"""What all things stand in."""


def category(name: str) -> Category:
    """Look a category up by name; ValueError names the ones that exist."""
    if name not in CATEGORIES:
        raise ValueError(unknown("object category", name, sorted(CATEGORIES)))
    return CATEGORIES[name]


def kind_of(name: str) -> Category:
    """What a segment of a category is taken for: that, or the default where there is none of the name, as segmenters and robots
    have words of their own."""
    return CATEGORIES.get(name, CATEGORIES[DEFAULT_CATEGORY])


def free_name(name: str) -> str:
    """The name, where a thing can be called so; ValueError where it is that of what all things stand in, or of a robot's body."""
    if name == WORLD:
        raise ValueError(f"no object can be called {WORLD!r}, as simulators call what all objects stand in")
    if name.startswith("/"):
        raise ValueError(f"no object can be called {name!r}: names with a slash at their beginning are those of robots' bodies")
    return name


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64), AfterValidator(free_name)]
"""What people call a thing of a scene, in files of tasks and of items: goals and simulators read it as one word."""


def is_container(name: str) -> bool:
    """Whether things can lie in what is called so; what is called by no known category is solid."""
    kind = CATEGORIES.get(name)
    return kind is not None and kind.container


@dataclass(frozen=True)
class Box:
    """A solid box or upright cylinder in the object's frame: half sizes and centre in metres."""

    half: tuple[float, float, float]
    centre: tuple[float, float, float]
    cylinder: bool = False


@dataclass(frozen=True)
class ObjectSpec:
    """One object: its name in the scene, its category and its full extents (m) along its own x, y, z."""

    name: str
    category: str
    size: tuple[float, float, float]
    inside_of: str | None = None
    """For a drawer: the cabinet that it slides in (along the cabinet's -x, towards the robot)."""

    def __post_init__(self) -> None:
        category(self.category)
        free_name(self.name)
        if not all(extent > 0 for extent in self.size):
            raise ValueError(f"object {self.name!r}: size must be positive, got {self.size}")

    @property
    def kind(self) -> Category:
        """The category's properties."""
        return CATEGORIES[self.category]

    @property
    def movable(self) -> bool:
        """Whether the robot can carry or push it (unary relation of A.9)."""
        return self.kind.movable

    @property
    def is_drawer(self) -> bool:
        """Whether it slides in a cabinet (unary relation of A.9)."""
        return self.kind.shape is Shape.DRAWER

    def primitives(self) -> tuple[Box, ...]:
        """Solid parts of the object in its own frame."""
        return _RECIPES[self.kind.shape](self.size, self.kind.wall)


_Size = tuple[float, float, float]


def _solid(size: _Size, wall: float) -> tuple[Box, ...]:
    return (Box((size[0] / 2, size[1] / 2, size[2] / 2), (0.0, 0.0, 0.0)),)


def _cylinder(size: _Size, wall: float) -> tuple[Box, ...]:
    return (Box((size[0] / 2, size[1] / 2, size[2] / 2), (0.0, 0.0, 0.0), cylinder=True),)


def _open_box(size: _Size, wall: float) -> tuple[Box, ...]:
    """Bottom and four sides; open at the top."""
    hx, hy, hz = (extent / 2 for extent in size)
    w = wall / 2
    return (
        Box((hx, hy, w), (0.0, 0.0, -hz + w)),
        Box((w, hy, hz), (-hx + w, 0.0, 0.0)),
        Box((w, hy, hz), (hx - w, 0.0, 0.0)),
        Box((hx, w, hz), (0.0, -hy + w, 0.0)),
        Box((hx, w, hz), (0.0, hy - w, 0.0)),
    )


def _shelf(size: _Size, wall: float) -> tuple[Box, ...]:
    """Bottom, top, two sides and a back; open towards -x (the robot)."""
    hx, hy, hz = (extent / 2 for extent in size)
    w = wall / 2
    return (
        Box((hx, hy, w), (0.0, 0.0, -hz + w)),
        Box((hx, hy, w), (0.0, 0.0, hz - w)),
        Box((hx, w, hz), (0.0, -hy + w, 0.0)),
        Box((hx, w, hz), (0.0, hy - w, 0.0)),
        Box((w, hy, hz), (hx - w, 0.0, 0.0)),
    )


_RECIPES = {
    Shape.CUBOID: _solid,
    Shape.TABLE: _solid,
    Shape.CYLINDER: _cylinder,
    Shape.OPEN_BOX: _open_box,
    Shape.DRAWER: _open_box,
    Shape.SHELF: _shelf,
}
