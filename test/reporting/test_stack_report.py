import json
import platform
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from fail2progress import __version__
from fail2progress.core.runs import Runs
from fail2progress.evaluation.stack_run import read_run, saved, summary
from fail2progress.failures.assets.schema import FailureSignals
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport, FailureSignal
from fail2progress.failures.store import FailureStore
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.store import Registry
from fail2progress.reporting.stack_report import html
from support.samples import failure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a stack leaves that met no failure and ran no task, as in a replay."""
    FailureStore(tmp_path / "failures.sqlite")
    (tmp_path / "models").mkdir()
    return tmp_path


def test_a_replay_without_failures_has_a_page(folder: Path) -> None:
    page = html(read_run(folder))
    assert "No failure was met." in page and "Trials" not in page and "How it went" not in page


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"rounds": [1]}', '{"rounds": [{}]}', '{"rounds": [{"seed": 1}]}', '{"said": "all"}']
)
def test_a_damaged_result_is_named_and_the_rest_is_told(folder: Path, text: str) -> None:
    (folder / "result.json").write_text(text)
    FailureStore(folder / "failures.sqlite").add(failure())
    run = read_run(folder)
    assert len(run.met) == 1 and run.result == {} and failure().id in html(run)
    assert "result.json: not the result of a task" in run.damaged_beside[0] and "not the result of a task" in html(run)


FIGURES = {"failure_f1": 0.5, "held_out_prediction": 0.97}
GATE = {"passed": True, "reason": "better", "before": FIGURES, "after": {**FIGURES, "failure_f1": 0.9}}


@pytest.fixture
def learnt(folder: Path) -> Registry:
    """Two lessons from one failure, the second version in use."""
    event, store, versions = failure(), FailureStore(folder / "failures.sqlite"), Registry(folder / "models")
    store.add(event)
    store.add_lesson(event.id, "v0002", "better")
    model = Points2Plans(Points2PlansConfig(relational=True, feedforward=16, layers=1))
    versions.register(model, {})
    for parent in ("v0001", "v0002"):
        versions.register(model, {"parent_version": parent, "event": event.id, "gate": GATE})
    versions.make_current("v0002")
    return versions


@pytest.mark.parametrize("version", ["v0001", "v0002", "v0003"])
@pytest.mark.parametrize("damage", ["note", "no note", "gate", "weights"])
def test_a_damaged_version_is_named_beside_all_else(folder: Path, learnt: Registry, version: str, damage: str) -> None:
    weights = learnt.path(version)
    note = weights.with_suffix(".json")
    if damage == "weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "no note":
        note.unlink()
    else:
        note.write_text("{" if damage == "note" else json.dumps({**json.loads(note.read_text()), "gate": 3}))
    run = read_run(folder)
    page, told = html(run), summary(run)
    assert failure().id in page and "No failure was met." not in page and f"Left out: {folder}/models/{version}" in page
    assert [name for name, _ in run.versions] == [other for other in learnt.versions() if other != version]
    assert run.current == "v0002" and told["damaged"] == list(run.damaged_beside) and len(run.damaged_beside) == 1
    assert page.count("Acceptance test: ") == 1 + (version == "v0001")


def test_a_later_attempt_does_not_hide_what_was_learnt(folder: Path, learnt: Registry) -> None:
    FailureStore(folder / "failures.sqlite").add_lesson(failure().id, "", "worse elsewhere")
    run = read_run(folder)
    page, (told,) = html(run), summary(run)["failures"]  # type: ignore[misc]
    assert "1 new\nmodel learnt" in page and "The model v0002 learnt from it: better." in page
    assert "Later, no new model was accepted: worse elsewhere." in page and "no new model: worse elsewhere" in page
    assert (told["version"], told["lesson"], told["later_lessons"]) == ("v0002", "better", ["worse elsewhere"])
    assert page.count("data:image/png;base64,") > 4, "what it learnt is shown in scenes"


def test_a_damaged_version_is_not_a_failure_that_was_met(folder: Path) -> None:
    (folder / "models" / "v0001.safetensors").touch()
    assert "No failure was met." in html(read_run(folder))


def test_a_version_that_was_learnt_elsewhere_has_no_place_in_the_curve(folder: Path, learnt: Registry) -> None:
    """Its note names neither a failure nor a parent here, and has its acceptance test."""
    learnt.adopt(load_checkpoint(learnt.path("v0003")), {"gate": GATE})
    assert "<h2>Model v0004</h2>" in html(read_run(folder))


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
    page = html(read_run(folder))
    assert event.id in page and "the model expected that" in page
    assert "&lt;script&gt;" in page and "<script>" not in page and "&lt;b&gt;done" in page
    assert page.count("data:image/png;base64,") == 2


def test_provenance_is_of_the_code_that_the_run_began_with(folder: Path) -> None:
    assert "not noted when the run began" in html(read_run(folder))
    run = Runs(folder.parent / "runs").adopt(folder, "sim", datetime(2026, 1, 2), anew=True)
    kept = json.loads((folder / "run.json").read_text())
    assert kept["provenance"]["python"] == platform.python_version() and run.provenance == kept["provenance"]
    kept["provenance"] |= {"commit": "f00d" * 10, "python": "3.99"}
    (folder / "run.json").write_text(json.dumps(kept))
    page = html(read_run(folder))
    assert "f00d" * 10 in page and "3.99" in page and platform.python_version() not in page
    assert "page written by" in page and f"fail2progress {__version__}, commit " in page and "gone on with" not in page
    Runs(folder.parent / "runs").adopt(folder, "sim", datetime(2026, 1, 3))
    page = html(read_run(folder))
    assert "f00d" * 10 in page and "gone on with" in page
    assert f"{datetime(2026, 1, 3).astimezone().isoformat(timespec='seconds')}, commit " in page
    (folder / "run.json").write_text("{")
    assert "Left out: " in html(read_run(folder)) and "run.json: not the description of a run" in html(read_run(folder))


def test_the_page_says_why_a_failure_is_of_no_class(folder: Path) -> None:
    event, store = failure(), FailureStore(folder / "failures.sqlite")
    store.add(event)
    why = "cup: -7.2 mm between its surface and what was seen"
    edit = {"parameter": "push.reach", "delta": 0.02, "low": -0.04, "high": 0.08}
    signal = FailureSignal(name="not_reached", severity=0.2, evidence="cup ended before its way", **edit)
    store.add_report(
        FailureReport(
            failure=event.id,
            category=FailureClass.UNDECIDED,
            confidence=0.0,
            repetitions=0,
            differences=(),
            rebuilt=("cup",),
            reason=why,
            signals=(signal,),
            initial_signals=(FailureSignals(asset="cup", geometry_mismatch_mm=-7.2),),
            final_signals=(FailureSignals(asset="cup", geometry_mismatch_mm=-7.1),),
        )
    )
    one = {"seed": 1, "outcome": "failure", "skills": 3, "failures": [], "model": "abc", "seconds": 1.0, "error_code": 0}
    (folder / "result.json").write_text(json.dumps({"rounds": [one], "said": []}))
    page = html(read_run(folder))
    assert why in page and "signals, with the edits that answer them" in page and str(signal) in page
    assert "cup: geometry -7.1 mm, geometry_mismatch_mm (at first: geometry -7.2 mm, geometry_mismatch_mm)" in page


def test_a_damaged_failure_is_named_beside_the_others(folder: Path) -> None:
    event, store = failure(), FailureStore(folder / "failures.sqlite")
    for each in (event, event.model_copy(update={"header": event.header.model_copy(update={"id": "damaged"})})):
        store.add(each)
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE failures SET header = '{' WHERE id = 'damaged'")
    page, told = html(read_run(folder)), summary(read_run(folder))
    assert event.id in page and "failure damaged: Invalid JSON" in page
    assert [row["event"] for row in told["failures"]] == [event.id] and len(told["damaged"]) == 1  # type: ignore[attr-defined, arg-type]
    store.remove(event.id)
    assert "No failure was met." not in html(read_run(folder))
