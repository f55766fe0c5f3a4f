import json
from pathlib import Path

import pytest

from fail2progress.evaluation.stack_run import saved
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore
from fail2progress.reporting.stack_report import html
from support.samples import failure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a stack leaves that met no failure and ran no task, as in a replay."""
    FailureStore(tmp_path / "failures.sqlite")
    (tmp_path / "models").mkdir()
    return tmp_path


def test_a_replay_without_failures_has_a_page(folder: Path) -> None:
    page = html(folder)
    assert "No failure was met." in page and "Trials" not in page and "How it went" not in page


def test_what_learning_changed_is_told_where_a_trial_was_carried_out_again() -> None:
    first = {"seed": 7, "error_code": 0, "outcome": "done", "skills": 5, "seconds": 43.0, "failures": ["a"]}
    again = {**first, "skills": 3, "seconds": 28.4, "failures": []}
    assert saved([first, {**again, "seed": 8}]) == saved([first]) == ""
    told = saved([first, again])
    assert "5 skills, 43 s and 1 failure(s)" in told and "reached its goal after 3 skills, 28 s and 0 failure(s)" in told


def test_a_failure_is_told_and_texts_from_outside_are_escaped(folder: Path) -> None:
    event: FailureEvent = failure()
    FailureStore(folder / "failures.sqlite").add(event)
    one = {"seed": 1, "outcome": "<b>done</b>", "skills": 3, "failures": [], "model": "abc", "seconds": 1.0, "error_code": 0}
    (folder / "result.json").write_text(json.dumps({"rounds": [one], "said": ["act: <script>"]}))
    page = html(folder)
    assert event.id in page and "the model expected that" in page
    assert "&lt;script&gt;" in page and "<script>" not in page and "&lt;b&gt;done" in page
    assert page.count("data:image/png;base64,") == 2
