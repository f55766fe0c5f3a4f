"""The fused segmenter: parts of one thing are joined, two things stay two, and geometry judges what the network doubts."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.learning.segmentation.meshes import box
from fail2progress.perception.segmentation.fused.free_standing import FreeRules
from fail2progress.perception.segmentation.fused.guide import FusedGuide, FuseRules
from fail2progress.perception.segmentation.fused.odds import join_rules
from fail2progress.perception.segmentation.fused.pieces import WholeRules
from fail2progress.perception.segmentation.fused.segmenter import FusedSegmenter
from fail2progress.perception.segmentation.geometric.guide import Geometry, Guide, Thing
from fail2progress.perception.segmentation.geometric.regions import Window
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.perception.segmentation.learned.guide import GuideRules
from fail2progress.perception.segmentation.learned.instances import VoteRules, instances
from fail2progress.perception.segmentation.orientation import turned
from fail2progress.perception.segmentation.registry import segmenter
from support.fused_frames import WHOLE, found, seen
from support.tabletop_frames import frame_of

TABLE = (box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
LONG = (box(0.2, 0.07, 0.12).shifted(-0.12, 0.05, 0), (180, 50, 45))
SMALL = (box(0.06, 0.06, 0.09).shifted(0.16, -0.05, 0), (50, 80, 170))
PLACES = ((0.0, -0.8, 0.6), (0.0, 0.0, 0.03))
"""Of the camera, and of what it looks at."""
NONE_FREE = FuseRules(free=FreeRules(across=0.0))
"""Nothing counts as standing free."""


@pytest.fixture(scope="module")
def frame() -> RgbdFrame:
    return frame_of([TABLE, LONG, SMALL], *PLACES)


@pytest.fixture(scope="module")
def parts(frame: RgbdFrame) -> tuple[Mask, Mask, Mask]:
    """The left and the right half of the long box, and the small one."""
    whole, small = (_mask(segment.pixels, frame) for segment in GeometricSegmenter().segment(frame).segments)
    columns = np.arange(640)[None] < np.median(np.nonzero(whole)[1])
    return whole & columns, whole & ~columns, small


def test_halves_that_point_near_each_other_are_one_thing(frame: RgbdFrame, parts: tuple[Mask, Mask, Mask]) -> None:
    near = found(frame, seen(parts, (0.0, 1.2, 9.0)))
    assert [len(pixels) for pixels in near] == pytest.approx([parts[0].sum() + parts[1].sum(), parts[2].sum()], rel=0.1)


def test_halves_that_point_far_apart_are_two(frame: RgbdFrame, parts: tuple[Mask, Mask, Mask]) -> None:
    assert len(found(frame, seen(parts, (0.0, 8.0, 20.0)))) == 3


def test_three_pieces_alike_of_what_stands_free_are_one_thing_and_two_are_two(
    frame: RgbdFrame, parts: tuple[Mask, Mask, Mask]
) -> None:
    whole = parts[0] | parts[1]
    sides = np.quantile(np.nonzero(whole)[1], (0.35, 0.7)).astype(int)
    third = np.digitize(np.arange(640), sides)[None]
    thirds = tuple(whole & (third == i) for i in range(3))
    told = seen((*thirds, parts[2]), (0.0, 8.0, 20.0, 40.0))
    assert [len(pixels) for pixels in found(frame, told)] == pytest.approx([whole.sum(), parts[2].sum()], rel=0.1)
    assert len(found(frame, told, fusing=FuseRules(whole=WholeRules(pieces=4)))) == 4
    # Of other colours they are three things, and so they are where one of them is most.
    painted = replace(frame, colour=np.where(thirds[1][..., None], np.uint8(30), frame.colour))
    assert len(found(painted, told)) == 4
    assert len(found(frame, told, fusing=FuseRules(whole=WholeRules(largest=0.3)))) == 4
    assert len(found(frame, told, fusing=FuseRules(whole=WholeRules(covered=1.01)))) == 4  # most of the object is no piece
    # Where geometry has two, there is something against each.
    assert len(found(frame, told, [np.flatnonzero(thirds[0] | thirds[1]), *map(np.flatnonzero, (thirds[2], parts[2]))])) == 4


def test_what_both_see_as_two_stays_two(frame: RgbdFrame, parts: tuple[Mask, Mask, Mask]) -> None:
    given = [np.flatnonzero(part) for part in parts]
    assert len(found(frame, seen(parts, (0.0, 1.2, 9.0)), given)) == 3


@pytest.mark.parametrize(("likely", "completed"), [(0.4, True), (0.0, False)])
def test_a_piece_is_completed_by_the_object_that_geometry_has_but_not_with_background(
    frame: RgbdFrame, parts: tuple[Mask, Mask, Mask], likely: float, completed: bool
) -> None:
    whole, told = parts[0] | parts[1], seen((parts[0],), (0.0,))
    rest = parts[1][::2, ::2] & (told.thing < 0.5)
    told.thing[rest] = likely
    (one,) = found(frame, told, [np.flatnonzero(whole)])
    assert len(one) == pytest.approx(whole.sum() if completed else parts[0].sum(), rel=0.05)


def test_background_of_the_network_is_left_out_and_doubt_is_judged(frame: RgbdFrame, parts: tuple[Mask, Mask, Mask]) -> None:
    wall = np.zeros_like(parts[0])
    wall[5:60, 200:400] = True  # beyond the table
    assert len(found(frame, seen((*parts, wall), (0.0, 1.2, 9.0, 20.0), 0.8))) == 2
    none = seen(parts, (0.0, 1.2, 9.0), 0.01)
    assert found(frame, none, fusing=NONE_FREE) == []


def test_a_thing_joined_to_background_is_not_lost_with_it(frame: RgbdFrame, parts: tuple[Mask, Mask, Mask]) -> None:
    told = seen(parts, (0.0, 1.2, 9.0))
    told.thing[parts[0][::2, ::2]], told.thing[parts[1][::2, ::2]] = 0.75, 0.6
    left, small = parts[0].sum(), parts[2].sum()
    given = [np.flatnonzero(parts[2])]
    assert [len(pixels) for pixels in found(frame, told, given)] == pytest.approx([left, small], rel=0.1)


def test_background_of_the_network_that_stands_free_is_a_thing(frame: RgbdFrame, parts: tuple[Mask, Mask, Mask]) -> None:
    none = seen(parts, (0.0, 1.2, 9.0), 0.01)
    assert [len(pixels) for pixels in found(frame, none)] == pytest.approx([parts[0].sum() + parts[1].sum(), parts[2].sum()])
    # A half has the other one against it.
    assert len(found(frame, none, [np.flatnonzero(part) for part in parts])) == 1


def test_what_the_network_takes_rather_for_a_support_is_no_thing_of_its_own(
    frame: RgbdFrame, parts: tuple[Mask, Mask, Mask]
) -> None:
    doubt = seen(parts, (0.0, 1.2, 9.0), 0.4)
    assert found(frame, doubt, fusing=NONE_FREE) == []
    likely = replace(doubt, support=np.full_like(doubt.support, 0.3))
    assert len(found(frame, likely, fusing=NONE_FREE)) == 2
    assert len(found(frame, doubt)) == 2  # what stands free is one


@pytest.mark.parametrize("moved", [(0.0, 0.0, 0.06), (0.0, 0.45, 0.0), (0.0, -0.33, 0.0)], ids=["hangs", "beyond", "cut"])
def test_what_hangs_or_is_beyond_a_surface_or_cut_does_not_stand_free(moved: tuple[float, float, float]) -> None:
    """What geometry may still take for an object is left to the network."""
    frame = frame_of([TABLE, (SMALL[0].shifted(*moved), SMALL[1])], *PLACES)
    blue = frame.colour[..., 2].astype(int) - frame.colour[..., 0] > 60
    assert blue.sum() > 500
    none = seen((blue,), (0.0,), 0.01)
    assert found(frame, none, [np.flatnonzero(blue)]) == []
    low = frame_of([TABLE, (box(0.06, 0.06, 0.03).shifted(0.16, -0.05, 0), SMALL[1])], *PLACES)
    assert found(low, none) == []


@pytest.mark.parametrize(("sure", "things"), [(0.85, 1), (0.97, 2)])
def test_a_scrap_of_what_geometry_takes_for_no_object_must_be_certain(
    frame: RgbdFrame, parts: tuple[Mask, Mask, Mask], sure: float, things: int
) -> None:
    whole = parts[0] | parts[1]
    told = seen((whole, parts[2]), (0.0, 9.0), sure)
    assert len(found(frame, told, [np.flatnonzero(whole)], (np.flatnonzero(parts[2]),))) == things
    assert len(found(frame, told, [np.flatnonzero(whole)])) == 2


@pytest.mark.parametrize(("sure", "coherent", "things"), [(0.85, 0.85, 1), (0.75, 1.0, 1), (0.97, 0.85, 2), (0.85, 1.0, 2)])
def test_a_scrap_of_the_surfaces_colour_must_be_certain_or_point_to_one_middle_or_be_an_object_of_geometry(
    parts: tuple[Mask, Mask, Mask], sure: float, coherent: float, things: int
) -> None:
    plain = frame_of([TABLE, LONG, (SMALL[0], TABLE[1])], *PLACES)
    whole, small = np.flatnonzero(parts[0] | parts[1]), np.flatnonzero(parts[2])
    told = seen((parts[0] | parts[1], parts[2]), (0.0, 9.0), sure)
    told = replace(told, seeds=coherent * told.seeds)
    assert len(found(plain, told, [whole])) == things
    assert len(found(plain, told, [whole, small])) == 2


@pytest.mark.parametrize(("coherent", "left"), [(1.0, 2), (0.75, 2), (0.6, 0)])
def test_what_does_not_point_to_one_middle_is_no_thing(
    frame: RgbdFrame, parts: tuple[Mask, Mask, Mask], coherent: float, left: int
) -> None:
    told = seen((parts[0] | parts[1], parts[2]), (0.0, 9.0))
    told = replace(told, seeds=coherent * told.seeds)
    assert len(found(frame, told, given=[])) == left


def test_what_is_beyond_every_surface_is_no_thing_however_sure_the_network_is(parts: tuple[Mask, Mask, Mask]) -> None:
    cupboard = (box(0.6, 0.3, 1.0).shifted(0.0, 1.2, -0.7), (60, 120, 70))
    frame = frame_of([TABLE, LONG, SMALL, cupboard], *PLACES)
    green = frame.colour[..., 1].astype(int) - frame.colour[..., 0] > 20
    assert green.sum() > 2000 and (frame.depth[green] > 0).all()
    assert len(found(frame, seen((*parts, green), (0.0, 1.2, 9.0, 20.0)))) == 2


@pytest.mark.parametrize(("share", "completed"), [(0.2, True), (0.04, False)])
def test_one_small_piece_in_an_object_of_geometry_is_a_piece_of_it(
    frame: RgbdFrame, parts: tuple[Mask, Mask, Mask], share: float, completed: bool
) -> None:
    whole = parts[0] | parts[1]
    piece, _ = _ends(whole, share)
    (one,) = found(frame, seen((piece,), (0.0,)), [np.flatnonzero(whole)], fusing=NONE_FREE)
    assert len(one) == pytest.approx(whole.sum() if completed else piece.sum(), rel=0.1)


def test_two_small_pieces_in_an_object_of_geometry_are_beside_the_rest_of_it(
    frame: RgbdFrame, parts: tuple[Mask, Mask, Mask]
) -> None:
    whole = parts[0] | parts[1]
    assert len(found(frame, seen(_ends(whole, 0.1), (0.0, 9.0)), [np.flatnonzero(whole)])) == 3


@pytest.mark.parametrize(("apart", "things"), [(0.9, 3), (0.3, 2)])
def test_one_thing_of_the_network_is_two_at_a_seam_where_its_halves_point_apart(
    frame: RgbdFrame, parts: tuple[Mask, Mask, Mask], apart: float, things: int
) -> None:
    told, pieces = seen(parts, (0.0, apart, 9.0)), [np.flatnonzero(part) for part in parts]
    assert len(found(frame, told, pieces, stacks=(pieces[:2],))) == things
    # Without a seam, and where an object at the seam is a part of a half only, it stays one.
    assert len(found(frame, told, [np.concatenate(pieces[:2]), pieces[2]])) == 2
    low = pieces[1] // 640 > np.median(pieces[1] // 640)
    assert len(found(frame, told, pieces, stacks=([pieces[0], pieces[1][low]],))) == 2


@pytest.mark.parametrize(
    ("colour", "apart", "things"), [((50, 80, 170), 0.45, 2), ((50, 80, 170), 0.2, 1), ((180, 50, 45), 0.45, 1)], ids=str
)
def test_one_thing_of_the_network_is_two_where_depth_and_colours_part_what_geometry_has_as_two(
    colour: tuple[int, int, int], apart: float, things: int
) -> None:
    """Two boxes side by side, one lower than the other."""
    low = box(0.09, 0.07, 0.07).shifted(0.026, 0.08, 0)
    frames = [frame_of(things, *PLACES, noise=0.0) for things in ([TABLE], [TABLE, LONG], [TABLE, LONG, (low, colour)])]
    one, other = (np.abs(after.depth - before.depth) > 0.005 for before, after in pairwise(frames))
    frame, labels = frame_of([TABLE, LONG, (low, colour)], *PLACES), (one & ~other, other)
    told = seen(labels, (0.0, apart))
    assert int(instances(told, VoteRules()).max()) == 1
    assert len(found(frame, told, [np.flatnonzero(part) for part in labels])) == things


def test_numbers_that_are_known_to_be_two_are_never_joined(frame: RgbdFrame, parts: tuple[Mask, Mask, Mask]) -> None:
    told = seen(parts, (0.0, 1.2, 9.0))
    numbers = instances(told, VoteRules())
    image = np.kron(numbers, np.ones((2, 2), np.int64))
    halves = sorted(int(np.median(image[part])) for part in parts[:2])
    groups = []

    class Watching(FusedGuide):
        def objects(self, geometry: Geometry) -> list[Thing]:
            groups.extend(self.joiner(geometry, image, numbers).run(two) for two in (set(), {(halves[0], halves[1])}))
            return []

    class Guided(GeometricSegmenter):
        guided = True

        def guide(self, frame: RgbdFrame, window: Window) -> Guide:
            return Watching(lambda: told, told.thing.shape, WHOLE, VoteRules(), GuideRules(), join_rules(), FuseRules())

    assert Guided().segment(frame).segments == ()
    assert [len(group) for group in groups] == [2, 3]


def test_covered_pixels_include_those_without_a_reading(frame: RgbdFrame) -> None:
    known = FusedSegmenter().segment(frame)
    holed = frame.depth.copy()
    largest = known.segments[0].pixels
    rows, columns = np.divmod(largest, 640)
    middle = (np.abs(rows - np.median(rows)) < 6) & (np.abs(columns - np.median(columns)) < 6)
    holed.ravel()[largest[middle]] = 0
    for turns in (0, 1):
        perceived = FusedSegmenter().segment(turned(replace(frame, depth=holed), turns))
        (segment,) = (one for one in perceived.segments if len(one.pixels) > 0.8 * len(largest))
        depth = turned(replace(frame, depth=holed), turns).depth.ravel()
        assert len(segment.mask) - len(segment.pixels) > 0.8 * middle.sum() and (depth[segment.pixels] > 0).all()
        assert np.isin(segment.pixels, segment.mask).all() and (np.diff(segment.mask) > 0).all()


def test_it_is_registered_and_repeats_itself(frame: RgbdFrame) -> None:
    first, again = (segmenter("fused").segment(frame) for _ in range(2))
    assert len(first.segments) == 2
    assert all((a.pixels == b.pixels).all() for a, b in zip(first.segments, again.segments, strict=True))


def _ends(mask: Mask, share: float) -> tuple[Mask, Mask]:
    """The left and the right end of something, so much of it each."""
    columns, own = np.arange(640)[None], np.nonzero(mask)[1]
    return mask & (columns <= np.quantile(own, share)), mask & (columns >= np.quantile(own, 1 - share))


def _mask(pixels: np.ndarray, frame: RgbdFrame) -> Mask:
    mask = np.zeros(frame.depth.shape, bool)
    mask.ravel()[pixels] = True
    return mask
