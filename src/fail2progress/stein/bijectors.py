"""Bounded, differentiable changes of variables, in which particles cannot leave their prior's range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

TURN = 2 * math.pi
EDGE_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Embedding:
    """Particles as the kernel sees them.

    Attributes:
        features: (M, F), dimensionless; Euclidean distance here is the distance of particles.
        slopes: (M, F), derivative of each feature by the one coordinate on which it depends.
        owners: (F,), index of that coordinate.
    """

    features: Tensor
    slopes: Tensor
    owners: Tensor

    def fold(self, per_feature: Tensor, dimensions: int) -> Tensor:
        """Add what belongs to one coordinate: (M, F) -> (M, dimensions)."""
        folded = per_feature.new_zeros(len(per_feature), dimensions)
        return folded.index_add_(1, self.owners, per_feature)


def plain_embedding(coordinates: Tensor) -> Embedding:
    """Coordinates (M, D) as their own features."""
    owners = torch.arange(coordinates.shape[1], device=coordinates.device)
    return Embedding(coordinates, torch.ones_like(coordinates), owners)


@dataclass(frozen=True)
class Chart:
    """Unconstrained coordinates z in R^D for values x with low <= x <= high; z = 0 is the middle of the range.

    A bounded dimension is x = low + (high - low) sigmoid(z). A periodic one is a circle of circumference high - low:
    z is the phase in radians, x its wrapped value, and distance in the kernel is the chord.

    Attributes:
        low, high: (D,) bounds in the unit of the values (m, rad); of a periodic dimension, one whole period.
        periodic: (D,), or empty if no dimension is.

    Raises:
        ValueError: lengths differ, or a range is empty, reversed or not finite (the dimension and bounds are named).
    """

    low: Sequence[float]
    high: Sequence[float]
    periodic: Sequence[bool] = ()

    def __post_init__(self) -> None:
        """Refuse an empty or reversed range."""
        lengths = len(self.low), len(self.high), len(self.periodic) or len(self.low)
        if len(set(lengths)) != 1 or lengths[0] == 0:
            raise ValueError("bounds of unequal length or none: {} low, {} high, {} periodic".format(*lengths))
        for index, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(f"dimension {index}: not a range: [{low:g}, {high:g}]")

    @property
    def dimensions(self) -> int:
        """D."""
        return len(self.low)

    def to_values(self, coordinates: Tensor) -> Tensor:
        """Coordinates (..., D) -> values (..., D) in [low, high], differentiable."""
        turns = torch.remainder(coordinates / TURN + 0.5, 1.0)
        unit = torch.where(self._mask(coordinates), turns, torch.sigmoid(coordinates))
        # lerp is exact at both ends, low + (high - low) * unit is not.
        return torch.lerp(*self._bounds(coordinates), unit)

    def to_coordinates(self, values: Tensor) -> Tensor:
        """Values (..., D) -> coordinates (..., D); values on a bound are moved inside by the resolution of their type.

        Raises:
            ValueError: a value is not finite, or a bounded one outside its range (the first such one is named).
        """
        low, high = self._bounds(values)
        unit, mask = (values - low) / (high - low), self._mask(values)
        self._require_inside(torch.where(mask & unit.isfinite(), 0.5, unit), values)
        eps = torch.finfo(values.dtype).eps
        bounded = torch.logit(unit.clamp(eps, 1 - eps))
        return torch.where(mask, TURN * (torch.remainder(unit, 1.0) - 0.5), bounded)

    def log_abs_det_jacobian(self, coordinates: Tensor) -> Tensor:
        """ln |dx/dz| of coordinates (..., D) -> (...); added to ln p(x), it makes a uniform p(x) proper over z."""
        low, high = self._bounds(coordinates)
        sigmoid_slope = logsigmoid(coordinates) + logsigmoid(-coordinates)
        slope = torch.where(self._mask(coordinates), -math.log(TURN), sigmoid_slope)
        return ((high - low).log() + slope).sum(-1)

    def embed(self, coordinates: Tensor) -> Embedding:
        """Features for the kernel: bounded dimensions over their range, periodic ones on a circle of length 1."""
        mask = self._mask(coordinates)
        bounded, periodic = (~mask).nonzero().flatten(), mask.nonzero().flatten()
        unit = torch.sigmoid(coordinates[:, bounded])
        cos, sin = torch.cos(coordinates[:, periodic]) / TURN, torch.sin(coordinates[:, periodic]) / TURN
        features = torch.cat([unit, cos, sin], dim=1)
        slopes = torch.cat([unit * (1 - unit), -sin, cos], dim=1)
        return Embedding(features, slopes, torch.cat([bounded, periodic, periodic]))

    def beside(self, other: Chart) -> Chart:
        """The dimensions of both, one after the other."""
        periodic = [*(chart.periodic or [False] * chart.dimensions for chart in (self, other))]
        return Chart([*self.low, *other.low], [*self.high, *other.high], [*periodic[0], *periodic[1]])

    def way(self, one: Tensor, other: Tensor) -> Tensor:
        """(..., D) from values to others, broadcastable; of a periodic dimension the shorter way round."""
        low, high = self._bounds(one)
        apart, period = other - one, high - low
        return torch.where(self._mask(one), torch.remainder(apart + period / 2, period) - period / 2, apart)

    def wrapped(self, values: Tensor) -> Tensor:
        """Values (..., D) with those of periodic dimensions within their range."""
        low, high = self._bounds(values)
        return torch.where(self._mask(values), low + torch.remainder(values - low, high - low), values)

    def spread(self, values: Tensor) -> Tensor:
        """(D,) root mean square way of values (M, D) from their middle; of a periodic dimension, that of the circle."""
        low, high = self._bounds(values)
        phase = TURN * (values - low) / (high - low)
        round_ = low + torch.atan2(phase.sin().mean(dim=0), phase.cos().mean(dim=0)) / TURN * (high - low)
        middle = torch.where(self._mask(values), round_, values.mean(dim=0))
        return self.way(middle, values).square().mean(dim=0).sqrt()

    def sample_uniform(self, count: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Values (count, D) drawn uniformly from the ranges, on the generator's device."""
        unit = torch.rand(count, self.dimensions, generator=generator, dtype=dtype, device=generator.device)
        return torch.lerp(*self._bounds(unit), unit)

    def _mask(self, like: Tensor) -> Tensor:
        return torch.tensor(self.periodic or [False] * self.dimensions, device=like.device)

    def _bounds(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Bounds in the type of `like`, rounded inwards, so that a float32 value passes a check in float64."""
        low, high = (torch.tensor(ends, dtype=torch.float64, device=like.device) for ends in (self.low, self.high))
        near_low, near_high = low.to(like), high.to(like)
        above = torch.nextafter(near_low, torch.full_like(near_low, math.inf))
        below = torch.nextafter(near_high, torch.full_like(near_high, -math.inf))
        return torch.where(near_low < low, above, near_low), torch.where(near_high > high, below, near_high)

    def _require_inside(self, unit: Tensor, values: Tensor) -> None:
        inside = (unit >= -EDGE_TOLERANCE) & (unit <= 1 + EDGE_TOLERANCE)
        if not inside.all():
            where = tuple((~inside).nonzero()[0].tolist())
            low, high = self.low[where[-1]], self.high[where[-1]]
            raise ValueError(f"dimension {where[-1]}: {float(values[where]):g} lies outside [{low:g}, {high:g}]")
