import json
import subprocess
import sys
from pathlib import Path

import pytest

from fail2progress.core.gaps import Gap, GapError, add, gap, merged, read


def met(evidence: str, severity: int = 1, kind: str = "silent_default", where: str = "perception.depth.unit") -> Gap:
    return gap(kind, where, "the unit of depth was guessed", evidence, severity)  # type: ignore[arg-type]


def test_gaps_of_one_kind_and_place_become_one() -> None:
    rows = merged([met("a", 1), met("b", 3), met("c", 2, where="perception.depth.other")])
    assert [(row.count, row.severity, row.evidence) for row in rows] == [(2, 3, "b"), (1, 2, "c")]
    assert rows[0].component == "perception" and rows[0].first_seen <= rows[0].last_seen


def test_a_file_of_gaps_grows_by_merging(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "pipeline_gaps.json"
    add(path, [])
    assert read(path) == () and not path.exists()
    for evidence in "ab":
        add(path, [met(evidence)])
    (row,) = read(path)
    assert row.count == 2 and row.evidence == "b"


FIFTY = """
import sys
from pathlib import Path
from fail2progress.core.gaps import add, gap
for number in range(50):
    add(Path(sys.argv[1]), [gap("silent_default", "perception.depth.unit", "guessed", str(number), 1)])
"""


def test_gaps_that_two_processes_add_at_once_are_all_counted(tmp_path: Path) -> None:
    path = tmp_path / "pipeline_gaps.json"
    both = [subprocess.Popen([sys.executable, "-c", FIFTY, str(path)]) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    assert read(path)[0].count == 100


def test_what_a_run_has_added_is_not_counted_again(tmp_path: Path) -> None:
    path = tmp_path / "pipeline_gaps.json"
    for run in ("one", "one", "two", "one"):
        add(path, [met("a").model_copy(update={"run_id": run}), met("b").model_copy(update={"run_id": run})])
    (found,) = read(path)
    assert (found.count, found.runs, found.run_id) == (4, ("one", "two"), "two")


def test_a_gap_that_was_closed_is_open_when_it_is_met_again() -> None:
    accepted, closed = (met("a").model_copy(update={"status": status}) for status in ("accepted", "closed"))
    assert [merged([old, met("b")])[0].status for old in (accepted, closed)] == ["accepted", "open"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"schema_version": 2, "id": "x"}]', "gaps of schema 2, this version reads 1"),
        ('{"schema_version": 1}', "a list of gaps"),
        ('[{"schema_version": 1, "id": "x"}]', "Field required"),
        ("not json", "cannot be read"),
    ],
)
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "pipeline_gaps.json"
    path.write_text(text)
    with pytest.raises(GapError, match=message):
        add(path, [met("a")])
    assert path.read_text() == text


def test_gaps_are_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "gaps.json"
    add(path, [met("a")])
    (row,) = json.loads(path.read_text())
    fields = "schema_version id run_id runs component kind where what evidence count first_seen last_seen severity status"
    assert set(row) == set(fields.split())
