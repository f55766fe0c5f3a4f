"""Training examples of rendered scenes, read by a sensor; and, of a batch, windows of them: turned, mirrored, toned and lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fail2progress.learning.segmentation.rendering import View
from fail2progress.learning.segmentation.roughness import ROUGH, disturbed, roughened, waves
from fail2progress.learning.segmentation.scenery import FIRST
from fail2progress.learning.segmentation.sensors import misread, sensed
from fail2progress.perception.segmentation.learned.features import features

STEP = 0.0002
"""Metres of a step of stored depth."""
_MOST = 2**15 - 1
SHRUNK = 0.6
"""Sides of an image as the network sees it, for one of those of the examples."""
_WHOLE, _CUT = 0.45, 0.3
"""Shares of windows that are all of an image, and that cut a thing."""
_LEAST = 0.5
"""Share of an image's sides that the smallest window has."""
_OTHER_CHANNELS = 0.5
"""Share of images whose channels change places: rooms have more brown than green."""
_TRIALS = 16
_LIDS = 0.12
"""Share of images in which a thing loses readings."""
_GRAIN = 0.002
"""Standard deviation of inverse depth (1 / m), at most."""
_GRAINY, _HOLED = 0.2, 0.15
"""Shares of images with such noise, and of those without some patches: more of either hides small steps between things."""


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
    """A view, read by some sensor; one of them."""
    depth = np.minimum(np.round(misread(sensed(view, rng), rng) / STEP), _MOST).astype(np.int16)
    k = view.camera
    parts = (view.colour, depth, view.labels, np.array([k.fx, k.fy, k.cx, k.cy], np.float32))
    return Examples(*(torch.from_numpy(np.ascontiguousarray(part))[None] for part in parts))


def joined(parts: list[Examples]) -> Examples:
    """All of them."""
    return Examples(*(torch.cat([getattr(part, name) for part in parts]) for name in ("colour", "depth", "labels", "cameras")))


def batch(rows: Examples, generator: torch.Generator, rough: float = ROUGH) -> tuple[Tensor, Tensor]:
    """Inputs (n, CHANNELS, h, w) and labels (n, h, w) int64 of windows of examples, mirrored half of the time, turned by any
    quarters half of the time (alike within a batch), with other colours, noise, and readings lost.
    generator: on the device of the examples; rough: see `roughened`."""
    seen = windows(rows, placed(rows, generator))
    mirrored = bool(_draw(1, generator, rows) < 0.5)
    turns = int(_draw(1, generator, rows) * 8)
    seen = turned(mirror(seen) if mirrored else seen, turns if turns < 4 else 0)
    colour, depth = roughened(seen.colour, seen.depth.float() * STEP, generator, rough)
    depth = _lidless(_fewer(_noisy(depth, generator), generator), seen.labels, generator)
    inputs = features(_toned(colour, generator), depth, seen.cameras)
    return inputs, seen.labels.long()


def placed(rows: Examples, generator: torch.Generator) -> Tensor:
    """(n, 3) first row and column of windows within images, and their share of the images' sides: all of an image for some; for
    others a pixel of a thing lies at the window's border, which cuts the thing. Such a window is as small as it must be for that;
    half of the image's sides are enough."""
    n, height, width = rows.labels.shape
    draws = torch.rand((n, 6), generator=generator, device=rows.labels.device)
    share = torch.where(draws[:, 0] < _WHOLE, torch.ones_like(draws[:, 1]), _LEAST + (1 - _LEAST) * draws[:, 1] ** 0.7)
    at, any_thing = _of_a_thing(rows.labels, generator)
    sides = torch.tensor([height, width], device=share.device)
    along = torch.arange(2, device=share.device) == (draws[:, 4:5] * 2).long()  # the axis along which the border is met
    before = ((at / sides) * along).sum(dim=1)  # share of the image's side before the pixel
    cut = (draws[:, 0] >= _WHOLE) & (draws[:, 5] < _CUT / (1 - _WHOLE)) & any_thing
    share = torch.where(cut, torch.minimum(share, torch.maximum(before, 1 - before)), share)
    size = share[:, None] * sides
    least, most = (at - size).clamp(min=0), torch.minimum(at, sides - size)  # between them the pixel is within the window
    edge = torch.where((before < 0.5)[:, None], most, least)
    first = torch.where(along, edge, least + (most - least) * draws[:, 2:4])
    return torch.cat([torch.where(cut[:, None], first, (sides - size) * draws[:, 2:4]), share[:, None]], dim=1)


