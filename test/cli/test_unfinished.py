from pathlib import Path

import pytest

from fail2progress.cli import unfinished as room
from fail2progress.cli.unfinished import finished, unfinished


def test_the_same_command_goes_on_with_its_rows_until_it_is_finished(tmp_path: Path) -> None:
    unfinished("evaluate", tmp_path / "report.json", seed=1).add({"key": "a"})
    again = unfinished("evaluate", tmp_path / "report.json", seed=1)
    assert again.by_key == {"a": {"key": "a"}}
    assert unfinished("evaluate", tmp_path / "report.json", seed=2).by_key == {}
    finished(again)
    assert unfinished("evaluate", tmp_path / "report.json", seed=1).by_key == {}


def test_where_nothing_can_be_written_the_work_goes_on_without_being_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").touch()
    rows = unfinished("evaluate", None, seed=1)
    rows.add({"key": "a"})
    assert rows.by_key == {"a": {"key": "a"}} and "note: runs: cannot be written (" in capsys.readouterr().err
    finished(rows)
    assert unfinished("evaluate", None, seed=1).by_key == {} and list(tmp_path.iterdir()) == [tmp_path / "runs"]
    with pytest.raises(OSError, match="runs"):
        unfinished("evaluate", Path("runs") / "report.json", seed=1)


def test_rows_of_other_code_are_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an earlier version they may lack values, and would be told as results of this one."""
    unfinished("evaluate", tmp_path / "report.json", seed=1).add({"key": "a"})
    monkeypatch.setattr(room, "code_version", lambda parts: "other")
    assert unfinished("evaluate", tmp_path / "report.json", seed=1).by_key == {}
