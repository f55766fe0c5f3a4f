"""What counts as standing on a surface, and which parts belong together: the numbers of the geometric segmenter's rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StandRules:
    """What counts as standing on a surface."""

    low: float = 0.005
    """Metres above the surface from which a reading is no part of it, if that is beyond noise."""
    noise: float = 4.0
    """The same in standard deviations of noise."""
    tall: float = 0.6
    """Metres above the surface up to which objects are looked for."""
    skirt: float = 0.02
    """Metres above the surface below which what has the surface's colour is the surface: cameras smear depth around feet."""
    smear: float = 0.05
    """The same around things of another colour."""
    margin: float = 0.05
    """Metres by which an object may reach over the outline of what is seen of its surface."""
    top: float = 0.008
    """Metres of height of the flattest object."""
    across: float = 0.02
    """Metres across, of the smallest object."""
    pixels: int = 30
    """Readings of the smallest object."""
    artefact: float = 0.04
    """Metres across, below which what has the surface's colour is a smear of depth beside something."""
    flat: float = 0.03
    """Metres of height of what lies flat, of which depth may show pieces only."""
    edge: float = 0.03
    """Metres of a surface's edge, which walls and furniture stand behind or against."""
    same: float = 0.8
    """Share of the surface's colour in what is a part of it, where it is at its edge."""
    wall: float = 0.15
    """Metres across, from which something that is over the edge only is no object; less if it goes on outside the image."""
    facet: float = 0.006
    """Metres from the middle to the side of the window in which surfaces are fitted."""


@dataclass(frozen=True)
class MergeRules:
    """Every number of the merging."""

    touch: float = 0.015
    """Metres between pixels up to which two parts touch."""
    tiny: float = 0.012
    """Metres across; what is smaller belongs to what it touches."""
    valley: float = np.radians(25)
    """Angle of a concave edge."""
    valleys: float = 0.5
    """Share of a border that must be a valley or a step, or it parts nothing."""
    alike: float = 0.80
    """Bhattacharyya coefficient of colours above which parts that touch are one thing."""
    same: float = 0.95
    """The same of something that stands before the other and is held by it."""
    halves: float = 0.6
    """The same of two halves of a rim."""
    unlike: float = 0.3
    """Bhattacharyya coefficient of colours below which next to no valley is enough to part two things."""
    before: float = 0.2
    """Share of a border where one hides the other, for what stands in a hollow rather than belongs to it."""
    grounded: float = 0.03
    """Metres above a surface up to which something stands on it."""
    standing: float = 0.15
    """Share of a part's columns that reach the surface, for one that stands on it."""
    hanging: float = 0.06
    """Metres across, up to which something that is held by nothing belongs to what it touches, whatever that is."""
    whole: float = 0.04
    """Metres across, from which something that seems to be held by nothing is a thing all the same, whose hold is out of view: a
    box whose sides are hidden below its top, a tin on a thinner one. What reaches in over the image's border is not an object."""
    resting: float = 0.5
    """Share of a part's columns that end on another thing or behind it, for one that needs no other hold."""
