"""What real frames have and rendered ones do not, made of windows of these: depth that is smooth where the truth has steps, depth
beside the colours that it belongs to, large things, dark nooks, and colours that have nothing to do with things."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.perception.segmentation.learned.features import relief

ROUGH = 0.5
"""Share of images to which any of it happens: the others stay as they are rendered."""
_SMOOTH, _BESIDE, _MIXED, _LARGER, _SPARSE, _GRAINY = 0.4, 0.5, 0.25, 0.25, 0.2, 0.15
"""Shares of images that are so; of those, where others may stay."""
_WIDTHS = (3, 5, 9, 15)
"""Pixels over which depth is smoothed."""
_SHIFT, _WAVE = 0.8, 1.2
"""Standard deviations (pixels) of how far an image's depth lies beside its colours, and of its edges about that."""
_NOOKS = ((5, 0.02), (15, 0.06), (31, 0.12))
"""Pixels around that inverse depth is compared with, and the difference (1 / m) from which on it is as dark as it gets."""
_LARGEST = 2.5
"""Times as large."""
_EDGE = 8
"""Pixels over which an edge goes from one side to the other."""
_PITCHES = (2, 3, 4, 6)
"""Pixels from one line without readings to the next, where a small image of depth is laid over a larger one of colours."""
_GRAIN, _GRAINS = 0.012, (3, 5, 8)
"""Standard deviation of inverse depth (1 / m), at most, where there is little to match; and pixels from wave to wave."""


def roughened(colour: Tensor, depth: Tensor, generator: torch.Generator, share: float = ROUGH) -> tuple[Tensor, Tensor]:
    """Colours (n, H, W, 3) uint8 and depth (n, H, W) m, 0 for none, of images of which a share is rough, each in several ways."""
    rough = torch.rand((len(depth), 1, 1), generator=generator, device=depth.device) < share
    changed = misplaced(rescaled(depth, generator), generator)
    changed = sparse(grainy(smoothed(changed, generator), generator), generator)
    shown = mixed(nooks_darkened(colour, depth, generator), generator)
    return torch.where(rough[..., None], shown, colour), torch.where(rough, changed, depth)


def smoothed(depth: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W) depth (m, 0 for none), for some of the images as of cameras that match windows, or whose drivers smooth: the mean
    of inverse depth over some pixels, a share of it."""
    draws = torch.rand((3, len(depth), 1, 1), generator=generator, device=depth.device)
    around = _WIDTHS[int(torch.randint(len(_WIDTHS), (1,), generator=generator, device=depth.device))]
    known = (depth > 0).float()
    inverse = known / depth.clamp(min=0.05)
    sums = functional.avg_pool2d(torch.stack([inverse, known], dim=1), around, 1, around // 2)
    even = sums[:, 0] / sums[:, 1].clamp(min=1e-3)
    share = torch.where(draws[0] < _SMOOTH, 0.4 + 0.6 * draws[1], torch.zeros_like(draws[1]))
    changed = 1 / torch.where(known > 0, inverse.lerp(even, share), even).clamp(min=0.1)
    filled = (draws[0] < _SMOOTH) & (draws[2] < 0.5) & (sums[:, 1] > 0.3)
    return torch.where((known > 0) | filled, changed, torch.zeros_like(depth))


def rescaled(depth: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W) depth, of some of the images as of a scene that is larger, and as much farther away: cartons on floors."""
    draws = torch.rand((2, len(depth), 1, 1), generator=generator, device=depth.device)
    return depth * torch.where(draws[0] < _LARGER, _LARGEST ** draws[1], torch.ones_like(draws[1]))


def misplaced(depth: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W) depth, for some of the images beside where it belongs: all of it by a little, and edges to and fro."""
    n, height, width = depth.shape
    draws = torch.rand((2, n, 1, 1), generator=generator, device=depth.device)
    amount = draws[0] * (draws[1] < _BESIDE)
    index = []
    for size, shape in ((height, (height, 1)), (width, (1, width))):
        whole = torch.randn((n, 1, 1), generator=generator, device=depth.device) * _SHIFT
        coarse = torch.randn((n, 1, height // _EDGE, width // _EDGE), generator=generator, device=depth.device)
        wave = functional.interpolate(coarse, size=(height, width), mode="bilinear")[:, 0] * _WAVE
        own = torch.arange(size, device=depth.device).view(shape)
        index.append((own + 2 * amount * (whole + wave)).round().long().clamp(0, size - 1))
    number = torch.arange(n, device=depth.device)[:, None, None]
    return depth[number, index[0], index[1]]


def nooks_darkened(colour: Tensor, depth: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W, 3) uint8 colours, darker where depth (n, H, W) m, 0 for none, is behind what is around: light from all sides does
    not come there."""
    known = depth > 0
    inverse = known / depth.clamp(min=0.05)
    behind = [-relief(inverse, known, around, unit) for around, unit in _NOOKS]
    dark = torch.stack(behind).clamp(0, 1).mean(dim=0)
    left = 1 - 0.7 * torch.rand((len(depth), 1, 1), generator=generator, device=depth.device) * dark
    return (colour.float() * left[..., None]).to(torch.uint8)


def mixed(colour: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W, 3) uint8 colours, of some of the images mixed with another's: edges that are no thing's."""
    draws = torch.rand((2, len(colour), 1, 1, 1), generator=generator, device=colour.device)
    share = torch.where(draws[0] < _MIXED, 0.2 + 0.7 * draws[1], torch.zeros_like(draws[1]))
    image = colour.float()
    return image.lerp(image.roll(1, 0), share).to(torch.uint8)


def grainy(depth: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W) depth, of some of the images with errors that change over a few pixels: cloth and paint have nothing to match."""
    draws = torch.rand((2, len(depth), 1, 1), generator=generator, device=depth.device)
    wide = _GRAINS[int(torch.randint(len(_GRAINS), (1,), generator=generator, device=depth.device))]
    return disturbed(depth, waves(depth, wide, generator) * draws[1] * _GRAIN * (draws[0] < _GRAINY))


def disturbed(depth: Tensor, noise: Tensor) -> Tensor:
    """(n, H, W) depth (m, 0 for none) with noise of its inverse (1 / m)."""
    changed = 1 / (1 / depth.clamp(min=0.05) + noise).clamp(min=0.1)
    return torch.where(depth > 0, changed, depth)


def sparse(depth: Tensor, generator: torch.Generator) -> Tensor:
    """(n, H, W) depth, of some of the images without readings along lines, or in blotches about as large as a thing's parts."""
    device, (n, height, width) = depth.device, depth.shape
    draws = torch.rand((3, n, 1, 1), generator=generator, device=device)
    pitch = _PITCHES[int(torch.randint(len(_PITCHES), (1,), generator=generator, device=device))]
    rows, columns = (torch.arange(size, device=device) % pitch == 0 for size in (height, width))
    lined = rows[:, None] | columns
    blotched = waves(depth, 5, generator) > 0.3 + 1.2 * draws[2]
    lost = torch.where(draws[1] < 0.5, lined, blotched) & (draws[0] < _SPARSE)
    return torch.where(lost, torch.zeros_like(depth), depth)


def waves(like: Tensor, width: int, generator: torch.Generator) -> Tensor:
    """(n, H, W) noise that changes over so many pixels."""
    coarse = (len(like), 1, max(like.shape[1] // width, 1), max(like.shape[2] // width, 1))
    noise = torch.randn(coarse, generator=generator, device=like.device)
    return functional.interpolate(noise, size=like.shape[1:], mode="bilinear")[:, 0]
