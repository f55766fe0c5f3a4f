"""What is known of a thing after what a frame shows of its place."""

import pytest

from fail2progress.perception.tracking.states import Evidence, State, after

PATIENCE = 3


def told(*evidence: Evidence) -> State:
    state, missed = State.SEEN, 0
    for one in evidence:
        state, missed = after(state, missed, one, PATIENCE)
    return state


@pytest.mark.parametrize("silent", [Evidence.NOTHING, Evidence.BARE])
def test_a_frame_that_says_nothing_changes_nothing_but_that_it_is_not_seen(silent: Evidence) -> None:
    assert told(silent) is State.HIDDEN
    assert told(Evidence.EMPTY, silent) is State.MISSED
    assert told(*[Evidence.EMPTY] * 2, *[silent] * 9, *[Evidence.EMPTY] * 2) is State.GONE
    assert told(*[Evidence.EMPTY] * 4, *[silent] * 9) is State.GONE


def test_what_is_missed_is_gone_after_patience_unless_it_is_there_again() -> None:
    assert told(*[Evidence.EMPTY] * PATIENCE) is State.MISSED
    assert told(*[Evidence.EMPTY] * PATIENCE, Evidence.EMPTY) is State.GONE
    for there in (Evidence.FILLED, Evidence.INSIDE, Evidence.SIGHTED):
        assert told(*[Evidence.EMPTY] * PATIENCE, there, Evidence.EMPTY) is State.MISSED


def test_what_is_gone_stays_gone_until_it_is_sighted() -> None:
    for evidence in Evidence:
        comes_back = evidence is Evidence.SIGHTED
        assert told(Evidence.NEVER_CAME, evidence) is (State.SEEN if comes_back else State.GONE)
