"""Readings within a thing's outline that are none of it: on what lies behind its border, or flying between the two.

Outlines are known to a pixel or two, and sensors smear depth at edges; there depth jumps, and one such reading makes a box reach
as far as the jump. The thing still covers these pixels; only their readings are not counted to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import NOISE
from fail2progress.perception.segmentation.geometric.depth import Image
from fail2progress.perception.segmentation.geometric.guide import Thing
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan, between
from fail2progress.perception.segmentation.geometric.views import owners_of
from fail2progress.perception.segmentation.geometric.visibility import STEP

Owners = NDArray[np.int32]
_AROUND = tuple((n * dy, n * dx) for n in (1, 2) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))
"""Rows and columns from a pixel to those whose facets it is held against."""
_NEXT = ((1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (0, 3), (3, 0))
"""The same to those that it may hang together with, over holes as narrow as those that are closed, and to its right."""


@dataclass(frozen=True)
class StrayRules:
    """Which readings are no part of what they are counted to."""

    off: float = 0.006
    """Metres off a neighbour's facet from which a reading is not on it."""
    step: float = STEP
    """Metres of range between neighbours from which they do not hang together."""
    noise: float = 4.0
    """Both in standard deviations of noise, where that is more."""
    share: float = 0.05
    """Of a thing's readings, below which a piece that a step parts from a larger one is none of it."""
    lone: float = 0.01
    """The same of any piece that hangs together with nothing else of it."""
    left: float = 0.5
    """Share of a thing's readings that is left, or none is taken from it."""


def without_strays(scan: Scan, things: list[Thing], away: Image, rules: StrayRules) -> list[Thing]:
    """Things without such readings. away: (H, W) m of range."""
    known = scan.inverted > 0
    owners = owners_of([thing.pixels for thing in things], known.size).reshape(known.shape).astype(np.int32)
    stray = np.zeros(known.size, bool)
    stray[_behind(scan, np.where(known, owners, -1), rules)] = True
    owners = np.where(known & ~stray.reshape(known.shape), owners, 0)
    stray[_apart(owners, away, rules)] = True
    return [_without(thing, stray[thing.pixels], rules) for thing in things]


def _without(thing: Thing, stray: Mask, rules: StrayRules) -> Thing:
    """stray: (n,) of its pixels."""
    if not stray.any() or stray.mean() > 1 - rules.left:
        return thing
    return Thing(thing.pixels[~stray], thing.pixels if thing.covered is None else thing.covered)


def _behind(scan: Scan, owners: Owners, rules: StrayRules) -> Numbers:
    """Flat indices of readings at a thing's outline that lie on the facet of what is beside the thing, and behind what is next to
    them of the thing itself. owners: (H, W) number of a thing from 1, 0 for none, -1 where there is no reading."""
    flat, inverted, width = owners.ravel(), scan.inverted.ravel(), owners.shape[1]
    inner = np.zeros(owners.shape, bool)
    inner[2:-2, 2:-2] = owners[2:-2, 2:-2] > 0
    own = np.flatnonzero(inner)
    shifts = [dy * width + dx for dy, dx in _AROUND]
    edge = np.zeros(len(own), bool)
    for shift in shifts:
        other = flat[own + shift]
        edge |= (other != flat[own]) & (other >= 0)
    own = own[edge]
    beside, behind = np.zeros((2, len(own)), bool)
    for shift in shifts:
        other = own + shift
        off, same = _off(scan, other, own, rules), flat[other] == flat[own]
        beside |= ~same & (flat[other] >= 0) & ~off
        behind |= same & off & (inverted[own] < inverted[other]) & _off(scan, own, other, rules)
    return np.asarray(own[beside & behind])


def _off(scan: Scan, facets: Numbers, pixels: Numbers, rules: StrayRules) -> Mask:
    """(n,) whether readings of pixels are not on the facets of others."""
    (a, b, c), inverted = scan.planes.reshape(-1, 3)[facets].T, scan.inverted.ravel()
    missed = np.abs(a * scan.u.ravel()[pixels] + b * scan.v.ravel()[pixels] + c - inverted[pixels])
    least = np.maximum(np.float32(rules.off) * inverted[pixels] * inverted[facets], np.float32(rules.noise * NOISE))
    return np.asarray(missed > least)


def _apart(owners: Owners, away: Image, rules: StrayRules) -> Numbers:
    """Flat indices of small pieces of things that do not hang together with the rest. owners: (H, W) from 1, 0 for none."""
    rows, columns = (np.flatnonzero((owners > 0).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return rows
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    stray = np.zeros(owners.shape, bool)
    stray[window] = _pieces_apart(_Steps(owners[window], away[window], rules), rules)
    return np.flatnonzero(stray)


def _pieces_apart(steps: _Steps, rules: StrayRules) -> Mask:
    """(H, W) the same, of an image."""
    owners = steps.owners
    linked, parted = steps.between(0, 1)
    # Pieces are looked for among runs of pixels in a row, of which there are a few thousand.
    first = owners > 0
    first[:, 1:] &= ~linked
    runs = (np.cumsum(first, dtype=np.int32) - 1).reshape(owners.shape)
    count, links, cuts = int(first.sum()), [], [_pairs(runs, parted, 0, 1)]
    for dy, dx in _NEXT:
        linked, parted = steps.between(dy, dx)
        links.append(_pairs(runs, linked, dy, dx))
        cuts.append(_pairs(runs, parted, dy, dx))
    one, other = np.concatenate(links, axis=1)
    pieces = connected_components(coo_array((np.ones(len(one), bool), (one, other)), (count, count)), directed=False)[1]
    owner = np.zeros(count, np.int64)
    owner[pieces] = owners[first]
    sizes, whole = np.bincount(pieces[runs[owners > 0]], minlength=count), np.bincount(owners.ravel())
    share = sizes / np.maximum(whole[owner], 1)
    one, other = pieces[np.concatenate(cuts, axis=1)]
    stray = share < rules.lone
    for small, large in ((one, other), (other, one)):
        stray[small[(share[small] < rules.share) & (share[large] >= rules.share)]] = True
    return np.asarray(stray[pieces[runs]] & (owners > 0))


@dataclass(frozen=True)
class _Steps:
    """owners: (H, W) from 1, 0 for none; away: (H, W) m."""

    owners: Owners
    away: Image
    rules: StrayRules

    def between(self, dy: int, dx: int) -> tuple[Mask, Mask]:
        """Whether pixels of one thing that lie (dy, dx) from one another hang together, and whether a step parts them."""
        here, there = between(self.owners.shape, dy, dx)
        one, other = self.away[here], self.away[there]
        nearer = np.minimum(one, other)
        least = np.maximum(np.float32(self.rules.step), np.float32(self.rules.noise * NOISE) * nearer * nearer)
        same = (self.owners[here] == self.owners[there]) & (self.owners[here] > 0)
        far = np.abs(one - other) > least
        return same & ~far, same & far


def _pairs(runs: Owners, chosen: Mask, dy: int, dx: int) -> Owners:
    """(2, n) numbers of runs at chosen pixels and (dy, dx) from there, each pair that follows itself once."""
    here, there = between(runs.shape, dy, dx)
    pairs = np.stack([runs[here][chosen], runs[there][chosen]])
    new = np.ones(pairs.shape[1], bool)
    new[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)
    return np.asarray(pairs[:, new])
