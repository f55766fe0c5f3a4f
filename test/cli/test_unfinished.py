import fcntl
import os
from pathlib import Path

import pytest

from fail2progress.cli import unfinished as room
from fail2progress.cli.common import UserError
from fail2progress.cli.unfinished import finished, unfinished


def kept(out: Path | None, **signature: object) -> dict[str, object]:
    """What a command that begins and is stopped at once finds of earlier calls."""
    with unfinished("evaluate", out, **signature) as rows:
        return dict(rows.by_key)


def begin(out: Path) -> None:
    with unfinished("evaluate", out, seed=1) as rows:
        rows.add({"key": "a"})


def test_the_same_command_goes_on_with_its_rows_until_it_is_finished(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    begin(out)
    with unfinished("evaluate", out, seed=1) as again:
        assert again.by_key == {"a": {"key": "a"}}
        assert kept(out, seed=2) == {}
        finished(again)
    assert kept(out, seed=1) == {}


def test_the_same_command_at_the_same_time_is_told_so_and_deletes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with unfinished("evaluate", out, seed=1) as rows:
        rows.add({"key": "a"})
        with pytest.raises(UserError, match=r"the same command is at work there .*; wait for its end, or choose another --out"):
            kept(out, seed=1)
        rows.add({"key": "b"})
        assert [line.count("key") for line in rows.path.read_text().splitlines()] == [0, 1, 1]
    assert set(kept(out, seed=1)) == {"a", "b"}


def test_rows_of_a_command_that_was_killed_are_not_held(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    child = os.fork()
    if child == 0:
        with unfinished("evaluate", out, seed=1) as rows:
            rows.add({"key": "a"})
            os._exit(0)
    os.waitpid(child, 0)
    (left,) = tmp_path.glob(".*.lock")
    with left.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert kept(out, seed=1) == {"a": {"key": "a"}} and not list(tmp_path.glob(".*.lock"))


def test_where_nothing_can_be_written_the_work_goes_on_without_being_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").touch()
    with unfinished("evaluate", None, seed=1) as rows:
        rows.add({"key": "a"})
        assert rows.by_key == {"a": {"key": "a"}} and "note: runs: cannot be written (" in capsys.readouterr().err
        finished(rows)
    assert kept(None, seed=1) == {} and list(tmp_path.iterdir()) == [tmp_path / "runs"]
    with pytest.raises(OSError, match="runs"):
        kept(Path("runs") / "report.json", seed=1)


def test_rows_of_other_code_are_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an earlier version they may lack values, and would be told as results of this one."""
    begin(tmp_path / "report.json")
    monkeypatch.setattr(room, "code_version", lambda parts: "other")
    assert kept(tmp_path / "report.json", seed=1) == {}
