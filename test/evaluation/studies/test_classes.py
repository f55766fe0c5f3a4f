from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from fail2progress.core.executor import Executor
from fail2progress.evaluation.studies.classes import RIGHT, Study, markdown, measure, report


class InPlace(Executor):
    def map_unordered(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return map(function, items)


def test_wrong_predictions_and_faults_of_the_hand_are_told_apart(tmp_path: Path) -> None:
    found: Any = Study(tmp_path, executions=5, seed=2).run(InPlace(), lambda done: None)
    assert found["right"]["of"] >= 5 and found["right"]["rate"] >= 0.7
    assert sum(row["of"] for row in found["by_kind"].values()) == found["right"]["of"]
    assert "right: slip" in markdown(found)
    again: Any = Study(tmp_path, executions=5, seed=2).run(InPlace(), lambda done: None)
    assert again["by_kind"] == found["by_kind"]


def test_the_same_execution_gives_the_same_failures() -> None:
    assert measure((2, 0)) == measure((2, 0))


def test_undecided_is_neither_right_nor_wrong_of_those_decided() -> None:
    rows = [
        {"class": "undecided", "right": RIGHT["miss"].value, "kind": "miss", "reason": "hidden"},
        {"class": "sim2real_gap", "right": "sim2real_gap", "kind": "miss", "reason": ""},
    ]
    found: Any = report(rows)
    assert found["right"]["rate"] == 0.5 and found["right_of_decided"]["rate"] == 1.0 and found["wrong"] == []
    assert found["by_kind"]["slip"]["rate"] is None and "| - |" in markdown(found)
