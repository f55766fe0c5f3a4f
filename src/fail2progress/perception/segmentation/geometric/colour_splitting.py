"""Things side by side with flush faces: no crease parts them, but each has a colour of its own and stands by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.quantiles import quantile
from fail2progress.core.relations import Mask
from fail2progress.perception.pixels import places_of, rows_and_columns
from fail2progress.perception.segmentation.geometric.colour_bins import CHROMA, COLOURS
from fail2progress.perception.segmentation.geometric.hollows import ring
from fail2progress.perception.segmentation.geometric.region_adjacency import Others, Table, extent
from fail2progress.perception.segmentation.geometric.regions import Numbers


@dataclass(frozen=True)
class ToneRules:
    """When one segment is two things of one colour each. Prints, labels and faces of a box are not."""

    both: float = 0.85
    """Share of the two colours in the segment."""
    least: float = 0.03
    """Metres across, of each of the two."""
    whole: float = 0.9
    """Share of a colour that is in one piece."""
    border: float = 2.0
    """Length of the border between them at most, in sides of a square as large as the smaller: what is surrounded is a print."""
    grounded: float = 0.03
    """Metres above the surface, to which both reach down."""
    flush: float = np.radians(35)
    """Angle between the faces beside the border below which they are flush; faces of one box are not."""
    near: float = 1.6
    """Steps between bins of colour that may be one colour in different light."""


_OFFSET = 4
"""Pixels across a border, which cameras blur."""


def part(rows: Table, pixels: Numbers, others: Mask | Others, rules: ToneRules) -> list[Numbers]:
    """The things that pixels show, one or two. others: (H * W,) pixels of other things."""
    zones = _zones(rows, pixels, rules)
    if zones is None or ring(rows, pixels, others):
        return [pixels]
    y, x = rows_and_columns(pixels, rows.width)
    top, left = int(y.min()), int(x.min())
    image = np.zeros((int(np.ptp(y)) + 1, int(np.ptp(x)) + 1), np.int8)
    image[y - top, x - left] = zones
    if not _apart(rows, image, top, left, rules):
        return [pixels]
    # What is of neither colour belongs to the nearer of the two.
    nearest = ndimage.distance_transform_edt(image == 0, return_distances=False, return_indices=True)
    own = image[tuple(nearest)][y - top, x - left]
    return [pixels[own == 1], pixels[own == 2]]


def _zones(rows: Table, pixels: Numbers, rules: ToneRules) -> NDArray[np.int8] | None:
    """(n,) which of the two commonest colours every pixel has, 1 or 2, 0 for neither; None where these are not two things."""
    colours = rows.colours[pixels]
    counts = np.bincount(colours, minlength=COLOURS)
    first = like_colour(int(counts.argmax()), rules.near)
    rest = np.where(first, 0, counts)
    second = like_colour(int(rest.argmax()), rules.near) & ~first
    zones = np.where(first[colours], 1, np.where(second[colours], 2, 0)).astype(np.int8)
    if (zones > 0).mean() < rules.both:
        return None
    for zone in (1, 2):
        own = pixels[zones == zone]
        if len(own) < 50 or extent(rows, own) < rules.least or quantile(rows.heights[own], 0.05) > rules.grounded:
            return None
    return zones


def like_colour(colour: int, near: float) -> Mask:
    """(COLOURS,) bins of colours that may be the same in different light."""
    bins = np.arange(COLOURS)
    if colour >= CHROMA * CHROMA:
        return np.asarray(bins >= CHROMA * CHROMA)
    apart = np.hypot(bins // CHROMA - colour // CHROMA, bins % CHROMA - colour % CHROMA)
    return np.asarray((apart < near) & (bins < CHROMA * CHROMA))


def _apart(rows: Table, image: NDArray[np.int8], top: int, left: int, rules: ToneRules) -> bool:
    """Whether the two colours of an image are in one piece each, and meet along one side with flush faces."""
    smallest = min(int((image == zone).sum()) for zone in (1, 2))
    for zone in (1, 2):
        # Dropped readings are no gaps.
        pieces, _ = ndimage.label(ndimage.binary_closing(image == zone, np.ones((3, 3))))
        sizes = np.bincount(pieces[image == zone])[1:]
        if len(sizes) == 0 or sizes.max() < rules.whole * sizes.sum():
            return False
    pairs = []
    for dy, dx in ((0, _OFFSET), (_OFFSET, 0)):
        here, there = image[: image.shape[0] - dy, : image.shape[1] - dx], image[dy:, dx:]
        y, x = places_of((here > 0) & (there > 0) & (here != there))
        pairs.append(np.stack([(y + top) * rows.width + x + left, (y + dy + top) * rows.width + x + dx + left]))
    own, other = np.concatenate(pairs, axis=1)
    if not 0 < len(own) / _OFFSET < rules.border * np.sqrt(smallest):
        return False
    turn = np.einsum("ij,ij->i", rows.normals[own], rows.normals[other])
    return bool((turn > np.cos(rules.flush)).mean() > 0.5)
