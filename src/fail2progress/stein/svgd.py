"""Stein variational gradient descent and its baseline without interaction (paper 5.2, A.13, Eq. 5 and 7)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from fail2progress.models.training.adam import Adam
from fail2progress.stein.bijectors import Chart, Embedding, plain_embedding
from fail2progress.stein.kernel import Bandwidth, median_bandwidth, rbf

LogDensity = Callable[[Tensor], Tensor]
"""Values (M, D) -> ln p (M,), up to a constant, differentiable; row i depends on particle i alone."""

Callback = Callable[[int, Tensor, Tensor], None]
"""Called before each step with its index, the values (M, D) and ln p (M,)."""


class Direction(ABC):
    """Where particles move, given each one's own slope of ln p.

    Attributes:
        name: by which `direction_named` finds it.
        over_coordinates: whether the target is a density over the chart's coordinates, so that the chart's volume
            belongs to ln p. A mode of the values is the same in every chart, a distribution is not.
    """

    name: ClassVar[str]
    over_coordinates: ClassVar[bool]

    @abstractmethod
    def __call__(self, scores: Tensor, embedding: Embedding) -> Tensor:
        """Scores grad ln p(z_j) (M, D) and the particles' features -> direction of ascent (M, D)."""


@dataclass(frozen=True)
class Stein(Direction):
    """Phi of Eq. 5 and 7: mean_j [k(z_j, z_i) grad ln p(z_j) + grad_{z_j} k(z_j, z_i)]."""

    bandwidth: Bandwidth = median_bandwidth
    name: ClassVar[str] = "stein"
    over_coordinates: ClassVar[bool] = True

    def __call__(self, scores: Tensor, embedding: Embedding) -> Tensor:
        """Attraction shared through the kernel, and repulsion."""
        kernel = rbf(embedding.features, self.bandwidth, embedding.slopes)
        repulsion = embedding.fold(kernel.repulsion, scores.shape[1])
        return (kernel.matrix.T @ scores + repulsion) / len(scores)


@dataclass(frozen=True)
class Gradient(Direction):
    """Each particle alone uphill: the paper's Gradient baseline (section 6)."""

    name: ClassVar[str] = "gradient"
    over_coordinates: ClassVar[bool] = False

    def __call__(self, scores: Tensor, embedding: Embedding) -> Tensor:
        """The scores themselves."""
        return scores


DIRECTIONS: dict[str, Callable[[], Direction]] = {Stein.name: Stein, Gradient.name: Gradient}


def direction_named(name: str) -> Direction:
    """The direction of that name with its defaults; ValueError if there is none."""
    if name not in DIRECTIONS:
        raise ValueError(f"unknown direction {name!r}, choose from {', '.join(DIRECTIONS)}")
    return DIRECTIONS[name]()


@dataclass(frozen=True, eq=False)
class Result:
    """What an optimisation left behind.

    Attributes:
        particles: (M, D) final values.
        log_densities: (steps + 1, M) ln p over values before each step and, in the last row, of the final particles.
        steps: steps taken, fewer than asked for if it was stopped.
    """

    particles: Tensor
    log_densities: Tensor
    steps: int


def optimise(
    log_density: LogDensity,
    particles0: Tensor,
    direction: Direction,
    *,
    steps: int,
    learning_rate: float,
    chart: Chart | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
    callback: Callback | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Result:
    """Move all particles at once along `direction` with Adam (A.13.3).

    Args:
        log_density: target over values; with a chart, against the uniform prior over its ranges.
        particles0: (M, D) values to start from.
        steps: number of steps.
        learning_rate: of Adam, in the unit of the coordinates (with a chart, dimensionless logits and radians).
        chart: keeps the values in their ranges; without one, values are their own coordinates.
        betas: decay rates of Adam's two moments. Particles that start almost on one spot repel each other so hard at
            first that the second moment's default keeps later steps small for hundreds of steps; 0.9 forgets faster.
        callback: observer.
        should_stop: asked before each step; True ends the optimisation with what has been reached.

    Raises:
        ValueError: malformed particles, settings or density.
        FloatingPointError: ln p is NaN or its gradient not finite (the particles are named).
    """
    _require_settings(particles0, steps, learning_rate, chart)
    start = particles0 if chart is None else chart.to_coordinates(particles0)
    coordinates = start.detach().clone().requires_grad_()
    adam = Adam([coordinates], lr=learning_rate, betas=betas, maximize=True)
    history: list[Tensor] = []
    for step in range(steps):
        if should_stop is not None and should_stop():
            break
        values, log_densities, scores = _evaluate(log_density, coordinates, direction, chart, step)
        history.append(log_densities)
        if callback is not None:
            callback(step, values, log_densities)
        with torch.no_grad():
            embedding = plain_embedding(coordinates) if chart is None else chart.embed(coordinates)
            coordinates.grad = direction(scores, embedding)
        adam.step()
    with torch.no_grad():
        values = _values(coordinates.detach(), chart)
        final = _checked(log_density(values), values, len(history))
    return Result(values, torch.stack([*history, final]), len(history))


def _values(coordinates: Tensor, chart: Chart | None) -> Tensor:
    return coordinates if chart is None else chart.to_values(coordinates)


def _evaluate(
    log_density: LogDensity, coordinates: Tensor, direction: Direction, chart: Chart | None, step: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Values (M, D), ln p (M,) and the scores (M, D) by coordinates."""
    values = _values(coordinates, chart)
    log_densities = _checked(log_density(values), values, step)
    if not log_densities.requires_grad:
        raise ValueError("the log density does not depend on the particles (computed without gradient?)")
    target = log_densities
    if chart is not None and direction.over_coordinates:
        target = target + chart.log_abs_det_jacobian(coordinates)
    (scores,) = torch.autograd.grad(target.sum(), coordinates)
    _require_finite(scores.isfinite().all(-1), step, "the gradient of the log density is not finite")
    return values.detach().clone(), log_densities.detach(), scores


def _checked(log_densities: Tensor, values: Tensor, step: int) -> Tensor:
    if log_densities.shape != values.shape[:1]:
        raise ValueError(f"log density of shape {tuple(log_densities.shape)} for particles {tuple(values.shape)}")
    _require_finite(~log_densities.isnan(), step, "the log density is not a number")
    return log_densities


def _require_finite(sound: Tensor, step: int, what: str) -> None:
    if not sound.all():
        numbers = ", ".join(str(i) for i in (~sound).nonzero().flatten().tolist())
        raise FloatingPointError(f"step {step}, particle {numbers}: {what}")


def _require_settings(particles0: Tensor, steps: int, learning_rate: float, chart: Chart | None) -> None:
    if particles0.ndim != 2 or len(particles0) == 0 or not particles0.is_floating_point():
        raise ValueError(f"particles must be floating point (M, D) with M >= 1, not {tuple(particles0.shape)}")
    if chart is not None and chart.dimensions != particles0.shape[1]:
        raise ValueError(f"particles have {particles0.shape[1]} dimensions, the chart {chart.dimensions}")
    if steps < 0 or not learning_rate > 0:
        raise ValueError(f"needs steps >= 0 and learning rate > 0, not {steps} and {learning_rate:g}")
