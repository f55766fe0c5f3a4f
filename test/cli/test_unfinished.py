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


def test_rows_of_other_code_are_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an earlier version they may lack values, and would be told as results of this one."""
    unfinished("evaluate", tmp_path / "report.json", seed=1).add({"key": "a"})
    monkeypatch.setattr(room, "code_version", lambda parts: "other")
    assert unfinished("evaluate", tmp_path / "report.json", seed=1).by_key == {}
