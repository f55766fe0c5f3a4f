"""What a node is there for ends with an exit code, whatever becomes of it."""

import threading
from collections.abc import Callable

import pytest

from fail2progress.ros.errand import FAILED, MISTAKE, Errand


class Node:
    done: int | None = 3
    """Of an earlier errand."""


def code_of(carry_out: Callable[[], int | None]) -> int | None:
    """What a node ends with."""
    node = Node()
    errand = Errand(node, carry_out, threading.Event(), (OSError,))
    assert node.done is None
    errand.begin()
    errand._thread.join(10.0)
    return node.done


def _wrong(error: Exception) -> int:
    raise error


def test_it_ends_with_its_code_or_with_that_of_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(lambda: 0) == 0 and code_of(lambda: None) is None
    assert capsys.readouterr().out == ""
    assert code_of(lambda: _wrong(OSError("/nowhere/result.json: no such folder"))) == MISTAKE
    assert capsys.readouterr().out == "fail2progress: /nowhere/result.json: no such folder\n"
    assert code_of(lambda: _wrong(ZeroDivisionError("not foreseen"))) == FAILED
    said = capsys.readouterr().out
    assert said.startswith("fail2progress: Traceback") and "ZeroDivisionError: not foreseen" in said


def test_it_is_carried_out_once_and_gives_no_code_where_it_is_given_up() -> None:
    begun, ending, node = [], threading.Event(), Node()

    def carry_out() -> int:
        begun.append(True)
        return int(ending.wait(10.0))

    errand = Errand(node, carry_out, ending)
    for _ in range(3):  # a node that is deactivated and activated again
        errand.begin()
    errand.close()
    assert begun == [True] and node.done is None and not errand._thread.is_alive()
    errand.begin()
    assert begun == [True]


def test_what_has_not_begun_can_be_given_up() -> None:
    node, ending = Node(), threading.Event()
    Errand(node, lambda: 0, ending).close()
    assert ending.is_set() and node.done is None
