"""Things that lie flat, of which depth may show pieces only: colour shows the rest."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from fail2progress.core.quantiles import quantile
from fail2progress.core.relations import Mask
from fail2progress.perception.segmentation.geometric.crosses import grown
from fail2progress.perception.segmentation.geometric.region_adjacency import Table
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan
from fail2progress.perception.segmentation.geometric.thresholds import StandRules

_LOW = 0.05
"""Metres of height of a thing that lies."""
_MOST = 4
"""Times as large as what depth shows of it, up to which a patch of another colour than the surface's is a thing."""


def joined(scan: Scan, rows: Table, found: list[Numbers], rules: StandRules) -> list[Numbers]:
    """The same things, pieces of what lies flat joined and completed by what is not of the surface's colour beside them."""
    tops = [quantile(rows.heights[pixels], 0.9) for pixels in found]
    flat = [i for i, top in enumerate(tops) if top < _LOW]
    if not flat:
        return found
    others = np.zeros(rows.heights.shape, bool)
    others[np.concatenate([pixels for i, pixels in enumerate(found) if i not in flat] or [np.zeros(0, np.int64)])] = True
    patches, sizes = _patches(scan, rows, [found[i] for i in flat], others, rules)
    groups: dict[int, list[Numbers]] = {}
    for i in flat:
        groups.setdefault(int(np.bincount(patches[found[i]]).argmax()), []).append(found[i])
    # A piece that holds together in space may lie in several patches: its pixels stay its own.
    owner = np.zeros(len(patches), np.int64)
    for patch, parts in groups.items():
        owner[np.concatenate(parts)] = patch
    pieces = []
    for patch, parts in groups.items():
        whole = np.flatnonzero((patches == patch) & ((owner == 0) | (owner == patch)))
        fits = sizes[patch] < _MOST * sum(map(len, parts)) and not rows.meets_frame(whole)
        pieces += [np.union1d(whole, np.concatenate(parts))] if fits else parts
    return [pixels for i, pixels in enumerate(found) if i not in flat] + pieces


def _patches(scan: Scan, rows: Table, flat: list[Numbers], others: Mask, rules: StandRules) -> tuple[Numbers, Numbers]:
    """(H * W,) number of the patch that a pixel is of, and how many pixels each has."""
    mask = ((~scan.plain | scan.tinted) & (scan.heights < rules.flat) & (scan.heights > -rules.low)).ravel()
    mask &= ~scan.standing.ravel() & ~others & (rows.range > 0)
    # Edges of what stands are of mixed colour.
    mask &= ~grown(others.reshape(scan.plain.shape), 3).ravel()
    mask[np.concatenate(flat)] = True
    patches = ndimage.label(mask.reshape(scan.plain.shape))[0].ravel()
    return patches, np.bincount(patches)
