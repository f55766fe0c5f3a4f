import copy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.observation import SegmentedCloud, UnseenError


def cloud(count: int = 3, seed: int = 0) -> SegmentedCloud:
    points = np.random.default_rng(seed).normal(size=(count, 16, 3)).astype(np.float32)
    return SegmentedCloud(tuple(f"s{i}" for i in range(count)), ("cup",) * count, points, np.ones(count, np.float32))


@given(st.integers(0, 1000))
def test_bounds_hold_all_points_tightly(seed: int) -> None:
    seen = cloud(seed=seed)
    low, high = seen.bounds()[:, 0], seen.bounds()[:, 1]
    assert ((seen.points >= low[:, None]) & (seen.points <= high[:, None])).all()
    for i in range(len(seen)):
        assert (low[i] == seen.points[i].min(axis=0)).all() and (high[i] == seen.points[i].max(axis=0)).all()


@given(st.lists(st.tuples(*[st.floats(-2, 2)] * 3), min_size=3, max_size=3))
def test_shifting_moves_every_segment_rigidly(offsets: list[tuple[float, float, float]]) -> None:
    seen = cloud()
    moved = seen.shifted(np.array(offsets))
    np.testing.assert_allclose(moved.points, seen.points + np.array(offsets)[:, None], atol=1e-5)
    assert moved.points.dtype == np.float32 and moved.names == seen.names


def test_a_segment_without_points_is_not_seen() -> None:
    points = cloud().points.copy()
    points[1] = np.nan
    seen = SegmentedCloud(("a", "b", "c"), ("cup",) * 3, points, np.array([1, 0, 1], np.float32))
    assert seen.seen.tolist() == [True, False, True]
    assert len(seen) == 3 and seen.index("c") == 2


def test_alike_is_what_differs_in_its_time_alone() -> None:
    points = cloud().points.copy()
    points[1] = np.nan
    seen = replace(cloud(), points=points)
    assert seen.alike(replace(seen, points=points.copy(), stamp=7))
    moved, hidden = points.copy(), seen.visibility.copy()
    moved[0, 0, 0] += 1e-5
    hidden[2] = 0.5
    others = {"points": moved, "visibility": hidden, "names": ("a", "b", "c"), "colours": ("red",) * 3, "frame": "camera"}
    assert not any(seen.alike(replace(seen, **{name: value})) for name, value in others.items())
    assert not seen.alike(cloud(2))


def test_errors_name_the_offending_value() -> None:
    with pytest.raises(ValueError, match=r"'mug'.*s0, s1, s2"):
        cloud().index("mug")
    with pytest.raises(ValueError, match=r"2 segments must be \(2, P, 3\), got \(3, 16, 3\)"):
        SegmentedCloud(("a", "b"), ("cup",) * 2, cloud().points, np.ones(2, np.float32))
    with pytest.raises(ValueError, match=r"3 segments"):
        SegmentedCloud(("a", "b", "c"), ("cup",), cloud().points, np.ones(3, np.float32))


def test_that_nothing_is_seen_is_told_with_names_from_another_process_too() -> None:
    told = copy.copy(UnseenError(("block_1", "table_a")))  # as pickle makes it again
    assert str(told).startswith("the camera sees nothing of block_1, table_a: things stand in its view")
    assert " and others:" in str(UnseenError(tuple(f"cup_{i}" for i in range(9)))) and "of anything:" in str(UnseenError(()))


def test_a_segment_is_seen_whole_or_not_at_all() -> None:
    for value in (np.nan, np.inf):
        points = cloud().points.copy()
        points[1, :4, 2] = value
        with pytest.raises(ValueError, match=r"4 of the 16 points of 's1' are not finite: leave such points out and repeat"):
            replace(cloud(), points=points)
    points = cloud().points.copy()
    points[2] = np.inf
    with pytest.raises(ValueError, match="16 of the 16 points of 's2'"):
        replace(cloud(), points=points)


def test_numbers_of_other_kinds_are_taken_and_what_makes_no_sense_is_not() -> None:
    wide = replace(cloud(), points=cloud().points.astype(float), visibility=[1, 0, 1], names=list(cloud().names))
    assert (wide.points.dtype, wide.visibility.dtype, wide.names) == (np.float32, np.float32, cloud().names)
    for share in (-0.1, 95.0, np.nan):
        with pytest.raises(ValueError, match=r"the visibility of 's2' is .*, a share is from 0 to 1"):
            replace(cloud(), visibility=np.array([1, 0, share], np.float32))
    with pytest.raises(ValueError, match="two segments go by the name 'cup'; each needs a name of its own"):
        replace(cloud(), names=("cup", "mug", "cup"))
    with pytest.raises(ValueError, match="a segment has points"):
        replace(cloud(), points=np.zeros((3, 0, 3), np.float32))
