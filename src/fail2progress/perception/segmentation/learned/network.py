"""A U-Net with residual blocks: classes of pixels, and for every thing a place of its own that all its pixels point to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fail2progress.perception.segmentation.learned.beside import next_step
from fail2progress.perception.segmentation.learned.features import CHANNELS

UNIT = 32.0
"""Pixels that are 1 in the space that pixels point into."""
FREE = 6
"""Directions of that space beyond the image's two: things before one another differ in them."""
_CLASSES = 3
_OUTPUTS = _CLASSES + 2 + FREE + 2
_PLAIN = -CHANNELS % 8
"""Channels without content: GPUs convolve faster by eights."""
_BREADTH = 1.4
"""Logarithm of the weight of squared distances before training: what is half a unit away is as likely of the thing as not."""


@dataclass(frozen=True)
class Predicted:
    """Of n images: classes (n, 3, H, W) logits of background, support and thing; places (n, 2 + FREE, H, W) that pixels point to,
    in units of UNIT; weights (n, H, W) logarithm of what a squared distance of places counts; seeds (n, H, W) how surely a pixel
    points to the middle of its thing, in [0, 1]."""

    classes: Tensor
    places: Tensor
    weights: Tensor
    seeds: Tensor


class _Unit(nn.Module):
    """Convolution, normalisation, and rectification unless it ends a residual block."""

    def __init__(self, given: int, made: int, stride: int = 1, last: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(given, made, 3, stride, 1, bias=False)
        self.norm: nn.BatchNorm2d | nn.Identity = nn.BatchNorm2d(made)
        self.last = last

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.norm(self.conv(images))
        return made if self.last else functional.relu(made, inplace=True)

    def fuse(self) -> None:
        """Make the normalisation part of the convolution; for use alone."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _Unit(channels, channels), _Unit(channels, channels, last=True)

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.second(self.first(images))
        return functional.relu(made.add_(images), inplace=True)


class SegmentNet(nn.Module):
    """After U-Net (Ronneberger et al. 2015), residual networks (He et al. 2016) and spatial embeddings (Neven et al. 2019).

    channels: at the image's resolution, at half of it, and so on; blocks: residual ones at each but the first.
    """

    def __init__(self, channels: tuple[int, ...] = (16, 32, 64, 128, 192, 256), blocks: int = 2) -> None:
        super().__init__()
        self.channels, self.blocks = channels, blocks
        self.stem = _Unit(CHANNELS + _PLAIN, channels[0])
        steps = list(pairwise(channels))
        self.down = nn.ModuleList(
            nn.Sequential(_Unit(a, b, 2), *(_Block(b) for _ in range(1 if i == 0 else blocks))) for i, (a, b) in enumerate(steps)
        )
        self.lead = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in steps)
        self.up = nn.ModuleList(_Unit(a, a) if i == 0 else _Block(a) for i, (a, _) in enumerate(steps))
        self.head = nn.Sequential(_Unit(channels[0], 2 * channels[0]), nn.Conv2d(2 * channels[0], _OUTPUTS, 1))

    def forward(self, images: Tensor) -> Predicted:
        """images: (n, CHANNELS, H, W), see `features`."""
        kept = [self.stem(functional.pad(images, (0, 0, 0, 0, 0, _PLAIN)))]
        for step in self.down:
            kept.append(step(kept[-1]))
        found = kept.pop()
        for lead, step in zip(reversed(self.lead), reversed(self.up), strict=True):
            beside = kept.pop()
            led = functional.interpolate(lead(found), size=beside.shape[-2:], mode="bilinear")
            found = step(led.add_(beside))
        return _told(self.head(found).float())

    def fused(self) -> SegmentNet:
        """Itself, made ready for use: normalisation is part of the convolutions from now on."""
        self.eval()
        for part in self.modules():
            if isinstance(part, _Unit):
                part.fuse()
                part.register_forward_pre_hook(_begin_step)
        return self.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _begin_step(*_: object) -> None:
    """Of a network in use, before each convolution of it."""
    next_step()


def _told(made: Tensor) -> Predicted:
    """Outputs by their names."""
    classes, places, weights, seeds = made.split((_CLASSES, 2 + FREE, 1, 1), dim=1)
    rows, columns = (torch.arange(n, device=made.device) / UNIT for n in made.shape[-2:])
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    places = torch.cat([places[:, :2] + grid, places[:, 2:]], dim=1)
    return Predicted(classes, places, weights[:, 0] + _BREADTH, seeds[:, 0].sigmoid())
