import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from fail2progress.core.executor import Executor
from fail2progress.evaluation.studies.physics import Study, markdown, report


class InPlace(Executor):
    def map_unordered(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return map(function, items)


def test_pushes_are_measured_once_and_the_report_counts_them(tmp_path: Path) -> None:
    found: Any = Study(tmp_path, executions=12, seed=5).run(InPlace(), lambda done: None)
    assert found["motions"] == found["tells"]["of"] >= 1
    assert "within 20% of the truth" in markdown(found)
    lines = (tmp_path / "rows.jsonl").read_text()
    again: Any = Study(tmp_path, executions=12, seed=5).run(InPlace(), lambda done: None)
    assert again["tells"] == found["tells"] and (tmp_path / "rows.jsonl").read_text() == lines


def test_only_motions_that_tell_are_judged_by_their_estimate() -> None:
    told = {"key": "0", "true": 0.2, "found": 0.23, "spread": 0.05, "low": 0.21, "high": 0.25, "tells": True}
    vague = {"key": "1", "true": 1.0, "found": 0.4, "spread": 0.7, "low": 0.1, "high": 1.3, "tells": False}
    found: Any = report([told, vague])
    assert found["right_where_told"]["rate"] == 1.0 and found["right_where_told"]["of"] == 1
    assert found["interval_holds"]["rate"] == 0.5 and found["interval_holds_where_not_told"]["rate"] == 1.0
    assert found["tells_by_truth"]["0.2 to 0.4"]["of"] == 1


def test_other_properties_are_asked_of_all_skills_and_a_motion_that_is_the_same_everywhere_tells_nothing(tmp_path: Path) -> None:
    found: Any = Study(tmp_path, executions=6, seed=5, asked="weight").run(InPlace(), lambda done: None)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    judged = [row for row in rows if row.get("true") is not None]
    assert found["motions"] == len(judged) >= 4 and any(row["skill"] == "pick_place" for row in judged)
    vague = [row for row in judged if not row["depends"]]
    assert vague and all(not row["tells"] and row["low"] < 0.4 and row["high"] > 5.0 for row in vague)
    page = markdown(found)
    assert page.startswith("# Weight from one motion") and "--physics weight" in page
