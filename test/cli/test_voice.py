"""What a command says while it works, where nothing can be redrawn."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.progress import MofNCompleteColumn

from fail2progress.cli.silence import never_silent
from fail2progress.cli.voice import Bars, progress, stages
from support.processes import spoken, wait_until


def test_a_bar_in_a_pipe_says_its_beginning_its_end_and_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as bar:
        task = bar.add_task("items", total=3)
        for done in range(4):
            bar.update(task, completed=done)
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "items: 0/3, 0 %, 0:00:00" and re.fullmatch(r"items: 3/3, 100 %, 0:00:\d\d", last)


def test_bars_end_no_work_where_nothing_can_be_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        for stream in (None, full):
            monkeypatch.setattr(sys, "stderr", stream)
            with progress() as bar:
                assert list(bar.track(range(3), description="frames")) == [0, 1, 2]
    assert capsys.readouterr().out == ""


def test_a_bar_that_does_not_move_is_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    with Bars(MofNCompleteColumn(), seconds=0.1) as bar:
        bar.add_task("scenes", total=100)
        wait_until(lambda: said.extend(capsys.readouterr().err.splitlines()) or len(said) > 1)
    assert all(line.startswith("scenes: 0/100, 0 %") for line in said)


def test_what_is_tracked_in_a_pipe_counts_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as bar:
        counts = [bar.tasks[0].completed for _ in bar.track(range(4), description="frames")]
    assert counts == [0, 1, 2, 3] and "frames: 4/4, 100 %" in capsys.readouterr().err


def test_stages_end_at_a_hundred_percent(capsys: pytest.CaptureFixture[str]) -> None:
    with stages() as tell:
        tell("states", 0.5)
        tell("training", 0.0)
    said = capsys.readouterr().err
    assert "states: 100 %" in said and "training: 100 %" in said


def test_a_stage_that_comes_once_more_is_numbered_and_called_no_attempt(capsys: pytest.CaptureFixture[str]) -> None:
    with stages() as tell:
        for share in (0.0, 1.0, 0.0, 0.5):
            tell("states", share)
        tell("training", 0.0)
    said = capsys.readouterr().err
    assert "states: 100 %" in said and "states (2): 0 %" in said and "states (2): 100 %" in said


def test_a_command_that_says_nothing_says_that_it_is_at_work(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    with never_silent(first=0.1, silence=0.3):
        wait_until(lambda: said.extend(capsys.readouterr().err.splitlines()) or len(said) > 1)
    assert said[0] == "loading" and said[1].startswith("still at work, 0:00:")
    capsys.readouterr()
    with never_silent(first=60.0):
        print("words", file=sys.stderr)
    assert capsys.readouterr().err == "words\n"


@pytest.mark.parametrize("module", ["fail2progress", "fail2progress.cli", "fail2progress.cli.main"])
def test_the_console_script_has_both(module: str, tmp_path: Path) -> None:
    """A pipe gets the first words of a command that takes a while to load, and nothing else of a short one."""
    words = [sys.executable, "-m", module, "tasks", "ls"]
    ran = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "hierarchical-tabletop" in ran.stdout and spoken(ran.stderr) == []


def test_a_standard_output_that_is_closed_ends_in_no_traceback(tmp_path: Path) -> None:
    words = f"{sys.executable} -m fail2progress.cli tasks ls >&-"
    ran = subprocess.run(["sh", "-c", words], capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0 and spoken(ran.stderr) == []
