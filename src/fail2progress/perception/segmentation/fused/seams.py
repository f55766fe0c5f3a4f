"""Things of the network that are two: what geometry parts at a seam, one on another, or as two things of other colours, and the
network sees apart as well."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.perception.pixels import rows_and_columns
from fail2progress.perception.segmentation.fused.joining import distance_of
from fail2progress.perception.segmentation.geometric.guide import Geometry
from fail2progress.perception.segmentation.geometric.region_adjacency import Table, alike, histogram, meetings, parting
from fail2progress.perception.segmentation.geometric.regions import Numbers, Window
from fail2progress.perception.segmentation.geometric.thresholds import MergeRules
from fail2progress.perception.segmentation.geometric.views import owners_of
from fail2progress.perception.segmentation.learned.instances import Seen, to_size


@dataclass(frozen=True)
class PieceRules:
    """When pieces of one of the network's things, each with an object of geometry, are things of their own."""

    distance: float
    """Logarithm of the squared distance between the places that both pieces point to, in widths of a thing, at least. Places of
    two halves of one thing lie nearer."""
    overlap: float
    """Intersection over union of each piece with its own object of geometry, at least."""
    unlike: float = 1.0
    """Bhattacharyya coefficient of the pieces' colours, at most."""
    parting: float = 0.0
    """Share of the pieces' border that is a valley or a step, at least."""
    share: float = 0.15
    """Of a thing's pixels, in each piece, at least."""


@dataclass(frozen=True)
class SeamRules:
    """When what the network has as one thing is parted."""

    on: PieceRules = field(default_factory=lambda: PieceRules(distance=-1.0, overlap=0.7))
    """Where geometry has one thing on another and a seam between them."""
    beside: PieceRules = field(default_factory=lambda: PieceRules(distance=-2.0, overlap=0.8, unlike=0.4, parting=0.5))
    """Where geometry has any two things: depth and colours have to part them as well."""
    edges: MergeRules = field(default_factory=MergeRules)


def parted(
    image: Numbers, known: Mask, numbers: Numbers, seen: Seen, window: Window, geometry: Geometry, rules: SeamRules
) -> tuple[Numbers, Numbers, set[tuple[int, int]]]:
    """The network's things in the frame (H, W) and at its own size (h, w), numbered from 1, with those parted that are two; and
    numbers, the lesser first, of which no two are one thing.

    known: (H * W,) pixels with a reading; window: of the frame, which the network saw.
    """
    image, numbers, two = image.copy(), numbers.copy(), set[tuple[int, int]]()
    for objects, wanted in [*((stack, rules.on) for stack in geometry.stacks), (geometry.objects, rules.beside)]:
        owner = owners_of(objects, image.size)
        for number in np.unique(image.ravel()[owner > 0]):
            pieces = _pieces(np.flatnonzero(image == number), known, owner, wanted, image.shape[1]) if number > 0 else []
            if len(pieces) < 2:
                continue
            whole = np.zeros(image.shape, np.int64)
            for i, pixels in enumerate(pieces):
                whole.ravel()[pixels] = i + 1
            small = np.where(numbers == number, to_size(whole[window], (numbers.shape[0], numbers.shape[1])), 0)
            if not _apart(small, len(pieces), seen, wanted):
                continue
            if not _differ(np.where(known.reshape(image.shape), whole, 0), geometry.rows, wanted, rules.edges):
                continue
            free = int(max(image.max(), numbers.max())) + 1
            own = [int(number), *range(free, free + len(pieces) - 1)]
            for i, its in enumerate(own):
                image[whole == i + 1] = numbers[small == i + 1] = its
            two.update(combinations(own, 2))
    return image, numbers, two


def _pieces(pixels: Numbers, known: Mask, owner: Numbers, rules: PieceRules, width: int) -> list[Numbers]:
    """A thing's pixels by the object that they are in or nearest to; none where fewer than two are much of it."""
    sizes = np.bincount(owner)
    counts = np.bincount(owner[pixels], minlength=len(sizes))
    much = np.flatnonzero(counts[1:] >= rules.share * known[pixels].sum()) + 1
    if len(much) < 2:
        return []
    rows, columns = rows_and_columns(pixels, width)
    rows, columns = rows - rows.min(), columns - columns.min()
    box = np.zeros((int(rows.max()) + 1, int(columns.max()) + 1), np.int64)
    box[rows, columns] = np.where(np.isin(owner[pixels], much), owner[pixels], 0)
    near = ndimage.distance_transform_edt(box == 0, return_distances=False, return_indices=True)
    nearest = box[tuple(near)][rows, columns]
    found = [pixels[nearest == number] for number in much]
    unions = [known[piece].sum() + sizes[number] - counts[number] for piece, number in zip(found, much, strict=True)]
    return found if min(counts[much] / unions) >= rules.overlap else []


def _apart(small: Numbers, count: int, seen: Seen, rules: PieceRules) -> bool:
    """Whether all pieces (h, w), numbered from 1, point to places that lie apart."""
    masks = [small == i + 1 for i in range(count)]
    if not all(mask.any() for mask in masks):
        return False
    places = [(seen.places[:, mask].mean(axis=1), float(seen.weights[mask].mean())) for mask in masks]
    return all(distance_of(*one, *other) >= rules.distance for one, other in combinations(places, 2))


def _differ(whole: Numbers, rows: Table, rules: PieceRules, edges: MergeRules) -> bool:
    """Whether all pieces (H, W) that meet, numbered from 1 at pixels with a reading, have other colours and a border that parts
    them, as far as that is wanted."""
    if rules.unlike >= 1 and rules.parting <= 0:
        return True
    colours = {i: histogram(rows, np.flatnonzero(whole == i)) for i in range(1, int(whole.max()) + 1)}
    if any(alike(colours[one], colours[other]) > rules.unlike for one, other in combinations(colours, 2)):
        return False
    borders = (meeting for one, met in meetings(whole).items() for other, meeting in met.items() if one < other)
    return all(parting(rows, meeting, edges) >= rules.parting for meeting in borders)
