"""Transforms put together along the tree, against transforms3d; trees that are none."""

import threading

import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped
from hypothesis import given, settings
from hypothesis import strategies as st
from tf2_msgs.msg import TFMessage
from transforms3d.affines import compose
from transforms3d.quaternions import quat2mat

from fail2progress.core.observation import SECOND
from fail2progress.ros import transforms as frames
from fail2progress.ros.conversions.values import Refused, time_of
from fail2progress.ros.transforms import FrameTree, NotYet

NOW = 100.0
AT = 100 * SECOND
UNIT = (1.0, 0.0, 0.0, 0.0)
TURNS = (
    st.tuples(*[st.floats(-1, 1)] * 4)
    .filter(lambda turn: np.linalg.norm(turn) > 0.1)
    .map(lambda turn: tuple(np.array(turn) / np.linalg.norm(turn)))
)
MOVES = st.tuples(*[st.floats(-10, 10)] * 3)
EDGES = st.lists(st.tuples(st.integers(0, 30), TURNS, MOVES), min_size=1, max_size=8)


def transform(
    parent: str,
    child: str,
    turn: tuple[float, ...] = UNIT,
    move: tuple[float, ...] = (0.0, 0.0, 0.0),
    stamp: float = NOW,
) -> TransformStamped:
    item = TransformStamped(child_frame_id=child)
    item.header.frame_id, item.header.stamp = parent, time_of(round(stamp * SECOND))
    r, t = item.transform.rotation, item.transform.translation
    r.w, r.x, r.y, r.z = map(float, turn)
    t.x, t.y, t.z = map(float, move)
    return item


def tree(*items: TransformStamped) -> FrameTree:
    made = FrameTree()
    made.add(TFMessage(transforms=list(items)))
    return made


@settings(max_examples=60)
@given(edges=EDGES, ends=st.tuples(st.integers(0, 100), st.integers(0, 100)))
def test_chains_are_composed_as_transforms3d_composes_them(
    edges: list[tuple[int, tuple[float, ...], tuple[float, ...]]], ends: tuple[int, int]
) -> None:
    """Frame i + 1 hangs on one of the frames before it; every pose in the root is known, and so is every one between two."""
    poses, items = [np.eye(4)], []
    for number, (of, turn, move) in enumerate(edges):
        parent = of % (number + 1)
        poses.append(poses[parent] @ compose(move, quat2mat(turn), np.ones(3)))
        items.append(transform(f"f{parent}", f"/f{number + 1}", turn, move))
    target, source = (end % len(poses) for end in ends)
    found = tree(*items).lookup(f"f{target}", f"f{source}", round(NOW * SECOND))
    assert found is not None
    np.testing.assert_allclose(found, np.linalg.inv(poses[target]) @ poses[source], atol=1e-9)


def at(made: FrameTree, stamp: float) -> float:
    found = made.lookup("/a", "b", round(stamp * SECOND))
    assert found is not None
    return float(found[0, 3])


def test_a_frame_is_where_it_was_at_the_time_asked_for() -> None:
    made = tree(*(transform("a", "b", move=(metres, 0, 0), stamp=NOW + metres) for metres in (2, 0, 1)))
    assert [at(made, NOW + later) for later in (0, 0.25, 1, 1.5, 2)] == pytest.approx([0, 0.25, 1, 1.5, 2])
    with pytest.raises(NotYet):
        at(made, NOW + 2.01)
    with pytest.raises(Refused, match="transform"):
        at(made, NOW - 0.01)


def test_turns_are_interpolated() -> None:
    made = tree(transform("a", "b"), transform("a", "b", (0.0, 0.0, 0.0, 1.0), stamp=NOW + 1))
    found = made.lookup("a", "b", round((NOW + 0.5) * SECOND))
    assert found is not None
    np.testing.assert_allclose(found[:3, 0], [0, 1, 0], atol=1e-9)


def test_one_that_is_sent_again_is_replaced() -> None:
    made = tree(transform("a", "b", move=(1, 0, 0)), transform("a", "b", move=(2, 0, 0)))
    assert at(made, NOW) == 2


def test_fixed_transforms_hold_for_all_times() -> None:
    made = FrameTree()
    made.add(TFMessage(transforms=[transform("a", "b", move=(1, 0, 0))]), fixed=True)
    assert at(made, NOW - 50) == at(made, NOW + 50) == 1
    made.add(TFMessage(transforms=[transform("b", "c", move=(1, 0, 0))]))
    found = made.lookup("a", "c", round(NOW * SECOND))
    assert found is not None and found[0, 3] == 2
    with pytest.raises(NotYet):
        made.lookup("a", "c", round((NOW + 1) * SECOND))


