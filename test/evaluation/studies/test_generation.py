from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fail2progress.core.executor import Executor
from fail2progress.evaluation.studies.bases import base
from fail2progress.evaluation.studies.generation import Generation, GenerationStudy
from fail2progress.evaluation.studies.table3_page import columns, is_data, markdown
from fail2progress.models import weights
from fail2progress.tasks import DEFAULT


class Scripted(Executor):
    """What `sampling` makes takes ten times as long; the failure of seed 2 gives nothing."""

    def map_unordered(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            seconds = 10.0 if item.job.options.method == "sampling" else 1.0
            reason = "no failure" if item.job.seed == 2 else ""
            yield item.key, Generation(item.job.seed, 0.1, seconds - 0.25, 0.25, 0.5, 0.9, 0.8, 0.3, 0.2, 20, 50, reason), 3.0


@pytest.fixture
def study(tmp_path: Path) -> GenerationStudy:
    return GenerationStudy(tmp_path, base("points2plans", weights.folder()), DEFAULT, ("stein", "sampling"), seeds=3)


def test_generators_are_measured_on_the_same_failures(study: GenerationStudy) -> None:
    seeds = [[job.seed for job in cell.jobs(3)] for cell in study.cells()]
    assert seeds == [[0, 1, 2]] * 2 and len({cell.key for cell in study.cells()}) == 2
    rows: Any = study.run(Scripted())["rows"]
    assert [row["method"] for row in rows] == ["stein", "sampling"] and all(row["complete"] for row in rows)
    assert [row["inference"]["mean"] for row in rows] == [1.0, 10.0]
    assert [[row[name]["mean"] for name in ("setup_s", "states_s", "actions_s")] for row in rows] == [
        [0.1, 0.75, 0.25],
        [0.1, 9.75, 0.25],
    ]
    assert rows[0]["made"] == 2 and rows[0]["reasons"] == ["no failure"]
    assert rows[0]["paper_kept"] == 0.962 and rows[1]["paper_spread_m"] == 0.523


def test_the_report_says_what_was_not_run(study: GenerationStudy) -> None:
    before: Any = study.report()
    assert not before["complete"] and is_data(before)
    assert [row[1] for row in columns(before)[1]] == ["not run", "not run"]
    page = markdown(study.run(Scripted()))
    assert page.startswith("## Making the data") and "| both (s) | set-up (s) |" in page
    assert "stein (2 of 3 failures) | 0.75 ± 0 | 0.25 ± 0 | 1 ± 0 | 0.1 ± 0 | 0.5 ± 0 |" in page
