"""Simulators by name: what each can do as data, its options, and whether it can run here. Imports no physics engine.

A choice is a text: the name of a simulator, or the path of a YAML or JSON file with the key `simulator` and that simulator's
options beside it. Texts travel to other processes, on command lines and as node parameters.
Every folder of this package with a module `entry` holds a built-in simulator; another package offers one by an entry point of
the group `fail2progress.simulators` whose value is a `SimulatorEntry`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from fail2progress.core.choice import first_mistake, read_choice
from fail2progress.core.parts import guarded
from fail2progress.core.registry import Registry, RegistryError, instance_of
from fail2progress.simulation.base import Simulator
from fail2progress.simulation.stage import OpenStage
from fail2progress.simulation.watched import watched

DEFAULT = "mujoco"


class SimulatorError(RegistryError):
    """A simulator that cannot run here, or options that it does not take."""


class Options(BaseModel):
    """Base of a simulator's options: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Capabilities:
    """What a simulator can do."""

    skills: tuple[str, ...] | None = None
    """The skills that it executes; None: every registered one."""
    disturbances: bool = True
    """Whether the hand can miss and lose what it grasps."""
    physics: bool = True
    """Whether friction, weight, centres of mass and restitution can be other than ordinary."""
    batch: int = 1
    """Scenes that it simulates at once; 1: one after the other, so that more processes make it faster."""
    own_processes: bool = False
    """Whether it spreads jobs over processes itself."""
    gpu: bool = False
    """Whether it is meant for a GPU."""


@dataclass(frozen=True)
class SimulatorEntry:
    """A registered simulator. `make` takes validated options and may import what it needs; `made` calls it."""

    name: str
    summary: str
    make: Callable[[Any], Simulator]
    options: type[Options] = Options
    capabilities: Capabilities = Capabilities()
    requires: tuple[str, ...] = ()
    """Packages that must be importable."""
    stage: Callable[[Any], OpenStage] | None = None
    """Opens scenes in which a robot with bodies of its own acts, step by step; None where whole skills are all that it runs."""
    physics: Callable[[Any], bool] = lambda options: False
    """Where its capabilities lack physics: whether it has it all the same, given its options; a worker says so itself."""
    obstacle: Callable[[Any], str | None] = lambda options: None
    """Why it cannot run here beside missing packages, given its options; None where it can."""

    def made(self, options: Any) -> Simulator:
        """What `make` gives, watched where it is of another package. SimulatorError where it is no Simulator: its class does not
        derive from that one."""
        with guarded("simulator", self.make, self.name):
            found: object = self.make(options)
        if not isinstance(found, Simulator):
            raise SimulatorError(
                f"simulator {self.name!r} makes an object of {type(found).__name__}; its class must derive from "
                "fail2progress.simulation.base.Simulator"
            )
        return watched(found, self.name)

    def unavailable(self, options: Options | None = None) -> str | None:
        """Why it cannot run here, or None."""
        missing = [package for package in self.requires if find_spec(package) is None]
        if missing:
            return f"package {missing[0]} is not installed"
        try:
            return self.obstacle(options if options is not None else self.options())
        except ValidationError as error:
            return first_mistake(error)


def _built_in() -> dict[str, str]:
    folders = sorted(path.parent.name for path in Path(__file__).parent.glob("*/entry.py"))
    return {name: f"{__package__}.{name}.entry:ENTRY" for name in folders}


SIMULATORS: Registry[SimulatorEntry] = Registry(
    "simulator", "fail2progress.simulators", lazy=_built_in(), form=instance_of(SimulatorEntry)
)


def resolve(choice: str) -> tuple[SimulatorEntry, Options]:
    """The entry and the validated options of a choice. RegistryError: unknown, not available here, or wrong options."""
    try:
        name, values, source = read_choice(choice, SIMULATORS)
    except RegistryError as error:
        raise SimulatorError(str(error)) from error
    entry = SIMULATORS.get(name)
    try:
        options = entry.options(**values)
    except ValidationError as error:
        raise SimulatorError(f"{source}: {first_mistake(error, entry.options.model_fields)}") from error
    reason = entry.unavailable(options)
    if reason is not None:
        raise SimulatorError(f"simulator {name!r} cannot run here: {reason}")
    return entry, options


def make(choice: str = DEFAULT) -> Simulator:
    """The simulator of a choice, in this process. RegistryError as for `resolve`."""
    entry, options = resolve(choice)
    return entry.made(options)


def varies_physics(choice: str) -> None:
    """SimulatorError where the simulator of a choice has the ordinary physics only. RegistryError as for `resolve`."""
    entry, options = resolve(choice)
    if not (entry.capabilities.physics or entry.physics(options)):
        able = ", ".join(one.name for one in SIMULATORS if one.capabilities.physics)
        raise SimulatorError(f"simulator {entry.name!r} has the ordinary physics only, no other friction or weight; use {able}")


def stage(choice: str = DEFAULT) -> OpenStage:
    """What opens scenes for a robot with bodies of its own. RegistryError as for `resolve`, and where no such robot can act."""
    entry, options = resolve(choice)
    if entry.stage is None:
        able = ", ".join(one.name for one in SIMULATORS if one.stage is not None)
        raise SimulatorError(f"simulator {entry.name!r} runs whole skills only, no robot with an arm can act in it; use {able}")
    return entry.stage(options)
