"""Images that a bag keeps."""

from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.observation import SECOND
from fail2progress.ros.image_throttle import LATE, Thinning

STEP = ("episode", 0)


def kept(thinning: Thinning[str], stamps: list[float]) -> list[float]:
    return [stamp for stamp in stamps if thinning.keeps(round(stamp * SECOND), f"{stamp}")]


def seconds(count: int, rate: float = 5.0) -> list[float]:
    return [100.0 + k / rate for k in range(count)]


def test_one_moment_a_period_is_kept_whole() -> None:
    """The images of one moment come with stamps that differ a little."""
    thinning: Thinning[str] = Thinning(1.0)
    stamps = [stamp + slip for stamp in seconds(11) for slip in (0.0, 0.004, 0.008)]
    assert [round(stamp) for stamp in kept(thinning, stamps)] == [100] * 3 + [101] * 3 + [102] * 3


def test_all_are_kept_without_a_rate() -> None:
    assert kept(Thinning(0.0), seconds(7)) == seconds(7)


def test_all_from_the_end_of_a_step_to_its_verdict_are_kept() -> None:
    thinning: Thinning[str] = Thinning(1.0)
    assert kept(thinning, [100.0, 100.2]) == [100.0]
    assert thinning.finished(STEP, round(100.3 * SECOND)) == []
    assert kept(thinning, [100.25, 100.4, 100.6]) == [100.4, 100.6]
    thinning.judged(STEP, round(100.7 * SECOND))
    assert kept(thinning, [100.8, 101.0, 101.7]) == [101.7]


def test_what_came_before_the_news_of_the_end_is_kept_after_all() -> None:
    thinning: Thinning[str] = Thinning(1.0)
    kept(thinning, [100.0, 100.2, 100.4, 100.404])
    assert thinning.finished(STEP, round(100.3 * SECOND)) == ["100.4", "100.404"]
    assert kept(thinning, [100.408]) == [100.408]


def test_one_moment_of_every_look_is_kept() -> None:
    """A robot may look more often than images are kept, and its image may come before the news of the look."""
    thinning: Thinning[str] = Thinning(1.0)
    assert kept(thinning, [100.0, 100.2]) == [100.0]
    assert thinning.looks(round(100.3 * SECOND)) == []
    assert kept(thinning, [100.25, 100.4, 100.404, 100.6]) == [100.4, 100.404]
    assert kept(thinning, [100.8, 100.804]) == []
    assert thinning.looks(round(100.75 * SECOND)) == ["100.8", "100.804"]
    assert kept(thinning, [101.0, 101.9]) == [101.9]


def test_what_a_step_was_judged_by_is_kept_though_the_verdict_is_there_first() -> None:
    thinning: Thinning[str] = Thinning(1.0)
    assert kept(thinning, [100.0]) == [100.0]
    assert thinning.finished(STEP, round(100.3 * SECOND)) == []
    thinning.judged(STEP, round(100.5 * SECOND))
    assert kept(thinning, [100.2, 100.4, 100.6]) == [100.4]


def test_a_look_soon_after_one_that_was_left_out_is_kept_where_a_step_ended_between_them() -> None:
    thinning: Thinning[str] = Thinning(1.0)
    assert kept(thinning, [100.0, 100.397]) == [100.0]
    assert thinning.finished(STEP, round(100.4 * SECOND)) == []
    assert kept(thinning, [100.415, 100.42]) == [100.415, 100.42]


def test_a_verdict_that_never_comes_does_not_keep_everything() -> None:
    thinning: Thinning[str] = Thinning(1.0)
    thinning.finished(STEP, 100 * SECOND)
    assert kept(thinning, [131.0, 131.2, 131.4]) == [131.0]


@given(steps=st.lists(st.tuples(st.sampled_from("fji"), st.integers(0, 10**15)), max_size=60))
def test_what_is_remembered_is_bounded(steps: list[tuple[str, int]]) -> None:
    thinning: Thinning[str] = Thinning(1.0)
    for number, (what, stamp) in enumerate(steps):
        if what == "f":
            assert len(thinning.finished(("e", number), stamp)) <= LATE
        elif what == "j":
            thinning.judged(("e", number - 1), stamp)
        else:
            thinning.keeps(stamp, "image")
