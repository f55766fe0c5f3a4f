"""PointConv (Wu, Qi, Fuxin, CVPR 2019) as it is published, in plain torch: the peer of our encoder's speed.

Each layer draws its centres (farthest points), looks for their neighbours, and runs both networks over them, all in float32.
The weight network has the widths 8, 8 and 16 with a ReLU after each, as in the public code of Points2Plans; layers, centres and
neighbours are those of paper A.11.2.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

LAYERS = ((128, 8, 32), (16, 16, 64))
"""Centres, neighbours and channels of the layers before the last, which takes all points at once to `WIDTH` channels."""
WIDTH = 128


class PlainLayer(nn.Module):
    """One layer; `centres` None: one neighbourhood that is the whole segment."""

    def __init__(self, centres: int | None, size: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.centres, self.size = centres, size
        self.features = nn.Sequential(nn.Linear(3 + inputs, outputs), nn.ReLU())
        widths = (3, 8, 8, 16)
        self.weights = nn.Sequential(*(layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())))
        self.mix = nn.Sequential(nn.Linear(16 * outputs, outputs), nn.LayerNorm(outputs), nn.ReLU())

    def forward(self, points: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """(S, P, 3) and (S, P, C) to the centres (S, Q, 3) and their features (S, Q, outputs)."""
        if self.centres is None:
            centres, near = points.mean(dim=1, keepdim=True), torch.arange(points.shape[1]).expand(len(points), 1, -1)
        else:
            centres = _rows(points, farthest(points, self.centres))
            near = torch.cdist(centres, points).topk(min(self.size, points.shape[1]), largest=False).indices
        offsets = _rows(points, near) - centres.unsqueeze(2)
        grouped = self.features(torch.cat([offsets, _rows(features, near)], dim=3))
        pooled = self.weights(offsets).transpose(2, 3) @ grouped
        return centres, self.mix(pooled.flatten(2))


class PlainEncoder(nn.Module):
    """(S, P, 3) points of segments to (S, 128) codes, neighbourhoods included."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, *(outputs for _, _, outputs in LAYERS)]
        made = [PlainLayer(n, k, inputs, outputs) for (n, k, outputs), inputs in zip(LAYERS, widths, strict=False)]
        self.layers = nn.ModuleList([*made, PlainLayer(None, 0, widths[-1], WIDTH)])

    def forward(self, points: Tensor) -> Tensor:
        """Codes."""
        features = points
        for layer in self.layers:
            points, features = layer(points, features)
        return features.squeeze(1)


def farthest(points: Tensor, count: int) -> Tensor:
    """(S, count) indices of points, each the farthest from those before it."""
    chosen = torch.zeros(len(points), count, dtype=torch.long)
    nearest = torch.full(points.shape[:2], torch.inf)
    for number in range(1, count):
        last = points.gather(1, chosen[:, number - 1].view(-1, 1, 1).expand(-1, 1, 3))
        nearest = torch.minimum(nearest, (points - last).square().sum(dim=2))
        chosen[:, number] = nearest.argmax(dim=1)
    return chosen


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """(S, P, C) at indices (S, ...) to (S, ..., C)."""
    flat = index.flatten(1).unsqueeze(2).expand(-1, -1, values.shape[2])
    return values.gather(1, flat).view(*index.shape, values.shape[2])
