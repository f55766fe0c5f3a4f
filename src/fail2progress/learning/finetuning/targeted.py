"""D+: a small data set around one failure (paper sections 5.1 to 5.3): states, then actions, then simulation of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.names import unknown
from fail2progress.core.scene import Array, Scene
from fail2progress.core.stages import Stages
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.hindsight import known_afterwards, rebuilt_before
from fail2progress.learning.finetuning.chosen import Chosen, parted, ranked
from fail2progress.learning.finetuning.doubt import doubted
from fail2progress.learning.finetuning.executions import Executed, Execution
from fail2progress.learning.finetuning.generators import GENERATORS, WITHOUT_SLOPES, Budget, Checked
from fail2progress.learning.finetuning.instantiate import Sample, within
from fail2progress.learning.finetuning.worlds import known, told
from fail2progress.models.base import Capability, SkillEffectModel
from fail2progress.models.prediction import encode_observation
from fail2progress.simulation.base import Disturbances, Outcome, Simulator
from fail2progress.stein.actions import PRIOR, information
from fail2progress.stein.around import TOGETHER, require_placing, state_space
from fail2progress.stein.concerned import Observed
from fail2progress.stein.flatness import Felt, felt, said
from fail2progress.stein.likelihood import SCOPES, FailureRelations
from fail2progress.stein.states import NothingToVaryError, StateSpace

_EXPLORED = 1.5
"""Explorers in parts of D+."""
_BESIDES = 0.5
"""What is learnt from besides D+, at most, in parts of it: so much of what falls, and so much of other extents."""


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
    """Of actions."""
    state_rate: float = 0.05
    """Of states."""
    tempered: float = 1.0
    """See generators.Budget."""
    scope: str = "all"
    explorers: float = 0.5
    """Share of D+ at most that is drawn from P(S) and need not keep R_F, where the model fails all the same (chosen.py)."""
    freedom: float = 0.03
    """Metres by which members of the failed cluster may shift within it."""
    physics: tuple[str, ...] = ()
    """Properties of the world that are coordinates of particles where the failed motion tells them (failures.physics)."""
    placing: str = TOGETHER
    """What is placed as one: around.PLACINGS. Apart, states need more and longer steps and tempering (docs/decisions/0126)."""

    def __post_init__(self) -> None:
        known(self.physics)
        require_placing(self.placing)
        GENERATORS.get(self.method)
        if self.scope not in SCOPES:
            raise ValueError(unknown("scope", self.scope, SCOPES))
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, got {self.samples}")
        if not 0 <= self.explorers < 1:
            raise ValueError(f"explorers must be a share from 0 to below 1, got {self.explorers:g}")
        if not 0 < self.tempered <= 1:
            raise ValueError(f"tempered must be a part from above 0 to 1, got {self.tempered:g}")
        if not self.freedom > 0:
            raise ValueError(f"freedom must be more than 0 m, got {self.freedom:g}")

    @property
    def particles(self) -> int:
        """How many particles there are: first those that are to keep R_F, then explorers."""
        return int(np.ceil(self.samples * self.oversampling)) + self.exploring

    @property
    def exploring(self) -> int:
        """How many particles explore: many more than are taken, since not in all of their scenes the model fails."""
        return int(np.ceil(_EXPLORED * self.samples)) if self.explorers else 0

    def budget(self) -> Budget:
        """What a generator may spend."""
        rounds = max(min(4, self.state_steps // 10), self.state_steps // 50, 1)
        steps, rates = (self.state_steps, self.action_steps), (self.learning_rate, self.state_rate)
        return Budget(self.particles, *steps, *rates, rounds, self.tempered)


@dataclass(frozen=True)
class Spread:
    """Standard deviations over D+, metres: of the level motion that actions command (paper A.15; of a direction and a distance no
    mean can be taken), of where the failed cluster stands, and of its members within it."""

    actions: float
    places: float
    within: float


@dataclass(frozen=True)
class Kept:
    """Mean share of R_F that holds: of the particles that are to keep it as the detector believes of the drawn and of the final
    states and in their simulated scenes; in the scenes of D+, and in those with directions as the robot sees them."""

    drawn: float
    believed: float
    simulated: float
    chosen: float
    robot: float


@dataclass(frozen=True)
class Targeted:
    """D+ and how it came about."""

    outcomes: tuple[Outcome, ...]
    besides: tuple[Outcome, ...]
    """Executions around the failure that go otherwise than was observed or have other extents: learnt from, not judged on."""
    spare: tuple[Outcome, ...]
    """Stable scenes that were not chosen: the acceptance test judges on them. See chosen.parted."""
    worlds: tuple[Disturbances, ...]
    """In which these were carried out, first those of D+, then the spare ones."""
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
    felt: Felt | None = None
    """What the information measure added to the density of actions; None where actions are not chosen by one."""

    @property
    def learnt(self) -> tuple[Outcome, ...]:
        """All that is learnt from."""
        return self.outcomes + self.besides

    @property
    def judged(self) -> tuple[tuple[Outcome, Disturbances], ...]:
        """What the acceptance test judges on, with its world: the spare scenes, or those of D+ where there are none."""
        every = tuple(zip((*self.outcomes, *self.spare), self.worlds, strict=True))
        return every[len(self.outcomes) :] or every

    @property
    def kept(self) -> float:
        """Share of the failure's relations that hold in the simulated scenes of D+."""
        return self.relations_kept.chosen

    @property
    def kept_of_all(self) -> float:
        """The same over every particle that became a scene and does not explore, before the best were chosen."""
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
    """Make D+ for a failure. NothingToVaryError where there is nothing to learn from; GeneratorError: see Checked."""
    clock, generator, rng = Stages(report), _generator(model, options), torch.Generator().manual_seed(seed)
    options = options if generator.part.explores else replace(options, explorers=0.0)
    sure = options.particles - options.exploring
    with clock("set-up"):
        event = known_afterwards(event, model, simulator, seed)
        doing = _doing(event, model, simulator, options, seed, rebuild(event))
        density, drawn = doing.density, doing.density.space.draw(options.particles, rng)
    with clock("states"):
        states = torch.cat([generator.states(density, drawn[:sure], options.budget(), rng), drawn[sure:]])
    with clock("actions"):
        action_space = doing.action_space(states)
        gain, added = felt(information(model, action_space, _measure(model, options), seed), seed)
        actions = generator.actions(gain, options.budget(), rng, action_space.failed())
    with clock("simulation"):
        believed = density.kept(drawn[:sure]), density.kept(states[:sure])
        done, again = doing.carry_out(states, actions, action_space.parameters(actions)), doing.again()
        done, teaches = doing.conditioned(done, again, options.samples if options.exploring else 0, rng)
        if not done.samples:
            raise NothingToVaryError(f"none of {len(states)} generated scenes was stable; use more samples or another failure")
        chosen = _chosen(doing, done, teaches, options)
        most = round(_BESIDES * options.samples)
        besides = doing.besides(done, chosen.left, teaches, again, most) + doing.reshaped(done, chosen.taken, again, most)
    made = _targeted(doing, done, chosen, besides, options, (drawn, states, actions), believed, clock.seconds)
    return replace(made, felt=said(gain, added, actions))


