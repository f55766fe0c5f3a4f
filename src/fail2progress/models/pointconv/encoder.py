"""The shape encoder: PointConv (Wu, Qi, Fuxin, CVPR 2019) with the three layers of paper A.11.2.

A layer takes each centre's neighbours k with features f_k and weights w_k, a small network of their relative
positions, and returns Linear(sum over k of w_k f_k^T). The weight network of Points2Plans' code ends in an 8 -> 16 map
and a ReLU. Without that last ReLU the map and the following Linear are one linear map, and here they are one: half the
products, two thirds of the time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fail2progress.models.pointconv.neighbours import NEAREST_2, Neighbours

WIDTH = 128
"""Channels of a segment's shape code."""
# One over the usual radius of a neighbourhood, in units of the segment's size: offsets come out near one.
_ZOOM_1 = 4.0
_ZOOM_2 = 2.0
_MIN_SIZE = 1e-3


def native_precision() -> torch.dtype:
    """bfloat16 where this CPU multiplies it in hardware, which more than halves the time; otherwise float32."""
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.bfloat16 if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else torch.float32


class PointConv(nn.Module):
    """One layer over given neighbourhoods: `inputs` columns, the first three of them offsets, to `outputs` channels."""

    def __init__(self, inputs: int, outputs: int, kernel: int, density: bool) -> None:
        super().__init__()
        self.features = nn.Linear(inputs, outputs)
        self.weights = nn.Linear(3, kernel)
        self.density = nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid()) if density else None
        self.mix = nn.Linear(kernel * outputs, outputs)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, grouped: Tensor, offsets: Tensor, inverse_density: Tensor | None, each: float = 1.0) -> Tensor:
        """(N, K, inputs), (N, K, 3) and (N K,) to (N, outputs) float32; multiplies in the precision of `grouped`.

        each: how many neighbours each of these stands for.
        """
        count, size = grouped.shape[:2]
        features = F.relu_(_linear(self.features, grouped.flatten(0, 1)))
        weights = F.relu_(_linear(self.weights, offsets.flatten(0, 1).to(grouped.dtype)))
        if self.density is not None and inverse_density is not None:
            weights = weights * self.density(inverse_density.unsqueeze(1)).to(weights.dtype)
        if each != 1.0:
            weights = weights * each
        weights = weights.view(count, size, -1).transpose(1, 2)
        pooled = torch.bmm(weights, features.view(count, size, -1)).flatten(1)
        return F.relu(self.norm(_linear(self.mix, pooled).float()))


class PointConvEncoder(nn.Module):
    """Shape codes of segments: 128 points with 8 neighbours, 16 with 16 (as many as the neighbourhoods have), then all.

    A segment is scaled to unit root mean square radius, so that a 2 cm capsule and an 80 cm table fill the same range
    of values, and the logarithm of its size goes in as a further input of the first and last layers, so that nothing is
    lost. Nothing is normalised over the batch.

    density: multiply the weights by a network of the inverse densities. kernel: width of the weights w_k. chunk:
    segments computed at once, few enough for the cache. precision: of the matrix products (None: `native_precision`);
    it may be set at any time and is no part of the weights, which stay float32.

    Where only some points are encoded (`Neighbours`), the second layer adds up fewer neighbours, each of which counts for more.
    """

    def __init__(self, density: bool = False, kernel: int = 8, chunk: int = 128, precision: torch.dtype | None = None) -> None:
        super().__init__()
        self.chunk = chunk
        self.density = density
        self.precision = native_precision() if precision is None else precision
        self.first = PointConv(3 + 4, 32, kernel, density)
        self.second = PointConv(3 + 32, 64, kernel, density)
        self.third = PointConv(4 + 64, WIDTH, kernel, density)

    def forward(self, points: Tensor, neighbours: Neighbours) -> Tensor:
        """(S, P, 3) points in metres, each segment in its own centred frame, to (S, 128) float32 shape codes.

        ValueError: neighbourhoods of another number of segments or of more points, or without the densities that it needs.
        """
        if len(points) != len(neighbours) or points.shape[1] < neighbours.first.shape[1]:
            shapes = tuple(points.shape[:2]), tuple(neighbours.first.shape[:2])
            raise ValueError(f"{shapes[0]} points and {shapes[1]} neighbourhoods do not match")
        if self.density and neighbours.inverse_density is None:
            raise ValueError("this encoder needs neighbours with inverse densities")
        if len(points) == 0:
            return points.new_zeros(0, WIDTH)
        parts = [slice(start, start + self.chunk) for start in range(0, len(points), self.chunk)]
        return torch.cat([self._encode(points[part], neighbours.take(part)) for part in parts])

    def _encode(self, points: Tensor, neighbours: Neighbours) -> Tensor:
        size = points.square().sum(dim=2).mean(dim=1).clamp_min(_MIN_SIZE**2).sqrt().view(-1, 1, 1)
        unit, log_size = points / size, size.log()
        kept = neighbours.first.shape[1]
        first = _rows(neighbours.first, points.shape[1])
        second, middle = (_rows(index, kept) for index in (neighbours.second, neighbours.centres))
        densities = self._densities(neighbours, first, second, middle)
        flat = unit[:, :kept].flatten(0, 1)
        centres = flat.index_select(0, middle)

        table = torch.cat([unit, log_size.expand(-1, points.shape[1], -1)], dim=2).flatten(0, 1)
        grouped = table.index_select(0, first).view(len(flat), -1, 4)
        offsets = _ZOOM_1 * (grouped[..., :3] - flat.unsqueeze(1))
        features = self.first(self._join(offsets, grouped), offsets, densities[0])

        offsets = _ZOOM_2 * (flat.index_select(0, second).view(len(centres), -1, 3) - centres.unsqueeze(1))
        gathered = features.to(self.precision).index_select(0, second).view(*offsets.shape[:2], -1)
        features = self.second(self._join(offsets, gathered), offsets, densities[1], NEAREST_2 / offsets.shape[1])

        centres = centres.view(len(points), -1, 3)
        grouped = self._join(centres, log_size.expand(-1, centres.shape[1], -1), features.view(*centres.shape[:2], -1))
        codes: Tensor = self.third(grouped, centres, densities[2])
        return codes

    def _join(self, *columns: Tensor) -> Tensor:
        return torch.cat([column.to(self.precision) for column in columns], dim=2)

    def _densities(self, neighbours: Neighbours, *layers: Tensor) -> list[Tensor | None]:
        """Inverse densities of each layer's neighbours, given by their rows."""
        if not self.density or neighbours.inverse_density is None:
            return [None] * len(layers)
        kept = neighbours.first.shape[1]
        first, *others = neighbours.inverse_density.float().unbind(dim=1)
        levels = first, *(level[:, :kept] for level in others)
        return [level.flatten().index_select(0, rows) for level, rows in zip(levels, layers, strict=True)]


def _linear(layer: nn.Linear, inputs: Tensor) -> Tensor:
    return F.linear(inputs, layer.weight.to(inputs.dtype), layer.bias.to(inputs.dtype))


def _rows(index: Tensor, count: int) -> Tensor:
    """(S, ...) indices into segments of `count` points to flat rows of all their points."""
    first = torch.arange(0, len(index) * count, count, dtype=torch.int32, device=index.device)
    return (index.int() + first.view(-1, *[1] * (index.ndim - 1))).flatten()
