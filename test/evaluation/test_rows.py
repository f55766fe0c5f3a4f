from pathlib import Path

import pytest

from fail2progress.evaluation.rows import Rows, RowsError


def test_rows_are_kept_and_a_line_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "study" / "rows.jsonl"
    rows = Rows(path, {"seed": 1})
    rows.add({"key": "a", "value": 1.5})
    with path.open("a") as file:
        file.write('[]\n3\n{"value": 2.5}\n{"key": "b", "val')
    assert Rows(path, {"seed": 1}).by_key == {"a": {"key": "a", "value": 1.5}}


def test_rows_of_another_run_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    Rows(path, {"seed": 1})
    with pytest.raises(RowsError, match="another run"):
        Rows(path, {"seed": 2})
    Rows(tmp_path / "older.jsonl", {"seed": 1, "code": "a"})
    with pytest.raises(RowsError, match="an earlier version of the code"):
        Rows(tmp_path / "older.jsonl", {"seed": 1, "code": "b"})
    path.write_text("something else\n")
    with pytest.raises(RowsError, match="no rows of a study"):
        Rows(path, {"seed": 1})
