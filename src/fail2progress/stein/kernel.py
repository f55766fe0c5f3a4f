"""Squared-exponential kernel of SVGD and its bandwidth (paper A.13.3; Liu and Wang 2016)."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

Bandwidth = Callable[[Tensor], Tensor]
"""Points (M, F) -> h, a positive scalar, or one per dimension (F,)."""

_MANY = 5_793
"""Points beyond which their pairs are counted: torch.quantile takes 2^24 numbers."""
_BLOCK = 2**20
"""Pairs whose distances are looked at together."""
_DIGITS = 16
"""Bits of a distance that are counted at a time."""


class Kernel(NamedTuple):
    """Kernel values k(x_j, x_i) (M, M) and, per particle i, the repulsion sum_j grad_{x_j} k(x_j, x_i) (M, F)."""

    matrix: Tensor
    repulsion: Tensor


def pair_distances(points: Tensor) -> Tensor:
    """Euclidean distances of the M (M - 1) / 2 distinct pairs of points (M, F)."""
    first, second = torch.triu_indices(len(points), len(points), offset=1, device=points.device)
    return (points[first] - points[second]).square().sum(-1).sqrt()


@torch.no_grad()
def median_bandwidth(points: Tensor) -> Tensor:
    """h = median^2 / ln(M + 1) over the distances of distinct pairs; with an even count, the mean of the middle two.

    Where the median is 0 (most points coincide) the mean square of the other distances takes its place; where all
    points coincide, or there is but one, nothing repels and h = 1.
    """
    if len(points) > _MANY:
        return _counted_bandwidth(points)
    distances = pair_distances(points)
    positive = distances[distances > 0]
    if len(positive) == 0:
        return points.new_ones(())
    h = distances.quantile(0.5).square() / math.log(len(points) + 1)
    if h == 0:
        h = positive.square().mean() / math.log(len(points) + 1)
    return h.clamp_min(torch.finfo(h.dtype).tiny)


def _counted_bandwidth(points: Tensor) -> Tensor:
    """The same of many points, whose distances are not kept but made again for each half of their digits."""
    pairs, square, positive = len(points) * (len(points) - 1) // 2, 0.0, 0
    for distances in _blocks(points):
        square += float(distances.double().square().sum())
        positive += int((distances > 0).sum())
    if positive == 0:
        return points.new_ones(())
    if math.isnan(square):
        return points.new_full((), math.nan)
    middle = [_ranked(points, rank) for rank in dict.fromkeys(((pairs - 1) // 2, pairs // 2))]
    h = torch.stack(middle).mean().square() / math.log(len(points) + 1)
    if h == 0:
        h = points.new_tensor(square / positive / math.log(len(points) + 1))
    return h.clamp_min(torch.finfo(h.dtype).tiny)


def _blocks(points: Tensor) -> Iterator[Tensor]:
    """Distances of all distinct pairs, some at a time."""
    rows = max(_BLOCK // len(points), 1)
    for start in range(0, len(points) - 1, rows):
        apart = (points[start : start + rows, None] - points[None, start:]).square().sum(-1).sqrt()
        later = torch.ones(apart.shape, dtype=torch.bool, device=apart.device).triu(1)
        yield apart[later]


def _ranked(points: Tensor, rank: int) -> Tensor:
    """The distance of a rank, from 0, by counting: numbers that are not negative are in the order of their bits."""
    whole = torch.int64 if points.dtype == torch.float64 else torch.int32
    known = 0
    for shift in range(torch.iinfo(whole).bits - _DIGITS, -1, -_DIGITS):
        counts = torch.zeros(2**_DIGITS, dtype=torch.int64, device=points.device)
        for distances in _blocks(points):
            bits = distances.view(whole).long() >> shift
            digits = bits[bits >> _DIGITS == known] & (2**_DIGITS - 1)
            counts += torch.bincount(digits, minlength=2**_DIGITS)
        below = counts.cumsum(0)
        digit = int(torch.searchsorted(below, rank, right=True))
        rank -= int(below[digit] - counts[digit])
        known = (known << _DIGITS) + digit
    return torch.tensor(known, dtype=whole, device=points.device).view(points.dtype)


@torch.no_grad()
def rbf(points: Tensor, bandwidth: Bandwidth = median_bandwidth, slopes: Tensor | None = None) -> Kernel:
    """k(x, y) = exp(-||x - y||^2 / h) over points (M, F), h taken from these points and held constant.

    Args:
        points: where distances are measured.
        bandwidth: chooses h.
        slopes: dx/dz (M, F), if the points are functions x(z), each dimension of one coordinate; the repulsion is
            then by z_j, sum_j grad_{x_j} k(x_j, x_i) * slopes_j.
    """
    h = bandwidth(points)
    apart = points[:, None] - points[None, :]
    matrix = torch.exp(-(apart.square() / h).sum(-1))
    pull = apart if slopes is None else apart * slopes[:, None]
    return Kernel(matrix, torch.einsum("ji,jif->if", matrix, pull) * (-2 / h))
