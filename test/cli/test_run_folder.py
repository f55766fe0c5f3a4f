"""The folder of a run as commands get it: made, resumed, replaced or refused."""

import os
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from fail2progress.cli.common import UserError
from fail2progress.cli.run_folder import run_folder
from fail2progress.cli.up import KEPT
from fail2progress.core.files import NoLocksError
from fail2progress.core.runs import Run, Runs, read_run

FIRST = datetime(2026, 1, 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mine(folder: Path) -> Run:
    """A run in which something was made."""
    run = Runs(Path("runs")).adopt(folder / "mine", "sim", FIRST)
    run.store.touch()
    return run


def test_a_run_in_which_nothing_was_made_leaves_no_folder(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), run_folder("demo", None):
        raise KeyboardInterrupt
    assert Runs(Path("runs")).all() == []
    with pytest.raises(KeyboardInterrupt), run_folder("demo", None) as begun:
        begun.store.touch()
        raise KeyboardInterrupt
    assert [kept.folder for kept in Runs(Path("runs")).all()] == [begun.folder]


def test_a_folder_that_was_there_before_stays_with_what_is_in_it(folder: Path) -> None:
    (folder / "mine" / ".git").mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt), run_folder("demo", folder / "mine"):
        raise KeyboardInterrupt
    assert os.listdir(folder / "mine") == [".git"]


def test_a_run_that_is_resumed_keeps_its_beginning(mine: Run) -> None:
    for number in (1, 2):
        with run_folder("sim", mine.folder, resume=True, leaves=KEPT) as again:
            assert again == read_run(mine.folder) and again.later == read_run(mine.folder).later
        assert again == mine and again.provenance == mine.provenance and len(again.later) == number


def test_the_last_run_that_is_resumed_keeps_its_beginning(folder: Path) -> None:
    made = Runs().new("sim", FIRST)
    made.store.touch()
    with run_folder("sim", None, resume=True, leaves=KEPT) as again:
        pass
    assert again == made == read_run(made.folder) and len(read_run(made.folder).later) == 1


def test_a_stack_on_a_robot_goes_on_with_what_is_there(mine: Run) -> None:
    with run_folder("robot", mine.folder, resume=True) as again:
        pass
    assert again.started == mine.started and len(read_run(mine.folder).later) == 1


def test_a_run_that_is_replaced_or_left_nothing_begins_anew(mine: Run) -> None:
    with run_folder("sim", mine.folder, force=True, leaves=KEPT) as replaced:
        assert not mine.store.exists()
        replaced.models.mkdir()
    assert replaced.started > mine.started and replaced.later == read_run(mine.folder).later == ()
    replaced.models.rmdir()
    (mine.folder / "notes.txt").touch()
    for resume in (False, True):
        Runs().adopt(mine.folder, "sim", FIRST, anew=True)
        with run_folder("sim", mine.folder, resume, leaves=KEPT) as begun:
            assert begun.started > mine.started and begun.later == ()


def test_a_run_in_use_stays_as_it_is_where_another_is_refused_its_folder(folder: Path) -> None:
    with run_folder("sim", folder / "mine", leaves=KEPT) as begun:
        for resume in (False, True):
            with pytest.raises(UserError, match="in use"), run_folder("sim", folder / "mine", resume, leaves=KEPT):
                pass
        assert read_run(folder / "mine") == begun and begun.in_use and read_run(folder / "mine").later == ()
        begun.store.touch()


def test_what_came_to_nothing_takes_no_other_command_s_run_along(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second command that begins while the first one clears up waits for it, or is refused; neither takes the other's place."""
    forget, second = Runs.forget, list[str]()

    def forgetful(runs: Runs, run: Run) -> None:
        try:
            with run_folder("demo", folder / "mine"):
                second.append("at work")
        except UserError as error:
            second.append(str(error))
        forget(runs, run)

    (folder / "mine" / ".git").mkdir(parents=True)
    monkeypatch.setattr(Runs, "forget", forgetful)
    with pytest.raises(KeyboardInterrupt), run_folder("demo", folder / "mine"):
        raise KeyboardInterrupt
    assert len(second) == 1 and "is in use by another process" in second[0]


def test_where_the_folder_is_gone_what_went_wrong_is_told(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), run_folder("demo", folder / "mine") as run:
        shutil.rmtree(run.folder)
        raise KeyboardInterrupt


def test_what_was_made_stays_where_something_else_cannot_be_locked(folder: Path) -> None:
    with pytest.raises(NoLocksError), run_folder("demo", None) as run:
        run.store.touch()
        raise NoLocksError("/tmp: files cannot be locked there")
    assert run.store.is_file() and Runs().latest().folder == run.folder
