"""The learned segmenter: votes become things, weights are checked, and geometry is guided by what the network sees."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from fail2progress.learning.segmentation.meshes import box
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.geometric.regions import Window
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.perception.segmentation.learned.guide import GuideRules, LearnedGuide, solid
from fail2progress.perception.segmentation.learned.instances import Seen, VoteRules, instances, to_size
from fail2progress.perception.segmentation.learned.model import SegmentModel, load_model, packaged, save_model
from fail2progress.perception.segmentation.learned.network import UNIT, SegmentNet
from fail2progress.perception.segmentation.orientation import turned
from fail2progress.perception.segmentation.registry import segmenter
from support.tabletop_frames import frame_of

TABLE = (box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
WHOLE = (slice(0, 480), slice(0, 640))
THINGS = (
    (box(0.1, 0.07, 0.12).shifted(-0.15, 0.05, 0), (180, 50, 45)),
    (box(0.06, 0.06, 0.09).shifted(0.12, -0.05, 0), (50, 80, 170)),
)


@pytest.fixture(scope="module")
def frame() -> RgbdFrame:
    return frame_of([TABLE, *THINGS], (0.0, -0.8, 0.6), (0.0, 0.0, 0.03))


def seen_of(numbers: np.ndarray) -> Seen:
    """What a perfect network says of numbered things (h, w)."""
    thing = (numbers > 0).astype(np.float32)
    places = np.zeros((3, *numbers.shape), np.float32)
    for number in range(1, int(numbers.max()) + 1):
        own = numbers == number
        places[:, own] = np.array([*np.argwhere(own).mean(axis=0) / UNIT, number])[:, None]
    return Seen(thing, 1 - thing, places, np.full_like(thing, 1.4), thing)


def test_pixels_that_point_to_one_place_are_a_thing_also_in_two_pieces() -> None:
    numbers = np.zeros((96, 128), np.int64)
    numbers[10:30, 10:50], numbers[30:40, 10:30], numbers[60:70, 80:90] = 1, 2, 3
    numbers[10:30, 28:32] = 0  # something thin before the first
    found = instances(seen_of(numbers), VoteRules())
    assert found.max() == 3 and ((found > 0) == (numbers > 0)).all()
    assert all(len(np.unique(found[numbers == number])) == 1 for number in (1, 2, 3))
    # A lid in the middle of a pot: one place in the image, two in what else pixels point to.
    numbers[:], numbers[20:60, 20:60], numbers[30:50, 30:50] = 0, 1, 2
    found = instances(seen_of(numbers), VoteRules())
    assert found.max() == 2 and len(np.unique(found[numbers == 2])) == len(np.unique(found[numbers == 1])) == 1
    assert not instances(seen_of(np.zeros((8, 8), np.int64)), VoteRules()).any()


def test_images_change_their_size() -> None:
    image = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    assert (to_size(image, (6, 8))[::2, ::2] == image).all() and to_size(image, (3, 4)).shape == (3, 4)


def test_a_guide_drops_background_and_adds_what_was_missed() -> None:
    found = GeometricSegmenter()
    frame = frame_of([TABLE, *THINGS], (0.0, -0.8, 0.6), (0.0, 0.0, 0.03))
    parts = [segment.pixels for segment in found.segment(frame).segments]
    numbers = np.zeros(frame.depth.shape, np.int64)
    numbers.ravel()[parts[1]] = 1
    guide = LearnedGuide(seen_of(numbers[::4, ::4]), WHOLE, VoteRules(), GuideRules())
    guided = _Guided(guide)
    kept = guided.segment(frame).segments
    assert len(kept) == 1 and np.isin(kept[0].pixels, parts[1]).mean() > 0.95
    blind = _Guided(guide, given=[])
    (alone,) = blind.segment(frame).segments
    assert np.isin(alone.pixels, parts[1]).mean() > 0.9 and len(alone.pixels) > 0.7 * len(parts[1])


def test_a_guide_joins_what_geometry_parts() -> None:
    frame = frame_of([TABLE, *THINGS], (0.0, -0.8, 0.6), (0.0, 0.0, 0.03))
    one, two = (segment.pixels for segment in GeometricSegmenter().segment(frame).segments)
    numbers = np.zeros(frame.depth.shape, np.int64)
    numbers.ravel()[one], numbers.ravel()[two] = 1, 2
    numbers = numbers[::4, ::4]
    guide = LearnedGuide(seen_of(numbers), WHOLE, VoteRules(), GuideRules())
    width = frame.depth.shape[1]
    left = one % width < np.median(one % width)
    whole = _Guided(guide, given=[one[left], one[~left], two]).segment(frame).segments
    assert [len(part.pixels) for part in whole] == pytest.approx([len(one), len(two)], rel=0.1)


def test_a_network_looks_at_the_window_that_shows_the_table() -> None:
    far = frame_of([TABLE, *THINGS], (0.0, -2.4, 1.6), (0.0, 0.3, 0.03))
    asked: list[Window] = []

    class Watching(GeometricSegmenter):
        guided = True

        def guide(self, frame: RgbdFrame, window: Window) -> None:
            asked.append(window)

    Watching().segment(far)
    Watching().segment(frame_of([TABLE, *THINGS], (0.0, -0.5, 0.5), (0.0, 0.0, 0.03)))
    small, large = ((rows.stop - rows.start) * (columns.stop - columns.start) / (480 * 640) for rows, columns in asked)
    assert small < 0.35 and large > 0.8


class _Guided(GeometricSegmenter):
    """Geometry with a given guide; given: pixels of the objects that it hands on, in place of its own."""

    guided = True

    def __init__(self, guide: LearnedGuide, given: list[np.ndarray] | None = None) -> None:
        super().__init__()
        object.__setattr__(self, "_guide", guide)
        object.__setattr__(self, "_given", given)

    def guide(self, frame: RgbdFrame, window: Window) -> LearnedGuide:
        return self._guide  # type: ignore[attr-defined, no-any-return]

    def _objects(self, *parts: object) -> tuple[list[np.ndarray], list[np.ndarray], list[list[np.ndarray]]]:
        given = self._given  # type: ignore[attr-defined]
        return super()._objects(*parts) if given is None else (list(given), [], [])  # type: ignore[arg-type]


def test_weights_are_written_and_read_and_damage_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    model = save_model(SegmentNet((8, 16, 16)).eval(), path, {"run": {"steps": 0}})
    assert model.note["run"] == {"steps": 0}
    again = load_model(path)
    assert again.digest == model.digest and again.net.channels == (8, 16, 16) and not again.net.training
    content = path.read_bytes()
    for damaged in (content[:-40], b"", content[:-4] + b"1234"):
        path.write_bytes(damaged)
        with pytest.raises(PerceptionError):
            load_model(path)
    with pytest.raises(PerceptionError, match="no weights of a segmenter"):
        load_model(tmp_path / "none.safetensors")


def test_the_network_sees_images_of_any_size_without_and_with_readings() -> None:
    model = load_model(packaged())
    for shape in ((480, 640), (640, 480), (90, 120)):
        k = replace(frame_of([TABLE], (0.0, -0.8, 0.6), (0, 0, 0)).intrinsics, width=shape[1], height=shape[0])
        for depth in (np.zeros(shape, np.float32), np.full(shape, 0.7, np.float32)):
            seen = model.see(np.zeros((*shape, 3), np.uint8), depth, k)
            assert np.isfinite(seen.thing).all() and np.isfinite(seen.places).all()
            assert ((seen.thing >= 0) & (seen.thing + seen.support <= 1.0001)).all()


def test_it_finds_things_in_any_roll_and_the_same_each_time(frame: RgbdFrame) -> None:
    learned = segmenter("learned")
    assert isinstance(learned.model, SegmentModel)  # type: ignore[attr-defined]
    found = learned.segment(frame)
    assert len(found.segments) == 2 and "guide" in found.seconds
    again = learned.segment(frame)
    assert all((one.pixels == other.pixels).all() for one, other in zip(found.segments, again.segments, strict=True))
    assert len(learned.segment(turned(frame, 1)).segments) == 2


def test_a_wide_view_is_looked_at_larger_than_a_near_one() -> None:
    """Things are as large to the network as they are to a camera nearby, as far as its image may grow."""
    model, near = load_model(packaged()), Intrinsics(640, 480, 610.0, 610.0, 319.5, 239.5)
    wide, colour = replace(near, fx=290.0, fy=290.0), np.zeros((480, 640, 3), np.uint8)
    shapes = [
        model.see(colour, np.full((480, 640), away, np.float32), camera).thing.shape
        for away, camera in ((0.8, near), (0.8, wide), (5.0, wide), (0.0, near))
    ]
    assert shapes[0] == shapes[3] == (288, 384) and shapes[2] == (480, 640)
    assert shapes[0][1] < shapes[1][1] < shapes[2][1]


@pytest.mark.parametrize(("rows", "columns", "left"), [(5, 5, 25), (2, 10, 20), (4, 4, 16), (1, 30, 0)])
def test_what_is_two_pixels_wide_stays_and_a_thread_does_not(rows: int, columns: int, left: int) -> None:
    y, x = (part.ravel() for part in np.mgrid[7 : 7 + rows, 3 : 3 + columns])
    kept = len(solid(y * 40 + x, (20, 40), 0.2))
    assert 0.75 * left <= kept <= left


def test_a_thread_of_what_is_wide_is_left_out() -> None:
    y, x = (part.ravel() for part in np.mgrid[2:12, 2:12])
    thread = 6 * 40 + np.arange(12, 30)
    assert not np.isin(thread[2:], solid(np.concatenate([y * 40 + x, thread]), (20, 40), 0.2)).any()
