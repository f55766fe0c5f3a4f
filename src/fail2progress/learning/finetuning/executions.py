"""Particles carried out in simulation, and how much each execution teaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array, Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.physics import disturbances
from fail2progress.learning.finetuning.border import HALVINGS, Pairs, pairs
from fail2progress.learning.finetuning.chosen import (
    ENOUGH,
    OTHERWISE,
    as_observed,
    ends_alike,
    falling,
    held_up,
    in_view,
    mistaken,
    teaching,
    tipping,
)
from fail2progress.learning.finetuning.conditional import ROUNDS, descendants
from fail2progress.learning.finetuning.doubt import without
from fail2progress.learning.finetuning.extents import with_other_extents
from fail2progress.learning.finetuning.instantiate import Sample, in_hand, jobs, kept, scenes, simulated
from fail2progress.learning.finetuning.repetitions import repeat
from fail2progress.models.base import SkillEffectModel
from fail2progress.simulation.base import Disturbances, Outcome, Simulator
from fail2progress.skills.registry import skill
from fail2progress.stein.actions import ActionSpace, aim
from fail2progress.stein.bijectors import Chart
from fail2progress.stein.commands import commands
from fail2progress.stein.likelihood import FailureRelations

_OTHER_EXTENTS = 3
"""Executions with other extents that are met for each that is learnt from: about half of them show the failure all the same."""


@dataclass(frozen=True)
class Executed:
    """(M, D) state and (M, D') action particles with their M worlds, what of them became executions, and whether the model gets
    each of these wrong; how many had to be corrected first."""

    states: Tensor
    actions: Tensor
    worlds: tuple[Disturbances, ...]
    samples: tuple[Sample, ...]
    wrong: Mask
    recovered: int

    @property
    def outcomes(self) -> list[Outcome]:
        """Of the samples."""
        return [sample.outcome for sample in self.samples]

    def particles(self, rows: Sequence[int]) -> Tensor:
        """(K, D + D') states and actions of the samples in `rows`, side by side."""
        chosen = [self.samples[row].particle for row in rows]
        return torch.cat([self.states[chosen], self.actions[chosen]], dim=1)

    def with_more(self, other: Executed) -> Executed:
        """These and others, whose particles are counted on."""
        later = tuple(replace(sample, particle=sample.particle + len(self.states)) for sample in other.samples)
        return Executed(
            torch.cat([self.states, other.states]),
            torch.cat([self.actions, other.actions]),
            self.worlds + other.worlds,
            self.samples + later,
            np.concatenate([self.wrong, other.wrong]),
            self.recovered + other.recovered,
        )

    def only(self, chosen: Mask) -> Executed:
        """All particles, and of the samples those that are `chosen` (K,)."""
        left = tuple(sample for sample, one in zip(self.samples, chosen, strict=True) if one)
        return replace(self, samples=left, wrong=self.wrong[chosen])


@dataclass(frozen=True)
class Execution:
    """How particles of a failure are carried out. `base` is O_F rebuilt."""

    model: SkillEffectModel
    event: FailureEvent
    base: Scene
    density: FailureRelations
    simulator: Simulator
    seed: int

    def action_space(self, states: Tensor) -> ActionSpace:
        """The failed skill's parameters for (M, D) states."""
        call, space = self.event.header.call.call(), self.density.space
        with torch.no_grad():
            return ActionSpace(call, space, self.density.moved(states), commands(call, space, states), aim(call, space, states))

    def carry_out(self, states: Tensor, actions: Tensor, parameters: Tensor, part: int = 0) -> Executed:
        """Execute (M, D) states with (M, D') actions of these (M, n) parameters; each `part` is seen from other places."""
        space, names = self.density.space, self.density.belief.names
        worlds = tuple(disturbances(shares) for shares in space.physics.shares(space.world(states)))
        made, call = scenes(space, names, self.base, states), self.event.header.call.call()
        work = jobs(made, call, parameters, in_hand(space, names), self.seed + part, worlds)
        samples, recovered = simulated(self.simulator, work, space.turn(states))
        return Executed(states, actions, worlds, tuple(samples), self.wrong([one.outcome for one in samples]), recovered)

    @property
    def concerned(self) -> list[str]:
        """Names of what the failure concerns."""
        return [self.event.before.names[row] for row in self.density.space.concerned]

    def again(self) -> tuple[Outcome, ...]:
        """The failure carried out again in its rebuilt scene."""
        return repeat(self.event, self.base, self.simulator, self.seed, physics=self.density.space.physics).outcomes

    def wrong(self, outcomes: Sequence[Outcome]) -> Mask:
        """(K,) which executions the model gets wrong."""
        kinds = [mismatch.relation for mismatch in self.event.header.mismatches]
        return np.array([mistaken(self.model, outcome, self.concerned, kinds) for outcome in outcomes], bool)

    def alike(self, outcomes: Sequence[Outcome], again: Sequence[Outcome]) -> Mask:
        """(K,) in which executions the failure came about as it was observed."""
        broken = self.event.header.mismatches
        found = as_observed(broken, self.concerned, outcomes, again) & ends_alike(self.event, outcomes, again)
        if again and not skill(self.event.header.call.skill).carries and all(held_up(self.model, one) for one in again):
            # What stopped it is no part of what hangs together with it: most scenes lack it (docs/decisions/0121).
            found &= np.array([held_up(self.model, one) for one in outcomes], bool)
        return np.asarray(found)

    def teaches(self, done: Executed, again: Sequence[Outcome]) -> Array:
        """(K,) how much samples teach."""
        return teaching(done.wrong, self.alike(done.outcomes, again))

    def kept(self, done: Executed, among: Sequence[int] | None = None, robot: bool = False) -> Array:
        """(K,) share of R_F that each sample keeps, of what is not in doubt (see instantiate.kept); all of an empty one."""
        space, unsure = self.density.space, self.density.doubted
        then = self.event.relations_before
        relations = then if unsure is None else without(then, unsure.numpy())
        held = [kept(relations, space, one, robot, among) for one in done.samples]
        return np.array([one.mean() if one.size else 1.0 for one in held])

    def seen(self, done: Executed) -> Array:
        """(K,) how much of what is concerned is in view in each sample."""
        return np.array([in_view(sample, self.concerned) for sample in done.samples])

    def besides(
        self, done: Executed, rows: Sequence[int], teaches: Array, again: Sequence[Outcome], most: int
    ) -> tuple[Outcome, ...]:
        """Up to `most` executions, of the samples in `rows`, in which something falls where the failure showed no fall, or
        nothing where it did: half of them as near as may be to what shows the failure, halfway again and again to the nearest of
        that. teaches (K,): of all samples.

        Of all that may go otherwise than was observed a fall is what a model has weights of its own for, and what ends a plan.
        What a skill carries may lose things anywhere on its way, which no weights say: then there are none (docs/decisions/0110).
        What falls far from where others stay tells that things fall, and what falls near it where (docs/decisions/0111).
        """
        falls = np.array([falling(one).any() for one in done.outcomes], bool)
        shows = [int(row) for row in np.flatnonzero(teaches == 1)]
        fell = bool(2 * falls[shows].sum() > len(shows))
        others = [row for row in rows if teaches[row] == OTHERWISE and falls[row] != fell]
        if skill(self.event.header.call.skill).carries or not others or not shows:
            return ()
        width, near = done.states.shape[1], self._pairs(done, shows, others)
        found = [done.samples[row].outcome for row in others]
        for number in range(HALVINGS):
            middle, possible = near.halfway(self.density.space)
            states, actions = middle[possible, :width], middle[possible, width:]
            if not len(states):
                break
            more = self.carry_out(states, actions, self.action_space(states).parameters(actions), ROUNDS + number + 1)
            for sample, value in zip(more.samples, self.teaches(more, again), strict=True):
                row = int(possible[sample.particle])
                if value == 1:
                    near.shows[row] = middle[row]
                elif value and falling(sample.outcome).any() != fell:
                    near.goes[row], found[row] = middle[row], sample.outcome
        nearest = [found[int(row)] for row in near.apart().argsort(stable=True)[: most - most // 2]]
        drawn = [done.samples[row].outcome for row in others]
        return (*nearest, *[one for one in drawn if all(one is not other for other in nearest)][: most // 2])

    def reshaped(self, done: Executed, rows: Sequence[int], again: Sequence[Outcome], most: int) -> tuple[Outcome, ...]:
        """Up to `most` executions, of the samples in `rows` in turn, with other extents of what tips over in the failure, that do
        not show it: whether a thing tips hangs on its extents, and all of D+ has the failed ones (docs/decisions/0111)."""
        names = [name for name in tipping(self.event, again) if self._stands_alone(name)]
        if not names or not rows:
            return ()
        rng, count = np.random.default_rng(self.seed), _OTHER_EXTENTS * most
        samples = [done.samples[rows[number % len(rows)]] for number in range(count)]
        made = [with_other_extents(one.outcome.before.scene, names, rng) for one in samples]
        commands, worlds = [one.outcome.call.parameters for one in samples], [done.worlds[one.particle] for one in samples]
        group = in_hand(self.density.space, self.density.belief.names)
        work = jobs(made, self.event.header.call.call(), torch.tensor(commands), group, self.seed, worlds)
        found = [one.outcome for one in simulated(self.simulator, work, torch.zeros(count))[0]]
        return tuple(one for one, shows in zip(found, self.alike(found, again), strict=True) if not shows)[:most]

    def _pairs(self, done: Executed, shows: Sequence[int], others: Sequence[int]) -> Pairs:
        """The samples in `others`, each with the nearest of those in `shows`."""
        return pairs(self.density.space, self._action_chart(), done.particles(shows), done.particles(others))

    def _action_chart(self) -> Chart:
        """Bounds of the actions' coordinates, the same in every state."""
        return self.action_space(self.density.space.observed().unsqueeze(0)).chart()

    def _stands_alone(self, name: str) -> bool:
        """Whether a thing is solid and nothing stands on it: then its extents can change and all else stay."""
        carries = {self.event.before.names[row] for row in self.density.space.parent.values()}
        return name in self.base.names and not self.base.objects[self.base.index(name)].kind.container and name not in carries

    def conditioned(
        self, done: Executed, again: Sequence[Outcome], samples: int, generator: torch.Generator
    ) -> tuple[Executed, Array]:
        """What is `done`, and where fewer than `samples` of it show what was observed, more that does (conditional.py); and how
        much each of all that teaches."""
        teaches = self.teaches(done, again)
        if int((teaches == 1).sum()) >= samples:
            return done, teaches
        donors, count, own = (done.states, done.actions), max(len(done.states) // 2, 1), self._observed(again)
        chart = self._action_chart()
        for number in range(ROUNDS):
            parents = _showing(done, teaches, own)
            if int((teaches == 1).sum()) >= samples + ENOUGH or not len(parents[0]):
                break
            states, actions = descendants(self.density.space, chart, parents, donors, count, generator)
            if not len(states):
                break
            more = self.carry_out(states, actions, self.action_space(states).parameters(actions), number + 1)
            both = done.with_more(more)
            teaches = self.teaches(both, again)
            kept = (teaches == 1) | (np.arange(len(teaches)) < len(done.samples))
            done, teaches = both.only(kept), teaches[kept]
        return done, teaches

    def _observed(self, again: Sequence[Outcome]) -> tuple[Tensor, Tensor]:
        """(1, D) state and (1, D') action: O_F and the failed call, if most repetitions show what was observed and the model gets
        them wrong; (0, D) and (0, D') otherwise."""
        states = self.density.space.observed().unsqueeze(0)
        count = int(2 * int((self.alike(again, again) & self.wrong(again)).sum()) > len(again))
        return states[:count], self.action_space(states).failed()[:count]


def _showing(done: Executed, teaches: Array, own: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """(P, D) states and (P, D') actions of what shows the failure, and O_F's `own` after these."""
    rows = [sample.particle for sample, value in zip(done.samples, teaches, strict=True) if value == 1]
    return torch.cat([done.states[rows], own[0]]), torch.cat([done.actions[rows], own[1]])
