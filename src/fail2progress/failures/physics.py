"""Which physics explains a motion that was seen: a posterior over a property of the world, from one failed skill.

The paper's generation varies poses and actions only (its limitation 5). Here the failed skill is repeated in the rebuilt scene
with the property at values from a tenth of the ordinary on; what moved as it was seen to move is likely. Repetitions with
shifted starts say how much of the motion hangs on millimetres. Where the motion does not tell, the spread says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import BOUNCIEST, Disturbances, Job, Simulator
from fail2progress.skills.base import SkillCall

FINE = 241
"""Values at which the posterior is held, between those that were simulated."""
TELLS = 0.12
"""Spread of the posterior, as a share of the value, up to which a motion tells the property."""
_FAR = 4.0
"""Standard deviations from which the likelihood falls like an exponential and no longer like a Gaussian."""
_LEAST = -700.0
"""Logarithm above which likelihoods are numbers that a computer has: where the best is below, all are lifted to it alike."""
SURPRISE = 3.0
"""Nats by which another value must explain the motion better than the ordinary one to be called the cause."""


class UntoldError(ValueError):
    """A motion that tells nothing of a property: none was seen, or none begins at rest."""


@dataclass(frozen=True)
class Property:
    """What may be other than ordinary in the world, as a share of the ordinary, and the values that are tried."""

    name: str
    says: str
    """In sentences: "the friction between things"."""
    disturb: Callable[[float], Disturbances]
    low: float = 0.1
    high: float = 1.4
    steps: int = 18
    ordinary: float = 1.0
    """What the simulation has."""

    @property
    def values(self) -> Array:
        """(K,) shares of the ordinary, in equal ratios."""
        return np.geomspace(self.low, self.high, self.steps)


def _of_surface(share: float) -> Disturbances:
    return Disturbances(surface=share)


def _of_weight(share: float) -> Disturbances:
    return Disturbances(weight=share)


def _of_centre(share: float) -> Disturbances:
    return Disturbances(centre=share)


def _of_bounce(share: float) -> Disturbances:
    return Disturbances(bounce=share)


SURFACE = Property("surface", "the friction between things", _of_surface)
PROPERTIES = {
    "friction": SURFACE,
    "weight": Property("weight", "the weight of things", _of_weight, 0.3, 6.0),
    "centre": Property("centre", "the height of centres of mass", _of_centre, 0.4, 1.8),
    "restitution": Property("bounce", "the bounce of things", _of_bounce, 0.05, BOUNCIEST, ordinary=0.05),
}
"""What can be inferred from a motion, by the names under which it is asked for."""


def disturbances(shares: Mapping[str, float]) -> Disturbances:
    """A world with these properties, by the names of PROPERTIES."""
    weight, surface, centre = (shares.get(name, 1.0) for name in ("weight", "friction", "centre"))
    return Disturbances(weight=weight, surface=surface, centre=centre, bounce=shares.get("restitution", 0.0))


TOLD_APART = 0.003
"""Metres by which what is seen of a motion must differ for two values of a property to be told apart."""


@dataclass(frozen=True)
class Posterior:
    """values: (K,) shares of the ordinary, in equal ratios; density: (K,) summing to 1, from a prior that is flat in ratios."""

    values: Array
    density: Array

    def __post_init__(self) -> None:
        if self.values.shape != self.density.shape or not np.isclose(self.density.sum(), 1.0):
            raise ValueError(f"a density of {self.density.shape} over {self.values.shape} values must sum to 1")

    @property
    def mean(self) -> float:
        """Geometric mean."""
        return float(np.exp((np.log(self.values) * self.density).sum()))

    @property
    def spread(self) -> float:
        """Standard deviation of the logarithm: 0.1 is about a tenth of the value."""
        logarithm = np.log(self.values)
        middle = (logarithm * self.density).sum()
        return float(np.sqrt(((logarithm - middle) ** 2 * self.density).sum()))

    @property
    def tells(self) -> bool:
        """Whether the motion told the property. A value at the end of what was tried may lie beyond it."""
        low, high = self.interval(0.9)
        return bool(self.spread <= TELLS and low > self.values[0] and high < self.values[-1])

    def interval(self, share: float) -> tuple[float, float]:
        """The middle `share` of the probability, from where to where."""
        cumulated = np.cumsum(self.density)
        rows = np.searchsorted(cumulated, [0.5 - share / 2, 0.5 + share / 2]).clip(0, len(self.values) - 1)
        return float(self.values[rows[0]]), float(self.values[rows[1]])

    def surprise(self, ordinary: float = 1.0) -> float:
        """Nats by which the best value explains the motion better than the ordinary one."""
        row = int(np.abs(np.log(self.values / ordinary)).argmin())
        return float(np.log(self.density.max()) - np.log(self.density[row] + 1e-300))


@dataclass(frozen=True)
class Inference:
    """Repeats a skill with a property at several values."""

    simulator: Simulator
    camera: Camera
    repetitions: int = 3
    jitter: float = 0.003
    """Standard deviation (m) of how well the rebuilt start fits the true one."""
    noise: float = 0.003
    """Standard deviation (m) of a motion that was seen, from clouds of parts of things."""
    doubt: float = 0.002
    """Share of motions that no value of the property explains."""

    def infer(self, scene: Scene, call: SkillCall, seen: Array, prop: Property = SURFACE, seed: int = 0) -> Posterior:
        """The posterior of a property.

        seen: (N, 3) how far each of the scene's objects was seen to move (m), NaN for what was not seen. UntoldError where
        nothing was seen, or where no repetition starts from rest; OrdinaryPhysicsError for a simulator that knows no other.
        """
        known = np.isfinite(seen).all(axis=1) & np.array([spec.movable for spec in scene.objects])
        if seen.shape != (len(scene), 3) or not known.any():
            raise UntoldError(f"no motion of the {len(scene)} objects was seen: shape {seen.shape}")
        values = prop.values
        motions = self._motions(scene, call, prop, seed)[:, :, known]
        fine = np.geomspace(values[0], values[-1], FINE)
        likely = [self._log_likelihood(_between(values, motions[:, r], fine), seen[known]) for r in range(motions.shape[1])]
        lift = max(_LEAST - float(np.max(likely)), 0.0)
        density = np.mean([np.exp(one + lift) for one in likely], axis=0)
        density = (1.0 - self.doubt) * density / density.sum() + self.doubt / FINE
        return Posterior(fine, density / density.sum())

    def depends(self, scene: Scene, call: SkillCall, prop: Property, seed: int = 0) -> bool:
        """Whether the motion of anything is another one at an end of the range or halfway. Errors: see infer."""
        few, once = replace(prop, steps=3), replace(self, repetitions=1)
        motions = once._motions(scene, call, few, seed)[:, 0]
        return bool(np.nan_to_num(np.ptp(motions, axis=0)).max(initial=0.0) > TOLD_APART)

    def _motions(self, scene: Scene, call: SkillCall, prop: Property, seed: int) -> Array:
        """(K, R, N, 3) how far everything moves at every value, in every repetition (m)."""
        rng = np.random.default_rng(seed)
        movable = np.array([spec.movable for spec in scene.objects])
        starts = [self._shifted(scene, movable, rng, first=r == 0) for r in range(self.repetitions)]
        jobs = [
            Job(start, call, self.camera, seed=seed, disturbances=prop.disturb(float(value)))
            for value in prop.values
            for start in starts
        ]
        outcomes = list(self.simulator.execute_all(jobs))
        moved = np.stack([shifts(o.before.cloud, o.after.cloud, scene.names) for o in outcomes])
        steady = np.array([o.stable for o in outcomes]).reshape(prop.steps, self.repetitions)
        if not steady.all(axis=0).any():
            raise UntoldError("the rebuilt scene does not rest at every value of the property")
        return moved.reshape(prop.steps, self.repetitions, len(scene), 3)[:, steady.all(axis=0)]

    def _shifted(self, scene: Scene, movable: Array, rng: np.random.Generator, first: bool) -> Scene:
        poses = scene.poses.copy()
        poses[movable, :2] += self.jitter * rng.standard_normal(2) * (not first)
        return scene.with_poses(poses)

    def _log_likelihood(self, motions: Array, seen: Array) -> Array:
        """(F,) of what was seen (n, 3), by motions (F, n, 3); what a simulated camera did not see counts as ordinary noise."""
        off = np.nan_to_num((motions - seen) / self.noise, nan=1.0)
        # Far out it falls like an exponential: one thing that rolled elsewhere must not decide over all others.
        far = np.sqrt(1.0 + np.square(off).sum(axis=-1) / _FAR**2) - 1.0
        return np.asarray(-(_FAR**2) * far.sum(axis=-1))


def shifts(before: SegmentedCloud, after: SegmentedCloud, names: tuple[str, ...]) -> Array:
    """(N, 3) how far the middle of what is seen of each of `names` moved (m); NaN where it was not seen both times."""
    moved = np.full((len(names), 3), np.nan)
    for row, name in enumerate(names):
        if name in before.names and name in after.names:
            then, now = before.index(name), after.index(name)
            if before.seen[then] and after.seen[now] and min(before.visibility[then], after.visibility[now]) > 0:
                moved[row] = (after.bounds()[now] - before.bounds()[then]).mean(axis=0)
    return moved


def untold(prop: Property) -> Posterior:
    """What is known of a property before any motion."""
    return Posterior(np.geomspace(prop.low, prop.high, FINE), np.full(FINE, 1.0 / FINE))


def _between(values: Array, motions: Array, fine: Array) -> Array:
    """(F, n, 3) motions (K, n, 3) between the values that were simulated, linear in the logarithm."""
    at = np.interp(np.log(fine), np.log(values), np.arange(len(values)))
    low = np.minimum(at.astype(int), len(values) - 2)
    share = (at - low)[:, None, None]
    return np.asarray((1.0 - share) * motions[low] + share * motions[low + 1])


def explanation(prop: Property, found: Posterior) -> str:
    """What the posterior says of the cause in one sentence; "" where the ordinary value does as well, or nothing is told."""
    if found.surprise(prop.ordinary) < SURPRISE or not found.tells:
        return ""
    low, high = found.interval(0.9)
    return f"{prop.says} at {found.mean:.2f} of the ordinary ({low:.2f} to {high:.2f}) would explain the motion"
