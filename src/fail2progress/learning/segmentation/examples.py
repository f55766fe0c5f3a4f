"""Training examples of rendered scenes: cropped and read by a sensor; and, of a batch, turned, mirrored and toned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.core.rgbd import Intrinsics
from fail2progress.learning.segmentation.rendering import View
from fail2progress.learning.segmentation.sensors import sensed
from fail2progress.perception.segmentation.learned.features import features

STEP = 0.0002
"""Metres of a step of stored depth."""
_IMAGES = ("colour", "depth", "labels", "facing", "dark")
_MOST = 2**15 - 1


@dataclass(frozen=True)
class Examples:
    """n images: colour (n, H, W, 3) uint8, depth (n, H, W) int16 STEPs as a sensor reads it, 0 for none, labels (n, H, W) uint8,
    cameras (n, 4) float32 fx, fy, cx, cy in pixels."""

    colour: Tensor
    depth: Tensor
    labels: Tensor
    cameras: Tensor

    def __len__(self) -> int:
        return len(self.colour)

    def to(self, device: torch.device) -> Examples:
        """On a device."""
        return Examples(*(part.to(device, non_blocking=True) for part in (self.colour, self.depth, self.labels, self.cameras)))

    def row(self, number: int) -> tuple[Tensor, ...]:
        """One of them."""
        return self.colour[number], self.depth[number], self.labels[number], self.cameras[number]


def example(view: View, rng: np.random.Generator) -> Examples:
    """All of a view, or a window of it at the same size, read by some sensor; one of them."""
    seen = cropped(view, rng)
    depth = np.minimum(np.round(sensed(seen, rng) / STEP), _MOST).astype(np.int16)
    k = seen.camera
    parts = (seen.colour, depth, seen.labels, np.array([k.fx, k.fy, k.cx, k.cy], np.float32))
    return Examples(*(torch.from_numpy(np.ascontiguousarray(part))[None] for part in parts))


def joined(parts: list[Examples]) -> Examples:
    """All of them."""
    return Examples(*(torch.cat([getattr(part, name) for part in parts]) for name in ("colour", "depth", "labels", "cameras")))


def cropped(view: View, rng: np.random.Generator) -> View:
    """A window of it, or all of it, at its own size."""
    height, width = view.depth.shape
    share = rng.uniform(0.5, 1.0) if rng.random() < 0.5 else 1.0
    top, left = rng.uniform(0, (1 - share) * height), rng.uniform(0, (1 - share) * width)
    rows = (top + share * (np.arange(height) + 0.5)).astype(int)
    columns = (left + share * (np.arange(width) + 0.5)).astype(int)
    k = view.camera
    cx, cy = (k.cx + 0.5 - left) / share - 0.5, (k.cy + 0.5 - top) / share - 0.5
    camera = Intrinsics(width, height, k.fx / share, k.fy / share, cx, cy)
    images = {name: getattr(view, name)[np.ix_(rows, columns)] for name in _IMAGES}
    return replace(view, camera=camera, **images)


def batch(rows: Examples, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs (n, CHANNELS, H, W) and labels (n, H, W) int64 of examples: mirrored half of the time, turned by any quarters half
    of the time (alike within a batch), with other colours and a few readings lost. generator: on the device of the examples."""
    mirrored = bool(_draw(1, generator, rows) < 0.5)
    turns = int(_draw(1, generator, rows) * 8)
    seen = turned(mirror(rows) if mirrored else rows, turns if turns < 4 else 0)
    depth = _fewer(seen.depth.float() * STEP, generator)
    inputs = features(_toned(seen.colour, generator), depth, seen.cameras)
    return inputs, seen.labels.long()


def mirror(rows: Examples) -> Examples:
    """Left for right."""
    cameras = rows.cameras.clone()
    cameras[:, 2] = rows.depth.shape[2] - 1 - cameras[:, 2]
    return Examples(rows.colour.flip(2), rows.depth.flip(2), rows.labels.flip(2), cameras)


def turned(rows: Examples, turns: int) -> Examples:
    """By so many quarters against the clock."""
    cameras, (height, width) = rows.cameras, rows.depth.shape[1:]
    for _ in range(turns % 4):
        fx, fy, cx, cy = cameras.unbind(1)
        cameras, height, width = torch.stack([fy, fx, cy, width - 1 - cx], dim=1), width, height
    colour, depth, labels = (torch.rot90(part, turns, (1, 2)) for part in (rows.colour, rows.depth, rows.labels))
    return Examples(colour, depth, labels, cameras)


def _draw(count: int, generator: torch.Generator, like: Examples) -> Tensor:
    return torch.rand(count, generator=generator, device=like.depth.device)


def _toned(colour: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W, 3) uint8 colours changed: grey, with other channels, lighter or darker."""
    draws = torch.rand((len(colour), 8), generator=generator, device=colour.device)
    image = colour.float()
    grey = (draws[:, 0] < 0.15).view(-1, 1, 1, 1)
    image = torch.where(grey, image.mean(dim=-1, keepdim=True), image)
    order = draws[:, 1:4].argsort(dim=1)[:, None, None].expand(image.shape)
    image = image.gather(3, order)
    gain, shift = (0.7 + 0.55 * draws[:, 4]).view(-1, 1, 1, 1), (40 * draws[:, 5] - 20).view(-1, 1, 1, 1)
    return (image * gain + shift).clamp(0, 255).to(torch.uint8)


def _fewer(depth: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W) depth without some patches, for a third of the images."""
    coarse = (len(depth), 1, depth.shape[1] // 10, depth.shape[2] // 10)
    noise = torch.randn(coarse, generator=generator, device=depth.device)
    waves = functional.interpolate(noise, size=depth.shape[1:], mode="bilinear")[:, 0]
    limit = torch.rand((len(depth), 1, 1), generator=generator, device=depth.device) * 3
    return torch.where(waves > 1.0 + 1.2 * limit, torch.zeros((), device=depth.device), depth)
