"""D+: a small data set around one failure (paper sections 5.1 to 5.3): states, then actions, then simulation of both."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.camera import Camera
from fail2progress.core.relations import BINARY, SUPPORT, RelationState
from fail2progress.core.scene import Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.prediction import Belief, encode_observation
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.simulation.reconstruction import rebuild
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import skill
from fail2progress.skills.samplers import stein_sampler
from fail2progress.stein.actions import ActionSpace, Information, information
from fail2progress.stein.states import FailureRelations, NothingToVaryError, StateSpace, state_space
from fail2progress.stein.svgd import direction_named, optimise
from fail2progress.tasks.layout import random_camera_pose

METHODS = ("stein", "gradient", "sampling", "prior")


@dataclass(frozen=True)
class TargetOptions:
    """How D+ is made. `samples` is M of the paper; more particles are drawn, since not every one becomes a stable scene."""

    method: str = "stein"
    acquisition: str = "mutual-information"
    samples: int = 20
    oversampling: float = 2.5
    state_steps: int = 80
    action_steps: int = 40
    learning_rate: float = 0.05
    scope: str = "support"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"unknown method {self.method!r}; known: {', '.join(METHODS)}")
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, got {self.samples}")

    @property
    def particles(self) -> int:
        """How many particles are optimised."""
        return int(np.ceil(self.samples * self.oversampling))


@dataclass(frozen=True)
class Targeted:
    """D+ and how it came about."""

    outcomes: tuple[Outcome, ...]
    spare: tuple[Outcome, ...]
    """Stable scenes that were not chosen: the gate judges on them."""
    drawn: Tensor
    """(M', D) state particles as they were drawn from P(S)."""
    states: Tensor
    """(M', D) state particles after the Stein updates."""
    actions: Tensor
    """(M', D') action particles."""
    space: StateSpace
    kept: float
    """Share of the failure's relations that hold in the simulated scenes of D+."""
    kept_of_all: float
    """The same over every particle that became a scene, before the best were chosen."""
    tried: int
    stable: int
    spread: float
    """Mean standard deviation (m) of the action's parameters dx, dy over D+ (paper A.15)."""
    seconds: dict[str, float] = field(default_factory=dict)


Report = Callable[[str], None]


def target(
    event: FailureEvent,
    model: SkillEffectModel,
    simulator: Simulator,
    options: TargetOptions,
    seed: int,
    report: Report = lambda stage: None,
) -> Targeted:
    """Make D+ for a failure. NothingToVaryError where there is nothing to learn from."""
    belief = encode_observation(model, event.before)
    space = state_space(belief, event.relations_before, event.header.call.object)
    generator = torch.Generator().manual_seed(seed)
    clock = {"start": time.perf_counter()}
    report("states")
    density = FailureRelations(model, belief, space, event.relations_before, options.scope)
    drawn = density.space.chart().sample_uniform(options.particles, generator)
    states = _states(density, drawn, options, generator)
    clock["states"] = time.perf_counter()
    report("actions")
    information_of = _information(model, density, states, event, options, seed)
    actions = _actions(information_of, options, generator)
    clock["actions"] = time.perf_counter()
    report("simulation")
    jobs = _jobs(event, belief, space, states, information_of.actions.parameters(actions), seed)
    outcomes = [outcome for outcome in simulator.execute_all(jobs) if outcome.stable]
    clock["simulation"] = time.perf_counter()
    return _choose(event, space, (drawn, states, actions), outcomes, options, clock, len(jobs))


def _states(density: FailureRelations, start: Tensor, options: TargetOptions, generator: torch.Generator) -> Tensor:
    chart = density.space.chart()
    if options.method == "prior":
        return start
    if options.method == "sampling":
        return _reject(density, options.particles, generator)
    return optimise(
        density,
        start,
        direction_named(options.method),
        steps=options.state_steps,
        learning_rate=options.learning_rate,
        chart=chart,
    ).particles


@torch.no_grad()
def _reject(density: FailureRelations, count: int, generator: torch.Generator, tries: int = 60) -> Tensor:
    """The Sampling baseline: uniform draws until R_F is believed to hold; the likeliest where it never does."""
    draws = torch.cat([density.space.chart().sample_uniform(count, generator) for _ in range(tries)])
    values = torch.cat([density(part) for part in draws.split(256)])
    return draws[values.argsort(descending=True)[: 3 * count]][torch.randperm(3 * count, generator=generator)[:count]]


def _information(
    model: SkillEffectModel,
    density: FailureRelations,
    states: Tensor,
    event: FailureEvent,
    options: TargetOptions,
    seed: int,
) -> Information:
    with torch.no_grad():
        moved = density.moved(states)
    space = ActionSpace(event.header.call.skill, density.belief.index(event.header.call.object), density.space, moved)
    return information(model, space, "prior" if options.method == "prior" else options.acquisition, seed)


def _actions(density: Information, options: TargetOptions, generator: torch.Generator) -> Tensor:
    chart = density.actions.chart()
    start = chart.sample_uniform(options.particles, generator)
    if options.method == "prior":
        return start
    direction = direction_named("gradient" if options.method == "gradient" else "stein")
    return optimise(
        density, start, direction, steps=options.action_steps, learning_rate=options.learning_rate, chart=chart
    ).particles


def _jobs(event: FailureEvent, belief: Belief, space: StateSpace, states: Tensor, parameters: Tensor, seed: int) -> list[Job]:
    """Every particle as a scene with its skill call, seen from a random head pose; those that cannot be are left out."""
    base = rebuild(event.before, event.relations_before).scene
    offsets = space.offsets(states).numpy().astype(float)
    rng = np.random.default_rng(seed)
    jobs = []
    for particle, values in zip(offsets, parameters.numpy().astype(float), strict=True):
        scene = _scene(base, belief, particle)
        eye, look_at = random_camera_pose(rng)
        call = _call(event.header.call.call(), values, scene)
        if call is not None:
            jobs.append(Job(scene, call, Camera(eye=eye, target=look_at), seed=int(rng.integers(2**31))))
    return jobs


def _scene(base: Scene, belief: Belief, shifts: np.ndarray) -> Scene:
    poses = base.poses.copy()
    for row, name in enumerate(belief.names):
        if name in base.names:
            poses[base.index(name), :3] += shifts[row]
    return base.with_poses(poses)


def _call(call: SkillCall, values: np.ndarray, scene: Scene) -> SkillCall | None:
    """The failed skill with a particle's parameters, as they must be in the particle's scene."""
    space = skill(call.skill)
    values = stein_sampler(space).in_scene(scene, call, values[: len(space.parameters)])
    if not np.isfinite(values).all() or (values < space.low).any() or (values > space.high).any():
        return None
    return SkillCall(call.skill, call.object, tuple(values.tolist()))


def _choose(
    event: FailureEvent,
    space: StateSpace,
    particles: tuple[Tensor, Tensor, Tensor],
    outcomes: list[Outcome],
    options: TargetOptions,
    clock: dict[str, float],
    tried: int,
) -> Targeted:
    """The scenes that keep most of R_F, in random order among equals: the order of the particles."""
    if not outcomes:
        raise NothingToVaryError(f"none of {tried} generated scenes was stable; use more samples or another failure")
    shares = [kept_share(event.relations_before, outcome, event.header.call.object) for outcome in outcomes]
    ranking = np.argsort(-np.round(shares, 3), kind="stable")
    order = ranking[: options.samples]
    chosen = tuple(outcomes[i] for i in order)
    spare = tuple(outcomes[i] for i in ranking[options.samples :] if shares[i] > 0.999)
    spread = float(np.mean(np.std([outcome.call.parameters[:2] for outcome in chosen], axis=0)))
    marks = list(clock)
    seconds = {name: clock[name] - clock[before] for before, name in itertools.pairwise(marks)}
    return Targeted(
        chosen,
        spare,
        *particles,
        space,
        float(np.mean([shares[i] for i in order])),
        float(np.mean(shares)),
        tried,
        len(outcomes),
        spread,
        seconds,
    )


def kept_share(relations: RelationState, outcome: Outcome, subject: str) -> float:
    """Share of the failure's relations (R_F, true ones among the objects concerned) that hold in a simulated scene.

    Concerned are the failed skill's object and what was believed inside it; tables are exchangeable: standing above any counts.
    """
    now = outcome.before.relations
    names = [name for name in relations.names if name in now.names]
    held = [name for name in names if name != subject and relations.value("inside", name, subject) > 0.5]
    concerned = [subject, *held]
    checks = [
        now.value(relation, one, other) > 0.5
        for one in concerned
        for other in concerned
        for relation in (*SUPPORT, "contact")
        if one != other and relation in BINARY and relations.value(relation, one, other) > 0.5
    ]
    tables = [spec.name for spec in outcome.before.scene.objects if spec.category == "table"]
    checks += [any(now.value("above", name, table) > 0.5 for table in tables) for name in concerned]
    return float(np.mean(checks))