def _of_a_thing(labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(n, 2) row and column of a pixel of a thing in each image, and (n,) whether one was hit by a few trials."""
    n, height, width = labels.shape
    tries = torch.rand((2, n, _TRIALS), generator=generator, device=labels.device)
    row, column = (tries[0] * height).long(), (tries[1] * width).long()
    hit = labels[torch.arange(n, device=labels.device)[:, None], row, column] >= FIRST
    chosen = hit.byte().argmax(dim=1, keepdim=True)
    return torch.cat([row.gather(1, chosen), column.gather(1, chosen)], dim=1).float(), hit.any(dim=1)


def windows(rows: Examples, places: Tensor) -> Examples:
    """Windows at places (n, 3), see `placed`, at the size that the network sees: the nearest pixels, as frames are made smaller
    for it, and beside a pixel without a reading that of the one before it."""
    n, height, width = rows.labels.shape
    small = round(width * SHRUNK), round(height * SHRUNK)
    device = rows.labels.device
    share = places[:, 2]
    indices = []
    for axis, size, count in ((0, height, small[1]), (1, width, small[0])):
        steps = (torch.arange(count, device=device) + 0.5) / SHRUNK
        indices.append((places[:, axis, None] + share[:, None] * steps).long().clamp(0, size - 1))
    number = torch.arange(n, device=device)[:, None, None]
    row, column = indices[0][:, :, None], indices[1][:, None, :]
    depth = rows.depth[number, row, column]
    for down, across in ((0, 1), (1, 0), (1, 1)):
        beside = rows.depth[number, (row - down).clamp(min=0), (column - across).clamp(min=0)]
        depth = torch.where(depth > 0, depth, beside)
    scale = SHRUNK / share[:, None]
    middles = (rows.cameras[:, 2:] + 0.5 - places[:, :2].flip(1)) * scale - 0.5
    cameras = torch.cat([rows.cameras[:, :2] * scale, middles], dim=1)
    return Examples(rows.colour[number, row, column], depth, rows.labels[number, row, column], cameras)


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
    """(n, H, W, 3) uint8 colours changed: grey or paler, with other channels, lighter or darker."""
    draws = torch.rand((len(colour), 8), generator=generator, device=colour.device)
    image = colour.float()
    # Rendered colours are stronger than most real ones: of half of the images a share is left, of some none.
    left = ((draws[:, 0] - 0.15) / 0.35).clamp(0, 1).view(-1, 1, 1, 1)
    image = image.mean(dim=-1, keepdim=True).lerp(image, left)
    kept = torch.arange(3, device=colour.device)
    order = torch.where(draws[:, 6:7] < _OTHER_CHANNELS, draws[:, 1:4].argsort(dim=1), kept)[:, None, None].expand(image.shape)
    image = image.gather(3, order)
    gain, shift = (0.7 + 0.55 * draws[:, 4]).view(-1, 1, 1, 1), (40 * draws[:, 5] - 20).view(-1, 1, 1, 1)
    return (image * gain + shift).clamp(0, 255).to(torch.uint8)


def _noisy(depth: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W) depth with noise of its inverse, pixel by pixel and in waves, for some of the images."""
    draws = torch.rand((len(depth), 3, 1, 1), generator=generator, device=depth.device)
    grain = torch.randn(depth.shape, generator=generator, device=depth.device) * draws[:, 0] * _GRAIN
    noise = grain + waves(depth, 6, generator) * draws[:, 1] * _GRAIN
    return disturbed(depth, noise * (draws[:, 2] < _GRAINY))


def _fewer(depth: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W) depth without some patches, for some of the images."""
    draws = torch.rand((2, len(depth), 1, 1), generator=generator, device=depth.device)
    lost = (waves(depth, 10, generator) > 1.0 + 1.2 * draws[0]) & (draws[1] < _HOLED)
    return torch.where(lost, torch.zeros((), device=depth.device), depth)


def _lidless(depth: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W) depth without most of one thing in some images: a lid that reflects, glass, a dark side."""
    at, there = _of_a_thing(labels, generator)
    row, column = at.long().unbind(1)
    own = labels[torch.arange(len(labels), device=labels.device), row, column]
    draws = torch.rand((len(depth), 2, 1, 1), generator=generator, device=depth.device)
    lost = (labels == own[:, None, None]) & (waves(depth, 16, generator) > 2.5 * draws[:, 0] - 1.5)
    lost &= there[:, None, None] & (draws[:, 1] < _LIDS)
    return torch.where(lost, torch.zeros((), device=depth.device), depth)
