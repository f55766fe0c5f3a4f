"""What the network looks at: where points lie, which way surfaces face, colour, and how far away all of it is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.core.rgbd import Intrinsics

CHANNELS = 11
_REACH = 0.5
"""Metres that are 1 to the network."""
_PITCH = 0.003
"""Metres between neighbouring pixels that are usual."""


def features(colour: Tensor, depth: Tensor, camera: Intrinsics) -> Tensor:
    """(CHANNELS, H, W) float32 of colours (H, W, 3) uint8 and depth (H, W) m, 0 for none.

    Points less their median (3), normals towards the camera (3), whether there is a reading (1), colour (3), and the logarithm
    of the distance between pixels in space (1).
    """
    known = depth > 0
    u = (torch.arange(depth.shape[1], dtype=torch.float32) - camera.cx) / camera.fx
    v = (torch.arange(depth.shape[0], dtype=torch.float32) - camera.cy) / camera.fy
    points = torch.stack([depth * u[None], depth * v[:, None], depth])
    sparse = points[:, ::4, ::4][:, known[::4, ::4]]
    middle = sparse.median(dim=1).values if sparse.shape[1] else torch.zeros(3)
    local = ((points - middle[:, None, None]) / _REACH).clamp(-3, 3) * known
    inverse = torch.where(known, 1 / depth.clamp(min=0.05), torch.zeros(()))
    pitch = torch.where(known, (depth / camera.fx / _PITCH).clamp(0.05, 20).log(), torch.zeros(()))
    tint = colour.permute(2, 0, 1).float() / 255 - 0.5
    return torch.cat([local, normals(inverse, known, u, v), known[None].float(), tint, pitch[None]])


def normals(inverse: Tensor, known: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """(3, H, W) unit normals from the slope of inverse depth (H, W) over the rays u (W,), v (H,); 0 where unknown.

    A plane in space is a plane in (u, v, 1 / z), whose coefficients are its normal.
    """
    weight = functional.avg_pool2d(known[None, None].float(), 3, 1, 1)
    even = functional.avg_pool2d((inverse * known)[None, None], 3, 1, 1) / weight.clamp(min=1e-3)
    even = torch.where(weight > 0, even, torch.zeros(()))[0, 0]
    padded = functional.pad(even[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    a = (padded[1:-1, 2:] - padded[1:-1, :-2]) / (2 * (u[1] - u[0]))
    b = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / (2 * (v[1] - v[0]))
    c = even - a * u[None] - b * v[:, None]
    found = -torch.stack([a, b, c])
    unit: Tensor = found / found.norm(dim=0).clamp(min=1e-6) * known
    return unit
