"""When a clock was set back, and what is remembered of times that it has not reached again."""

from fail2progress.core.observation import SECOND
from fail2progress.ros.set_back import LATE, Since, Stamps, still


def test_a_clock_that_is_set_back_is_told_once_each_time() -> None:
    told: list[tuple[str, str]] = []
    stamps = Stamps(lambda kind, text: told.append((kind, text)))
    went = [stamps.went_back("segments", second * SECOND) for second in (3700, 3705, 3704, 0, 100, 101, 3600, 3590)]
    assert went == [False, False, False, False, True, False, False, True]
    assert not stamps.went_back("steps", 5 * SECOND), "each topic for itself"
    assert [kind for kind, _ in told] == ["clock", "clock"]
    assert told[0][1].startswith("segments: set back by 3605.0 s") and told[1][1].startswith("segments: set back by 10.0 s")


def test_a_time_that_is_remembered_counts_until_the_clock_is_long_before_it() -> None:
    assert still(100, 50) == still(100, 200) == 100
    assert still(LATE + 50, 50) == LATE + 50 and still(LATE + 51, 50) == 0


def test_what_is_seen_since_a_time_counts_though_the_clock_is_set_back() -> None:
    clock = [3600 * SECOND]
    since = Since(lambda: clock[0])
    assert not since.counts(3599 * SECOND) and since.counts(3600 * SECOND)
    clock[0] = 3599 * SECOND
    assert not since.counts(3599 * SECOND), "a little: the clock will be there soon"
    clock[0] = 5 * SECOND
    assert not since.counts(4 * SECOND) and since.counts(5 * SECOND)
    clock[0] = 10 * SECOND
    assert since.counts(6 * SECOND)
    since.begin()
    assert not since.counts(6 * SECOND) and since.counts(10 * SECOND)
