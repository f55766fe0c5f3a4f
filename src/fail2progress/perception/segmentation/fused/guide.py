"""Things of the network, joined where they are parts of one, and those that geometry finds beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.relations import Mask
from fail2progress.perception.segmentation.fused.free_standing import FreeRules, stands_free
from fail2progress.perception.segmentation.fused.hanging import HangRules, without_hanging
from fail2progress.perception.segmentation.fused.joining import Joiner, JoinRules
from fail2progress.perception.segmentation.fused.pieces import WholeRules, joined_pieces
from fail2progress.perception.segmentation.fused.seams import SeamRules, parted
from fail2progress.perception.segmentation.geometric.guide import Geometry, Guide, Thing
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan, Window
from fail2progress.perception.segmentation.geometric.views import owners_of
from fail2progress.perception.segmentation.learned.beside import begun
from fail2progress.perception.segmentation.learned.guide import GuideRules, Places, in_frame, likest, placed, solid
from fail2progress.perception.segmentation.learned.instances import Floats, Seen, VoteRules, instances


@dataclass(frozen=True)
class FuseRules:
    """How far each of the two is believed."""

    sure: float = 0.8
    """Mean probability of a thing, from which one of the network's is not judged by where it stands: what hides most of its
    surface, or lies in a heap, would be left out."""
    object: float = 0.08
    """The same, below which an object of geometry is none, unless it stands free. Nor is it a thing beside those of the network
    where it is rather a support."""
    own: float = 0.7
    """Mean probability of the network's things, at least."""
    certain: float = 0.9
    """The same of scraps: of what is small, of what lies in something that geometry takes for no object, and of what has the
    surface's colour."""
    coherent: float = 0.7
    """Mean sureness with which a thing's pixels point to its middle, at least: those of edges, of robots, and of several things
    that are taken for one, point here and there."""
    to_one: float = 0.9
    """The same, from which a thing that has the surface's colour is believed from `sure` on."""
    small: int = 250
    """Pixels, below which something is small: there are scraps at edges, where the network is not sure."""
    outside: float = 0.4
    """Share of a thing in what geometry takes for no object, above which it may be a scrap of that: of an arm, or a wall."""
    plain: float = 0.8
    """Share of a thing that has the surface's colour, from which it may be a scrap of that: a shadow, or smeared depth."""
    over: float = 0.1
    """Share of a thing over a surface, below which it is none, however sure the network is: it is beyond all of them."""
    part: float = 0.9
    """Share of what the network has in an object of geometry that one thing has, and of that thing that lies in the object, from
    which the object is all of the thing: where a sensor reads little, the network sees a piece only. What the network takes for
    background is no more of it, as geometry joins shadows, walls and neighbours; but what would be an object beside a small
    piece is."""
    seams: SeamRules = field(default_factory=SeamRules)
    free: FreeRules = field(default_factory=FreeRules)
    whole: WholeRules = field(default_factory=WholeRules)
    hanging: HangRules = field(default_factory=HangRules)


