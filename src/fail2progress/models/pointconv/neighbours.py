"""Which points of a segment are neighbours: what the encoder needs of a cloud and rigid motion leaves alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NEAREST_1 = 8
CENTRES_2 = 16
NEAREST_2 = 16
BANDWIDTHS = (0.1, 0.2, 0.4)
"""Standard deviations in metres of the density kernels of the three set abstraction layers (paper A.11.2)."""
MAX_POINTS = 256
_INDEX_BITS = MAX_POINTS - 1
# Distances of this many segments stay in the cache while they are sorted.
_CHUNK = 64


@dataclass(frozen=True)
class Neighbours:
    """Neighbourhoods of S segments of P points each, the first Q of which are encoded. Indices: uint8, into its points.

    first: (S, Q, 8), each point's nearest among all, itself first. centres: (S, C), by farthest-point sampling, and second:
    (S, C, 16 Q / P), each centre's nearest, itself first, both among the Q: they reach as far as 16 among all would.
    inverse_density: (S, 3, P) float16 in (0, 1], one row for each bandwidth, or None.
    """

    first: Tensor
    centres: Tensor
    second: Tensor
    inverse_density: Tensor | None = None

    def __len__(self) -> int:
        """Number of segments."""
        return len(self.first)

    def take(self, index: Tensor | slice) -> Neighbours:
        """Those of the segments chosen by integers, booleans or a slice, in that order."""
        density = None if self.inverse_density is None else self.inverse_density[index]
        return Neighbours(self.first[index], self.centres[index], self.second[index], density)

    @staticmethod
    def concatenate(parts: Sequence[Neighbours]) -> Neighbours:
        """All segments of the parts, in order. ValueError: no parts, or only some of them with densities."""
        if not parts:
            raise ValueError("nothing to concatenate")
        densities = [part.inverse_density for part in parts if part.inverse_density is not None]
        if len(densities) not in (0, len(parts)):
            raise ValueError("some parts have inverse densities and others have none")
        return Neighbours(
            first=torch.cat([part.first for part in parts]),
            centres=torch.cat([part.centres for part in parts]),
            second=torch.cat([part.second for part in parts]),
            inverse_density=torch.cat(densities) if densities else None,
        )


@torch.no_grad()
def neighbours(points: Tensor, centres: int = CENTRES_2, density: bool = False, kept: int | None = None) -> Neighbours:
    """Neighbourhoods of (S, P, 3) points in metres, in any frame; the result is on the CPU.

    kept: how many of the points are encoded, the first ones; None: all.

    Farthest-point sampling starts at the point farthest from the segment's mean, so that the order of the points
    decides nothing but ties. `centres`: 16 in paper A.11.2; Points2Plans' code has 64.
    ValueError: another shape, fewer than 16 or more than 256 points, fewer points than centres, or points not finite.
    """
    _check(points, centres, kept)
    parts = points.detach().float().cpu().split(_CHUNK)
    return Neighbours.concatenate([_of_chunk(part, centres, density, kept or points.shape[1]) for part in parts])


def _check(points: Tensor, centres: int, kept: int | None) -> None:
    if points.ndim != 3 or points.shape[2] != 3:
        raise ValueError(f"points must be (segments, points, 3), not {tuple(points.shape)}")
    count = points.shape[1]
    if not NEAREST_2 <= count <= MAX_POINTS:
        raise ValueError(f"a segment must have {NEAREST_2} to {MAX_POINTS} points, not {count}")
    if kept is not None and not NEAREST_2 <= kept <= count:
        raise ValueError(f"{NEAREST_2} to {count} points of a segment can be kept, not {kept}")
    if not 1 <= centres <= (kept or count):
        raise ValueError(f"cannot choose {centres} centres among {kept or count} points")
    if not bool(points.isfinite().all()):
        raise ValueError("points must be finite")


def _of_chunk(points: Tensor, centres: int, density: bool, kept: int) -> Neighbours:
    centred = points - points.mean(dim=1, keepdim=True)
    squared = _squared_distances(centred)
    among = squared[:, :kept, :kept].contiguous()
    chosen = _farthest_points(centred[:, :kept], among, centres)
    order = _by_distance(squared[:, :kept])
    nearest = order if kept == points.shape[1] else _by_distance(among)
    rows = torch.arange(len(points)).unsqueeze(1)
    return Neighbours(
        first=order[:, :, :NEAREST_1].contiguous(),
        centres=chosen.to(torch.uint8),
        second=nearest[rows, chosen][:, :, : NEAREST_2 * kept // points.shape[1]].contiguous(),
        inverse_density=_inverse_density(squared) if density else None,
    )


def _squared_distances(points: Tensor) -> Tensor:
    square = points.square().sum(dim=2)
    sums = square.unsqueeze(2) + square.unsqueeze(1)
    return torch.baddbmm(sums, points, points.transpose(1, 2), alpha=-2).clamp_min_(0.0)


def _by_distance(squared: Tensor) -> Tensor:
    """(S, Q, P) squared distances to the uint8 indices (S, Q, 16) of the nearest, the point itself first.

    Bits of floats that are not negative sort like the floats. With the index in the lowest bits a plain sort of
    integers, which numpy does many lanes at a time, replaces a ten times slower top-k; ties fall to the lower index.
    """
    index = torch.arange(squared.shape[2], dtype=torch.int32)
    keys = (squared.contiguous().view(torch.int32) & ~_INDEX_BITS) | index
    keys.diagonal(dim1=1, dim2=2).copy_(~_INDEX_BITS | index[: squared.shape[1]])
    keys.numpy().sort(axis=-1)
    return (keys[:, :, :NEAREST_2] & _INDEX_BITS).to(torch.uint8)


def _farthest_points(centred: Tensor, squared: Tensor, count: int) -> Tensor:
    rows = torch.arange(len(centred))
    chosen = [centred.square().sum(dim=2).argmax(dim=1)]
    nearest = squared[rows, chosen[0]]
    while len(chosen) < count:
        chosen.append(nearest.argmax(dim=1))
        nearest = torch.minimum(nearest, squared[rows, chosen[-1]])
    return torch.stack(chosen, dim=1)


def _inverse_density(squared: Tensor) -> Tensor:
    """(S, P, P) to (S, 3, P): inverse of the mean Gaussian kernel, divided by the segment's largest."""
    densities = [torch.exp(squared / (-2 * width * width)).mean(dim=2) for width in BANDWIDTHS]
    inverse = 1 / torch.stack(densities, dim=1)
    return (inverse / inverse.amax(dim=2, keepdim=True)).to(torch.float16)