def _doing(
    event: FailureEvent, model: SkillEffectModel, simulator: Simulator, options: TargetOptions, seed: int, base: Scene
) -> Execution:
    """How particles of a failure are carried out; `base` is O_F rebuilt."""
    belief = encode_observation(model, event.before)
    physics = told(event, base, simulator, options.physics, seed)
    space = state_space(belief, observed(event), base, options.freedom, physics, options.placing)
    unsure = torch.from_numpy(doubted(event.relations_before, base, simulator, seed))
    density = FailureRelations(model, belief, space, event.relations_before, options.scope, doubted=unsure)
    return Execution(model, event, base, density, simulator, seed)


def _chosen(doing: Execution, done: Executed, teaches: Array, options: TargetOptions) -> Chosen:
    """Which samples become D+; teaches (K,): see chosen.teaching."""
    particles, sure = np.array([sample.particle for sample in done.samples]), options.particles - options.exploring
    explorer, shares = (particles >= sure) & (particles < options.particles), doing.kept(done)
    order = ranked(shares, doing.seen(done), teaches, explorer, options.samples, options.explorers)
    together = doing.kept(done, doing.density.space.group)
    return Chosen(*parted(order, together, teaches, options.samples), order, shares)


def _targeted(
    doing: Execution,
    done: Executed,
    chosen: Chosen,
    besides: tuple[Outcome, ...],
    options: TargetOptions,
    particles: tuple[Tensor, Tensor, Tensor],
    believed: tuple[float, float],
    seconds: dict[str, float],
) -> Targeted:
    """D+ and how it came about. particles: (M', D) states as drawn and as they are carried out, and (M', D') actions."""
    best, spare = ([done.samples[row] for row in rows] for rows in (chosen.taken, chosen.apart))
    space, shares = doing.density.space, chosen.shares
    sure = np.array([sample.particle < options.particles - options.exploring for sample in done.samples])
    simulated = float(shares[sure].mean()) if sure.any() else 0.0
    robot = float(doing.kept(done, robot=True)[chosen.taken].mean())
    return Targeted(
        tuple(sample.outcome for sample in best),
        besides,
        tuple(sample.outcome for sample in spare),
        tuple(done.worlds[sample.particle] for sample in (*best, *spare)),
        *particles,
        space,
        Kept(*believed, simulated, float(shares[chosen.taken].mean()), robot),
        _spread(space, doing.event.before.names, best),
        len(done.states),
        len(done.samples),
        done.recovered,
        seconds,
    )


def _generator(model: SkillEffectModel, options: TargetOptions) -> Checked:
    """The generator asked for; the one that needs no slopes where a model has none (docs/decisions/0026)."""
    steep = GENERATORS.get(options.method).slopes and Capability.GRADIENT not in model.capabilities
    name = WITHOUT_SLOPES if steep else options.method
    return Checked(name, GENERATORS.get(name))


def _measure(model: SkillEffectModel, options: TargetOptions) -> str:
    """What actions are chosen by."""
    measured = Capability.GRADIENT in model.capabilities and GENERATORS.get(options.method).measured
    return options.acquisition if measured else PRIOR


def observed(event: FailureEvent) -> Observed:
    """What an event shows, for the Stein inference."""
    broken = event.header.mismatches
    named = tuple(name for mismatch in broken for name in mismatch.names)
    return Observed(event.before, event.after, event.relations_before, event.header.call.call(), named)


def _spread(space: StateSpace, names: tuple[str, ...], samples: list[Sample]) -> Spread:
    commanded = np.array([sample.outcome.call.shift[:2] for sample in samples])
    where = np.array([sample.outcome.before.scene.position(names[space.moved])[:2] for sample in samples])
    return Spread(float(commanded.std(axis=0).mean()), float(where.std(axis=0).mean()), within(space, names, samples))
