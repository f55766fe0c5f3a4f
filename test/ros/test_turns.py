"""Turns at long work: one at a time, one more that waits, and nobody who waits for ever."""

import threading
import time

import pytest

from fail2progress.ros.turns import TakenError, Turns


class GivenUpError(Exception):
    """Somebody does not wait any more."""


def go_on() -> None:
    """Whoever waits goes on waiting."""


def test_one_may_wait_and_the_next_is_told_so_at_once() -> None:
    turns, order, begun = Turns(), list[str](), threading.Event()

    def ask(name: str) -> None:
        with turns.asked_for(lambda: begun.set()):
            order.append(name)

    with turns.own(go_on):
        waiting = threading.Thread(target=ask, args=("second",))
        waiting.start()
        assert begun.wait(10.0)
        with pytest.raises(TakenError, match="ask again"), turns.asked_for(go_on):
            order.append("third")
        order.append("first")
    waiting.join(10.0)
    ask("fourth")
    assert order == ["first", "second", "fourth"]


def test_who_gives_up_waiting_leaves_the_turn_to_others() -> None:
    turns, end = Turns(), time.monotonic() + 0.3

    def give_up() -> None:
        if time.monotonic() > end:
            raise GivenUpError

    with turns.own(go_on):
        for turn in (turns.asked_for, turns.own):
            with pytest.raises(GivenUpError), turn(give_up):
                pass
    with turns.asked_for(go_on), pytest.raises(GivenUpError), turns.asked_for(give_up):
        pass


def test_an_error_in_a_turn_ends_it() -> None:
    turns = Turns()
    for turn in (turns.asked_for, turns.own, turns.asked_for):
        with pytest.raises(GivenUpError), turn(go_on):
            raise GivenUpError
