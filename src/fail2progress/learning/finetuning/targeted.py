"""D+: a small data set around one failure (paper sections 5.1 to 5.3): states, then actions, then simulation of both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.names import unknown
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Scene
from fail2progress.failures.assets.refine import refined
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.hindsight import known_afterwards, rebuilt_before
from fail2progress.failures.physics import disturbances
from fail2progress.learning.finetuning.doubt import doubted, without
from fail2progress.learning.finetuning.generators import GENERATORS, WITHOUT_SLOPES, Budget, SampleGenerator
from fail2progress.learning.finetuning.instantiate import Sample, in_hand, jobs, kept, scenes, within
from fail2progress.learning.finetuning.worlds import known, told
from fail2progress.models.base import Capability, SkillEffectModel
from fail2progress.models.prediction import encode_observation
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.stein.actions import PRIOR, ActionSpace, aimed_at, information
from fail2progress.stein.concerned import Observed
from fail2progress.stein.likelihood import SCOPES, FailureRelations
from fail2progress.stein.states import NothingToVaryError, StateSpace, state_space

_WHOLE = 0.8
"""Share of R_F that a scene must keep to be one that the new model is judged on."""


@dataclass(frozen=True)
class TargetOptions:
    """How D+ is made. `samples` is M of the paper; more particles are drawn, since not every one becomes a stable scene."""

    method: str = "stein"
    acquisition: str = "mutual-information"
    samples: int = 20
    oversampling: float = 2.5
    state_steps: int = 80
    action_steps: int = 24
    learning_rate: float = 0.05
    scope: str = "all"
    freedom: float = 0.03
    """Metres by which members of the failed cluster may shift within it."""
    physics: tuple[str, ...] = ()
    """Properties of the world that are coordinates of particles where the failed motion tells them (failures.physics)."""

    def __post_init__(self) -> None:
        known(self.physics)
        GENERATORS.get(self.method)
        if self.scope not in SCOPES:
            raise ValueError(unknown("scope", self.scope, SCOPES))
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, got {self.samples}")
        if not self.freedom > 0:
            raise ValueError(f"freedom must be more than 0 m, got {self.freedom:g}")

    @property
    def particles(self) -> int:
        """How many particles are optimised."""
        return int(np.ceil(self.samples * self.oversampling))

    def budget(self) -> Budget:
        """What a generator may spend."""
        rounds = min(4, max(self.state_steps // 10, 1))
        return Budget(self.particles, self.state_steps, self.action_steps, self.learning_rate, rounds)


@dataclass(frozen=True)
class Spread:
    """Standard deviations over D+, metres: of the action's first two parameters (paper A.15; a direction counts in radians), of
    where the failed cluster stands, and of its members within it."""

    actions: float
    places: float
    within: float


@dataclass(frozen=True)
class Kept:
    """Mean share of R_F that holds: as the detector believes of the drawn and of the final states, in the simulated scenes of all
    particles, in those of D+, and in those of D+ with directions as the robot sees them."""

    drawn: float
    believed: float
    simulated: float
    chosen: float
    robot: float


@dataclass(frozen=True)
class Targeted:
    """D+ and how it came about."""

    outcomes: tuple[Outcome, ...]
    spare: tuple[Outcome, ...]
    """Stable scenes that were not chosen: the acceptance test judges on them."""
    drawn: Tensor
    """(M', D) state particles as they were drawn from P(S)."""
    states: Tensor
    """(M', D) state particles after the Stein updates."""
    actions: Tensor
    """(M', D') action particles."""
    space: StateSpace
    relations_kept: Kept
    spreads: Spread
    tried: int
    stable: int
    """How many of those tried stand still, some of them after a correction."""
    recovered: int = 0
    """How many stood still only after their contacts had been corrected."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def kept(self) -> float:
        """Share of the failure's relations that hold in the simulated scenes of D+."""
        return self.relations_kept.chosen

    @property
    def kept_of_all(self) -> float:
        """The same over every particle that became a scene, before the best were chosen."""
        return self.relations_kept.simulated

    @property
    def spread(self) -> float:
        """See Spread.actions."""
        return self.spreads.actions


Report = Callable[[str], None]
Rebuild = Callable[[FailureEvent], Scene]
"""O_F as a scene."""


def rebuilt(event: FailureEvent) -> Scene:
    """What is rebuilt from the observations (paper A.12)."""
    return rebuilt_before(event)


def target(
    event: FailureEvent,
    model: SkillEffectModel,
    simulator: Simulator,
    options: TargetOptions,
    seed: int,
    report: Report = lambda stage: None,
    rebuild: Rebuild = rebuilt,
) -> Targeted:
    """Make D+ for a failure. NothingToVaryError where there is nothing to learn from."""
    clock = Clock(report)
    generator, rng = _generator(model, options), torch.Generator().manual_seed(seed)
    with clock("states"):
        event = known_afterwards(event, model, simulator, seed)
        belief, base = encode_observation(model, event.before), rebuild(event)
        physics = told(event, base, simulator, options.physics, seed)
        space = state_space(belief, observed(event), base, options.freedom, physics)
        unsure = doubted(event.relations_before, base, simulator, seed)
        density = FailureRelations(model, belief, space, event.relations_before, options.scope, doubted=torch.from_numpy(unsure))
        drawn = space.draw(options.particles, rng)
        states = generator.states(density, drawn, options.budget(), rng)
        believed = density.kept(drawn), density.kept(states)
    with clock("actions"):
        action_space = _action_space(density, states, event)
        gain = information(model, action_space, _measure(model, options), seed)
        actions = generator.actions(gain, options.budget(), rng, action_space.failed())
    with clock("simulation"):
        made = scenes(space, belief.names, base, states)
        call = event.header.call.call()
        worlds = [disturbances(shares) for shares in physics.shares(space.world(states))]
        work = jobs(made, call, action_space.parameters(actions), in_hand(space, belief.names), seed, worlds)
        samples, recovered = _simulate(simulator, work, space.turn(states))
    relations = without(event.relations_before, unsure)
    found = _choose(relations, space, (drawn, states, actions), samples, options, believed, clock.seconds)
    return replace(found, recovered=recovered)


def _generator(model: SkillEffectModel, options: TargetOptions) -> SampleGenerator:
    """The generator asked for; the one that needs no slopes where a model has none (docs/decisions/0026)."""
    chosen = GENERATORS.get(options.method)
    return GENERATORS.get(WITHOUT_SLOPES) if chosen.slopes and Capability.GRADIENT not in model.capabilities else chosen


def _measure(model: SkillEffectModel, options: TargetOptions) -> str:
    """What actions are chosen by."""
    measured = Capability.GRADIENT in model.capabilities and GENERATORS.get(options.method).measured
    return options.acquisition if measured else PRIOR


def observed(event: FailureEvent) -> Observed:
    """What an event shows, for the Stein inference."""
    broken = event.header.mismatches
    named = tuple(name for mismatch in broken for name in mismatch.names)
    return Observed(event.before, event.after, event.relations_before, event.header.call.call(), named)


class Clock:
    """Seconds of each stage, which is reported as it begins."""

    def __init__(self, report: Report) -> None:
        self.seconds: dict[str, float] = {}
        self._report = report

    def __call__(self, stage: str) -> Clock:
        """Names the stage that begins."""
        self._stage = stage
        return self

    def __enter__(self) -> None:
        self._report(self._stage)
        self._start = time.perf_counter()

    def __exit__(self, *raised: object) -> None:
        self.seconds[self._stage] = time.perf_counter() - self._start


def _action_space(density: FailureRelations, states: Tensor, event: FailureEvent) -> ActionSpace:
    call, space = event.header.call.call(), density.space
    with torch.no_grad():
        moved = density.moved(states)
    return ActionSpace(call, space, moved, space.turn(states), aimed_at(call, space))


def _simulate(simulator: Simulator, work: list[Job | None], turns: Tensor) -> tuple[list[Sample], int]:
    """What became a scene that stands still, in the order of the particles, and how many of these had to be corrected first."""
    found = {row: job for row, job in enumerate(work) if job is not None}
    first = _executed(simulator, found)
    better = {row: refined(job.scene) for row, job in found.items() if not first[row].stable}
    mended = {row: replace(found[row], scene=scene) for row, scene in better.items() if scene is not None}
    again = {row: outcome for row, outcome in _executed(simulator, mended).items() if outcome.stable}
    done = {row: again.get(row, outcome) for row, outcome in first.items()}
    return [Sample(row, float(turns[row]), outcome) for row, outcome in done.items() if outcome.stable], len(again)


def _executed(simulator: Simulator, work: dict[int, Job]) -> dict[int, Outcome]:
    return dict(zip(work, simulator.execute_all(list(work.values())), strict=True))


def _choose(
    relations: RelationState,
    space: StateSpace,
    particles: tuple[Tensor, Tensor, Tensor],
    samples: list[Sample],
    options: TargetOptions,
    believed: tuple[float, float],
    seconds: dict[str, float],
) -> Targeted:
    """The scenes that keep most of R_F, in random order among equals: the order of the particles."""
    tried = len(particles[0])
    if not samples:
        raise NothingToVaryError(f"none of {tried} generated scenes was stable; use more samples or another failure")
    shares = np.array([kept(relations, space, sample).mean() for sample in samples])
    ranking = np.argsort(-np.round(shares, 3), kind="stable")
    best = [samples[i] for i in ranking[: options.samples]]
    spare = [samples[i].outcome for i in ranking[options.samples :] if shares[i] >= _WHOLE]
    robot = float(np.mean([kept(relations, space, sample, robot=True).mean() for sample in best]))
    shown = Kept(*believed, float(shares.mean()), float(shares[ranking[: options.samples]].mean()), robot)
    return Targeted(
        tuple(sample.outcome for sample in best),
        tuple(spare),
        *particles,
        space,
        shown,
        _spread(space, relations.names, best),
        tried,
        len(samples),
        seconds=seconds,
    )


def _spread(space: StateSpace, names: tuple[str, ...], samples: list[Sample]) -> Spread:
    parameters = np.array([sample.outcome.call.parameters[:2] for sample in samples])
    where = np.array([sample.outcome.before.scene.position(names[space.moved])[:2] for sample in samples])
    return Spread(float(parameters.std(axis=0).mean()), float(where.std(axis=0).mean()), within(space, names, samples))