class FusedGuide(Guide):
    """Of one frame, of which the network looks at a window while geometry goes on; size: rows and columns of what it tells."""

    def __init__(
        self,
        look: Callable[[], Seen],
        size: tuple[int, int],
        window: Window,
        votes: VoteRules,
        rules: GuideRules,
        joins: JoinRules,
        fusing: FuseRules,
    ) -> None:
        def proposed() -> tuple[Seen, Numbers]:
            seen = look()
            return seen, instances(seen, votes)

        self._proposed, self._window, self._size = begun(proposed), window, size
        self._rules, self._joins, self._fusing = rules, joins, fusing
        self._likest: Places | None = None
        self._shown: tuple[Numbers, Floats, Floats] | None = None

    def objects(self, geometry: Geometry) -> list[Thing]:
        """See Guide."""
        scan, places = geometry.scan, self._places(geometry)
        image, likely, sureness = self._in_frame(geometry)
        seen, numbers = self._proposed()
        thing, seeds, known = likely.ravel(), sureness.ravel(), scan.inverted.ravel() > 0
        image, numbers, two = parted(image, known, numbers, seen, self._window, geometry, self._fusing.seams)
        groups = self.joiner(geometry, np.where(scan.inverted > 0, image, 0), numbers).run(two)
        own = self._inside(self._own(image, groups, thing, seeds, geometry.scan), geometry, thing, known)
        own = self._standing(own, geometry, thing, known)
        own = joined_pieces(own, geometry, known, self._fusing.whole, self._fusing.free)
        support = placed(seen.support, places, scan.inverted.shape, self._window)
        whole, rest = self._with_geometry(own, geometry, thing, support.ravel(), known)
        things = [Thing(pixels[known[pixels]], pixels) for pixels in whole] + [Thing(pixels) for pixels in rest]
        return without_hanging(things, geometry, thing, self._fusing.hanging)

    def sure(self, geometry: Geometry) -> list[Numbers]:
        """See Guide: by the network alone."""
        image, likely, seeds = self._in_frame(geometry)
        image = np.where(geometry.scan.inverted > 0, image, 0)
        sizes = np.bincount(image.ravel())
        index = np.flatnonzero(sizes[1:]) + 1
        means = (np.bincount(image.ravel(), part.ravel())[index] / sizes[index] for part in (likely, seeds))
        sure = index[np.minimum(*means) >= self._fusing.sure]
        return [np.flatnonzero(image == i) for i in sure]

    def _in_frame(self, geometry: Geometry) -> tuple[Numbers, Floats, Floats]:
        """(H, W) numbers of the network's things, how likely and how sure each pixel is: the same however often it is asked."""
        if self._shown is None:
            places, shape = self._places(geometry), geometry.scan.inverted.shape
            seen, numbers = self._proposed()  # awaited only now
            image, likely = in_frame(numbers, seen.thing, places, shape, self._window)
            self._shown = image, likely, placed(seen.seeds, places, shape, self._window)
        return self._shown

    def _places(self, geometry: Geometry) -> Places:
        """See `likest`: of the window, the same however often geometry looks at it."""
        if self._likest is None:
            self._likest = likest(self._size, geometry.scan.seen_in(self._window), self._rules)
        return self._likest

    def joiner(self, geometry: Geometry, image: Numbers, numbers: Numbers) -> Joiner:
        """Of the network's things: numbers in the frame (H, W), at pixels with a reading, and as the network sees them (h, w)."""
        seen, _ = self._proposed()
        return Joiner(geometry.rows, image, numbers, seen, geometry.objects, self._joins)

    def _own(self, image: Numbers, groups: list[list[int]], thing: Floats, seeds: Floats, scan: Scan) -> list[Numbers]:
        """All pixels of each of the network's things, with and without a reading."""
        known, plain = scan.inverted.ravel() > 0, scan.plain.ravel()
        most = int(image.max(initial=0))
        flat = image.ravel().astype(np.uint16 if most < 2**16 else np.int64)  # short numbers are put in order ten times as fast
        order = np.argsort(flat, kind="stable")
        ends = np.concatenate([[0], np.cumsum(np.bincount(flat, minlength=most + 1))])

        def believed(group: list[int]) -> list[Numbers]:
            """One part; where that is not likely, those of what was joined that are: a thing joined to background is not lost."""
            part = np.concatenate([order[ends[i] : ends[i + 1]] for i in group])
            if len(part) and self._likely(thing[part], seeds[part], plain[part]):
                return [part]
            return [part for i in group for part in believed([i])] if len(group) > 1 else []

        likely = [part for group in groups for part in believed(group)]
        compact = (np.sort(solid(part, image.shape, self._rules.scrap)) for part in likely)
        return [part for part in compact if known[part].sum() >= self._rules.pixels]

    def _likely(self, thing: Floats, seeds: Floats, plain: Mask) -> bool:
        """Whether n pixels are of a thing: (n,) probabilities of one, how surely each points to its middle, in [0, 1], and which
        of them are `plain`, of the surface's colour."""
        rules, coherent = self._fusing, float(seeds.mean())
        least = rules.own
        if len(plain) < rules.small:
            least = rules.certain
        elif plain.mean() >= rules.plain:
            least = rules.sure if coherent >= rules.to_one else rules.certain
        return bool(thing.mean() >= least and coherent >= rules.coherent)

    def _inside(self, own: list[Numbers], geometry: Geometry, thing: Floats, known: Mask) -> list[Numbers]:
        """Without scraps of what geometry takes for no object, and without what is beyond or below every surface."""
        outside, rules = owners_of(geometry.outsiders, thing.size) > 0, self._fusing
        own = [p for p in own if outside[p].mean() <= rules.outside or thing[p].mean() >= rules.certain]
        return [p for p in own if geometry.over(p[known[p]]) >= rules.over and not geometry.below(p[known[p]])]

    def _standing(self, own: list[Numbers], geometry: Geometry, thing: Floats, known: Mask) -> list[Numbers]:
        """Without those that the network is not sure of and that stand on no surface."""
        sure = [thing[pixels].mean() >= self._fusing.sure for pixels in own]
        doubtful = [pixels[known[pixels]] for pixels, certain in zip(own, sure, strict=True) if not certain]
        kept = {int(pixels[0]) for pixels in geometry.standing(doubtful)}
        return [p for p, certain in zip(own, sure, strict=True) if certain or int(p[known[p]][0]) in kept]

    def _with_geometry(
        self, own: list[Numbers], geometry: Geometry, thing: Floats, support: Floats, known: Mask
    ) -> tuple[list[Numbers], list[Numbers]]:
        """Things with what geometry has more of them, and objects of geometry that are none of them."""
        rules, fusing = self._rules, self._fusing
        owner, whole, rest = owners_of(own, thing.size), list(own), []
        for pixels in geometry.objects:
            counts = np.bincount(owner[pixels], minlength=len(own) + 1)
            free = pixels[owner[pixels] == 0]
            taken = len(pixels) - len(free)
            few, likely, rather = taken <= rules.overlap * len(pixels), thing[pixels].mean(), support[pixels].mean()
            lone = bool(few and likely < max(fusing.object, rather)) and stands_free(geometry, pixels, fusing.free)
            beside = few and (likely >= fusing.object or lone)
            most = int(counts[1:].argmax()) if taken else 0
            alone = taken > 0 and counts[most + 1] >= fusing.part * max(taken, int(known[own[most]].sum()))
            if alone and len(free) and (beside or thing[free].mean() >= rules.object):
                whole[most] = np.union1d(whole[most], free)
            elif beside and len(free) >= rules.pixels and (likely >= rather or lone):
                rest.append(free)
        return whole, rest
