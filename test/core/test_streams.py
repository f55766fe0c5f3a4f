"""What is said on standard error never ends the work, nor goes anywhere else."""

import sys

import pytest

from fail2progress.core.streams import say_line


def test_a_line_goes_to_standard_error_alone(capsys: pytest.CaptureFixture[str]) -> None:
    say_line("half of it is done")
    assert capsys.readouterr() == ("", "half of it is done\n")


def test_nothing_is_said_where_standard_error_is_closed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    say_line("half of it is done")
    assert capsys.readouterr().out == ""


def test_the_work_goes_on_where_standard_error_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        say_line("half of it is done")
        say_line("all of it is done")


def test_where_nobody_reads_any_more_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    with pytest.raises(BrokenPipeError):
        say_line("half of it is done")
