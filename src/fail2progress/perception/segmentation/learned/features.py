"""What the network looks at: where points lie, which way surfaces face, steps of depth, colour, and how far away all of it is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CHANNELS = 13
_REACH = 0.5
"""Metres that are 1 to the network."""
_PITCH = 0.003
"""Metres between neighbouring pixels that are usual."""
_LEAST = 1e-4
"""Share of readings around a pixel, below which there are none."""
_RELIEFS = ((9, 0.01), (41, 0.08))
"""Pixels around that inverse depth is compared with, and the difference (1 / m) that is 1 to the network."""


def features(colour: Tensor, depth: Tensor, cameras: Tensor) -> Tensor:
    """(n, CHANNELS, H, W) float32 of colours (n, H, W, 3) uint8, depth (n, H, W) m, 0 for none, and cameras (n, 4).

    cameras: fx, fy, cx, cy in pixels. Channels:
    Points less their median (3), normals towards the camera (3), whether there is a reading (1), colour (3), the logarithm of the
    distance between pixels in space (1), and inverse depth less its mean around, nearby and further (2).
    """
    known = depth > 0
    fx, fy, cx, cy = (cameras[:, i, None] for i in range(4))
    u = (torch.arange(depth.shape[2], device=depth.device) - cx) / fx
    v = (torch.arange(depth.shape[1], device=depth.device) - cy) / fy
    points = torch.stack([depth * u[:, None], depth * v[:, :, None], depth], dim=1)
    zero = torch.zeros((), device=depth.device)
    local = ((points - _medians(points, known)[..., None, None]) / _REACH).clamp(-3, 3) * known[:, None]
    inverse = torch.where(known, 1 / depth.clamp(min=0.05), zero)
    pitch = torch.where(known, (depth / fx[..., None] / _PITCH).clamp(0.05, 20).log(), zero)
    tint = colour.permute(0, 3, 1, 2).float() / 255 - 0.5
    reliefs = [relief(inverse, known, around, unit) for around, unit in _RELIEFS]
    return torch.cat(
        [local, normals(inverse, known, u, v), known[:, None].float(), tint, pitch[:, None], torch.stack(reliefs, 1)], 1
    )


def _medians(points: Tensor, known: Tensor) -> Tensor:
    """(n, 3) of every fourth known point each way; 0 where none is known."""
    sparse, there = points[:, :, ::4, ::4].flatten(2), known[:, ::4, ::4].flatten(1)
    masked = sparse.masked_fill(~there[:, None], torch.nan)
    return masked.nanmedian(dim=2).values.nan_to_num(0.0)


def relief(inverse: Tensor, known: Tensor, around: int, unit: float) -> Tensor:
    """(n, H, W) inverse depth less its mean over a square of so many pixels; 0 where unknown."""
    sums = _sums(_sums(torch.stack([inverse, known.float()], dim=1), around, 2), around, 3)
    return ((inverse - sums[:, 0] / sums[:, 1].clamp(min=_LEAST * around * around)) / unit).clamp(-3, 3) * known


def _sums(images: Tensor, around: int, axis: int) -> Tensor:
    """Of so many values around each, an odd number, along an axis. Beyond the image is 0."""
    half, length = around // 2, images.shape[axis]
    before = functional.pad(images, (0, 0, half + 1, half) if axis == 2 else (half + 1, half)).cumsum(axis)
    return before.narrow(axis, around, length) - before.narrow(axis, 0, length)


def normals(inverse: Tensor, known: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """(n, 3, H, W) unit normals from the slope of inverse depth (n, H, W) over the rays u (n, W), v (n, H); 0 where unknown.

    A plane in space is a plane in (u, v, 1 / z), whose coefficients are its normal.
    """
    weight = functional.avg_pool2d(known[:, None].float(), 3, 1, 1)
    even = functional.avg_pool2d((inverse * known)[:, None], 3, 1, 1) / weight.clamp(min=1e-3)
    padded = functional.pad(even, (1, 1, 1, 1), mode="replicate")[:, 0]
    even = even[:, 0]
    a = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / (2 * (u[:, 1] - u[:, 0]))[:, None, None]
    b = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / (2 * (v[:, 1] - v[:, 0]))[:, None, None]
    c = even - a * u[:, None] - b * v[:, :, None]
    found = -torch.stack([a, b, c], dim=1)
    length = (found[:, :1] ** 2 + found[:, 1:2] ** 2 + found[:, 2:] ** 2).sqrt()
    return found / length.clamp(min=1e-6) * known[:, None]
