"""A small U-Net: classes of pixels, where the middle of each thing is, and where things end."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from fail2progress.perception.segmentation.learned.features import CHANNELS

STRIDE = 2
"""Pixels of the input to one of the output."""
OFFSET_UNIT = 8.0
"""Output pixels that offsets are measured in."""
_OUTPUTS = 7


@dataclass(frozen=True)
class Predicted:
    """Of n images, at half their resolution: classes (n, 3, h, w) logits of background, support and thing; offsets (n, 2, h, w)
    rows and columns to the middle of the thing, in units of OFFSET_UNIT; middles (n, h, w) logits of being near a middle;
    borders (n, h, w) logits of being beside something else."""

    classes: Tensor
    offsets: Tensor
    middles: Tensor
    borders: Tensor


class _Block(nn.Sequential):
    def __init__(self, given: int, made: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(given, made, 3, stride, 1, bias=False),
            nn.GroupNorm(8, made),
            nn.ReLU(inplace=True),
            nn.Conv2d(made, made, 3, 1, 1, bias=False),
            nn.GroupNorm(8, made),
            nn.ReLU(inplace=True),
        )


class SegmentNet(nn.Module):
    """After U-Net (Ronneberger et al. 2015) and Panoptic-DeepLab (Cheng et al. 2020), with few channels."""

    def __init__(self, channels: tuple[int, ...] = (16, 32, 64, 96, 128)) -> None:
        super().__init__()
        self.channels = channels
        self.stem = _Block(CHANNELS, channels[0], STRIDE)
        steps = list(pairwise(channels))
        self.down = nn.ModuleList(_Block(a, b, 2) for a, b in steps)
        self.up = nn.ModuleList(_Block(a + b, a) for a, b in steps)
        self.head = nn.Conv2d(channels[0], _OUTPUTS, 1)

    def forward(self, images: Tensor) -> Predicted:
        """images: (n, CHANNELS, H, W), see `features`; sides are multiples of 32."""
        kept = [self.stem(images)]
        for step in self.down:
            kept.append(step(kept[-1]))
        found = kept.pop()
        for step in reversed(self.up):
            beside = kept.pop()
            found = step(torch.cat([beside, functional.interpolate(found, size=beside.shape[-2:])], dim=1))
        made = self.head(found).float()
        return Predicted(made[:, :3], made[:, 3:5], made[:, 5], made[:, 6])
