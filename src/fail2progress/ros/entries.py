"""What the table of the stack consists of: topics, parameters, nodes. Imports no ROS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Value = bool | int | float | str
OWN = "fail2progress_msgs/"


class Quality(str, Enum):
    """How a topic is delivered."""

    SENSOR = "sensor"
    STREAM = "stream"
    EVENT = "event"


@dataclass(frozen=True)
class Topic:
    """A topic: its relative name, its type as "package/Name", and how it is delivered with which depth."""

    name: str
    type: str
    quality: Quality
    depth: int = 1
    optional: bool = False
    """Whether its type may be missing: then it is not published, and that is said once."""
    foreign: bool = False
    """Whether nodes of others say it, by a profile of their choice: it is heard by whatever profile it comes."""

    @property
    def own(self) -> bool:
        """Whether its type is one of this package, which carries the id of a run."""
        return self.type.startswith(OWN)


@dataclass(frozen=True)
class Parameter:
    """One parameter; numbers have a range, texts may have a list of choices. The type is that of the default."""

    name: str
    default: Value
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def check(self, value: Value) -> str | None:
        """Why a value is not taken, or None."""
        if self.choices and value not in self.choices:
            return f"{self.name}: {value!r} is not one of {', '.join(self.choices)}"
        if self.low is None or self.high is None or isinstance(value, str) or self.low <= value <= self.high:
            return None
        return f"{self.name}: {str(value)[:40]} is outside [{self.low:g}, {self.high:g}]"


@dataclass(frozen=True)
class NodeEntry:
    """One node: where its class is, and everything by which others can talk to it."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    subscribes: tuple[str, ...] = ()
    publishes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    """Services of others that it asks."""
    calls: tuple[str, ...] = ()
    """Actions of others that it has carried out."""
    also_hears: tuple[str, ...] = ()
    """Topics that it listens to under some parameters only."""
    uses_model: bool = False
    threads: int = 2

    @property
    def module(self) -> str:
        """The module that holds its class."""
        return f"fail2progress.ros.nodes.{self.name}"

    @property
    def class_name(self) -> str:
        """The class in that module: `sim_stretch` is a SimStretchNode."""
        return "".join(word.title() for word in self.name.split("_")) + "Node"