def test_a_clock_that_was_set_back_starts_anew_and_old_ones_are_forgotten() -> None:
    made = tree(transform("a", "b", stamp=1e9), transform("a", "b", move=(1, 0, 0)))
    assert at(made, NOW) == 1
    with pytest.raises(NotYet):
        at(made, NOW + 1)
    made.add(TFMessage(transforms=[transform("a", "b", move=(k, 0, 0), stamp=NOW + k) for k in range(1, 40)]))
    assert at(made, NOW + 30) == 30
    with pytest.raises(Refused, match="older"):
        at(made, NOW + 39 - frames.KEPT / SECOND - 1.1)


@pytest.mark.parametrize("back", [2.5, 5.0, 9.0])
def test_of_before_a_clock_was_set_back_nothing_is_left_among_what_comes_after_it(back: float) -> None:
    """A robot drives from 0 to 1 m and stands there when the clock is set back."""
    made = tree(*(transform("a", "b", move=(k / 100, 0, 0), stamp=NOW + k / 10) for k in range(101)))
    begin = NOW + 10 - back + 0.05
    made.add(TFMessage(transforms=[transform("a", "b", move=(1, 0, 0), stamp=begin + k / 10) for k in range(11)]))
    assert [at(made, begin + later) for later in (0, 0.05, 0.12, 0.55, 1)] == [1] * 5
    with pytest.raises(NotYet):
        at(made, begin + 1.3)
    with pytest.raises(Refused, match="older"):
        at(made, begin - 0.03)


def test_frames_that_are_not_connected_have_no_transform() -> None:
    made = tree(transform("a", "b"), transform("c", "d"))
    assert made.lookup("a", "d", AT) is None and made.lookup("a", "nowhere", AT) is None
    same = made.lookup("lonely", "lonely", AT)
    assert same is not None and (same == np.eye(4)).all()


@pytest.mark.parametrize("cycle", ["ab", "abc", "abcdefgh"])
def test_circles_end(cycle: str) -> None:
    made = tree(*(transform(parent, child) for parent, child in zip(cycle, cycle[1:] + cycle[0], strict=True)))
    ended = threading.Event()

    def look() -> None:
        made.lookup("elsewhere", "a", AT)
        made.lookup("a", "b", AT)
        ended.set()

    threading.Thread(target=look, daemon=True).start()
    assert ended.wait(20.0)
    made.add(TFMessage(transforms=[transform("root", "a")]))
    assert made.lookup("root", cycle[-1], AT) is not None


def test_a_chain_that_is_too_deep_is_not_followed() -> None:
    made = tree(*(transform(f"f{i}", f"f{i + 1}") for i in range(frames.DEEPEST * 2)))
    assert made.lookup("f0", f"f{frames.DEEPEST * 2}", AT) is None


@pytest.mark.parametrize(
    "item",
    [
        transform("a", "b", (0, 0, 0, 0)),
        transform("a", "b", (1, 1, 0, 0)),
        transform("a", "b", (float("nan"), 0, 0, 0)),
        transform("a", "b", (float("inf"), 0, 0, 0)),
        transform("a", "b", (1e308, 1e308, 0, 0)),
        transform("a", "b", UNIT, (float("inf"), 0, 0)),
        transform("a", "b", UNIT, (float("nan"), 0, 0)),
        transform("a", "b", UNIT, (1e300, 0, 0)),
        transform("a", "a"),
        transform("", "b"),
        transform("a", "/"),
        transform("a", "x" * 1000),
    ],
)
def test_what_is_no_transform_is_refused(item: TransformStamped) -> None:
    made = tree(transform("a", "b", move=(1, 0, 0)))
    with pytest.raises(Refused):
        made.add(TFMessage(transforms=[item]))
    found = made.lookup("a", "b", AT)
    assert found is not None and found[0, 3] == 1


def test_frames_without_end_are_refused() -> None:
    with pytest.raises(Refused, match="count"):
        tree(*(transform("root", f"f{i}") for i in range(frames.MOST + 1)))
    made = tree(*(transform("root", f"f{i}") for i in range(frames.MOST)))
    made.add(TFMessage(transforms=[transform("root", "/f0", move=(3, 0, 0))]))
    found = made.lookup("root", "f0", AT)
    assert found is not None and found[0, 3] == 3
