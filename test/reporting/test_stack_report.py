import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fail2progress.core.runs import RunError
from fail2progress.evaluation.stack_run import saved, summary
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport
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


@pytest.mark.parametrize("text", ["{", "[1]", '{"rounds": [1]}', '{"rounds": [{}]}'])
def test_a_damaged_result_is_named(folder: Path, text: str) -> None:
    (folder / "result.json").write_text(text)
    with pytest.raises(RunError, match=r"result\.json: not the result of a task"):
        html(folder)


def test_what_learning_changed_is_told_where_a_trial_was_carried_out_again() -> None:
    first = {"seed": 7, "error_code": 106, "outcome": "failure", "skills": 1, "seconds": 43.0, "failures": ["a"]}
    first |= {"open_loop": True, "learning_seconds": 32.0}
    again = {**first, "outcome": "done", "error_code": 0, "skills": 3, "seconds": 28.4, "failures": [], "learning_seconds": 0.0}
    assert saved([first, {**again, "seed": 8}], True) == saved([first], True) == saved([], False) == ""
    told = saved([{**again, "seed": 6}, first, again], True)
    assert "with the first model, by its first plan alone, it stopped at a failure after 1 skill, 11 s and 1 failure;" in told
    assert told.endswith("with the new model, by its first plan alone, it reached its goal after 3 skills, 28 s and no failure.")
    third = {**again, "open_loop": False, "skills": 6}
    told = saved([first, {**again, "outcome": "goal missed", "error_code": 106}, third], False)
    assert "with the same model, by its first plan alone, it missed its goal after 3 skills" in told
    assert told.endswith(
        "with the same model, planned again after every skill, it reached its goal after 6 skills, 28 s and no failure."
    )


def test_a_failure_is_told_and_texts_from_outside_are_escaped(folder: Path) -> None:
    event: FailureEvent = failure()
    FailureStore(folder / "failures.sqlite").add(event)
    one = {"seed": 1, "outcome": "<b>done</b>", "skills": 3, "failures": [], "model": "abc", "seconds": 1.0, "error_code": 0}
    (folder / "result.json").write_text(json.dumps({"rounds": [one], "said": ["act: <script>"]}))
    page = html(folder)
    assert event.id in page and "the model expected that" in page
    assert "&lt;script&gt;" in page and "<script>" not in page and "&lt;b&gt;done" in page
    assert page.count("data:image/png;base64,") == 2


def test_the_page_says_why_a_failure_is_of_no_class(folder: Path) -> None:
    event, store = failure(), FailureStore(folder / "failures.sqlite")
    store.add(event)
    why = "cup: -7.2 mm between its surface and what was seen"
    store.add_report(
        FailureReport(
            failure=event.id,
            category=FailureClass.UNDECIDED,
            confidence=0.0,
            repetitions=0,
            differences=(),
            rebuilt=("cup",),
            reason=why,
        )
    )
    one = {"seed": 1, "outcome": "failure", "skills": 3, "failures": [], "model": "abc", "seconds": 1.0, "error_code": 0}
    (folder / "result.json").write_text(json.dumps({"rounds": [one], "said": []}))
    assert why in html(folder)


def test_a_damaged_failure_is_named_beside_the_others(folder: Path) -> None:
    event, store = failure(), FailureStore(folder / "failures.sqlite")
    for each in (event, event.model_copy(update={"header": event.header.model_copy(update={"id": "damaged"})})):
        store.add(each)
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE failures SET header = '{' WHERE id = 'damaged'")
    page, told = html(folder), summary(folder)
    assert event.id in page and "failure damaged: Invalid JSON" in page
    assert [row["event"] for row in told["failures"]] == [event.id] and len(told["damaged"]) == 1  # type: ignore[attr-defined, arg-type]
    store.remove(event.id)
    assert "No failure was met." not in html(folder)
