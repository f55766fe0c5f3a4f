"""Squared-exponential kernel of SVGD and its bandwidth (paper A.13.3; Liu and Wang 2016)."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Bandwidth = Callable[[Tensor], Tensor]
"""Points (M, F) -> h, a positive scalar, or one per dimension (F,)."""


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
    distances = pair_distances(points)
    positive = distances[distances > 0]
    if len(positive) == 0:
        return points.new_ones(())
    h = distances.quantile(0.5).square() / math.log(len(points) + 1)
    if h == 0:
        h = positive.square().mean() / math.log(len(points) + 1)
    return h.clamp_min(torch.finfo(h.dtype).tiny)


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
