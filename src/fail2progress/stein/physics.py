"""Physics as coordinates of particles: what the world may have other than the simulation, beside where things are.

The paper varies poses and actions only (its limitation 5). Here a particle may also say how slippery, heavy, top-heavy or bouncy
the world is. Each coordinate is the logarithm of a share of the ordinary; its prior is what a failed motion told of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_FLOOR = 1e-6
"""Of the greatest density: below it the prior is flat."""
_FLAT = 1e-6
"""Nats by which the density may rise from one value to the next and count as even between them."""


@dataclass(frozen=True)
class PhysicsPrior:
    """K properties with what is known of each: (F,) values in equal ratios, and their probabilities (F,), which sum to 1."""

    names: tuple[str, ...]
    values: tuple[NDArray[np.float64], ...]
    densities: tuple[NDArray[np.float64], ...]

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.values) == len(self.densities):
            raise ValueError(f"{len(self.names)} properties need as many ranges and densities")
        for name, values, density in zip(self.names, self.values, self.densities, strict=True):
            if values.shape != density.shape or len(values) < 2 or not (np.diff(values) > 0).all() or values[0] <= 0:
                raise ValueError(f"{name}: a density needs rising values above 0, one probability for each")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def low(self) -> list[float]:
        """Least logarithm of each."""
        return [float(np.log(values[0])) for values in self.values]

    @property
    def high(self) -> list[float]:
        """Greatest logarithm of each."""
        return [float(np.log(values[-1])) for values in self.values]

    @property
    def likeliest(self) -> Tensor:
        """(K,) the logarithms with the greatest density."""
        tops = [values[density.argmax()] for values, density in zip(self.values, self.densities, strict=True)]
        return torch.tensor(np.log(tops), dtype=torch.float32).reshape(len(self))

    def log_prior(self, logarithms: Tensor) -> Tensor:
        """(M,) ln of the density at (M, K) logarithms up to a constant, linear between the values: particles have a slope."""
        total = logarithms.new_zeros(len(logarithms))
        for k, (values, density) in enumerate(zip(self.values, self.densities, strict=True)):
            heights = _heights(density).to(logarithms.dtype)
            first, last = float(np.log(values[0])), float(np.log(values[-1]))
            at = ((logarithms[:, k] - first) / (last - first) * (len(values) - 1)).clamp(0.0, len(values) - 1)
            left = at.detach().floor().clamp(max=len(values) - 2).long()
            total = total + torch.lerp(heights[left], heights[left + 1], at - left)
        return total

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, K) logarithms drawn from the density, between the values as well: what begins at an end of the range has no
        slope there and stays."""
        columns = []
        for values, density in zip(self.values, self.densities, strict=True):
            heights, places = _heights(density), torch.tensor(np.log(values))
            slopes = heights.diff()
            flat = slopes.abs() < _FLAT
            slopes = torch.where(flat, _FLAT, slopes)
            masses = heights[:-1].exp() * torch.where(flat, 1.0, slopes.expm1() / slopes)
            rows = torch.multinomial(masses, count, replacement=True, generator=generator)
            share = torch.rand(count, generator=generator, dtype=torch.float64)
            part = torch.where(flat[rows], share, (share * slopes[rows].expm1()).log1p() / slopes[rows])
            columns.append(torch.lerp(places[rows], places[rows + 1], part).float())
        return torch.stack(columns, dim=1) if columns else torch.empty(count, 0)

    def shares(self, logarithms: Tensor) -> list[Mapping[str, float]]:
        """Of (M, K) logarithms: each particle's shares of the ordinary by the names of the properties."""
        rows: Sequence[Sequence[float]] = logarithms.detach().exp().tolist()
        return [dict(zip(self.names, row, strict=True)) for row in rows]


def _heights(density: NDArray[np.float64]) -> Tensor:
    """(F,) logarithms of a density (F,) over its greatest value."""
    return torch.tensor(np.log(np.maximum(density / density.max(), _FLOOR)), dtype=torch.float64)


NOMINAL = PhysicsPrior((), (), ())
"""Nothing is other than in the simulation."""
