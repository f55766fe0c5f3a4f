import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fail2progress.failures.event import Call, FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.failures.store import FailureStore
from fail2progress.skills.registry import SKILLS
from fail2progress.skills.vocabulary import current
from support.press_pull.definition import SKILL


def test_ls_lists_with_and_without_json(run, store: Path, event: FailureEvent) -> None:
    listed = run("failures", "ls", "--store", store)
    assert listed.exit_code == 0 and event.id[:8] in listed.stdout
    rows = json.loads(run("failures", "ls", "--store", store, "--json").stdout)["failures"]
    assert [(row["id"], row["class"], row["call"]["object"]) for row in rows] == [(event.id, None, "cup_1")]
    assert json.loads(run("failures", "ls", "--store", store, "--json", "--task", "other").stdout) == {"failures": []}


def test_when_it_happened_is_listed_beside_when_it_was_found(run, tmp_path: Path, event: FailureEvent) -> None:
    """As of a recording of 2023 that is replayed today; stamps of a simulator are no times of day."""
    rows, told = [], []
    for name, stamp in (("recorded", 1_700_000_000_250_000_000), ("simulated", 12_000_000_000)):
        header = event.header.model_copy(update={"stamps": (stamp - 10**9, stamp)})
        FailureStore(tmp_path / name).add(event.model_copy(update={"header": header}))
        rows += json.loads(run("failures", "ls", "--store", tmp_path / name, "--json").stdout)["failures"]
        told.append(run("failures", "show", "--store", tmp_path / name).stdout)
    assert [row["seen"] for row in rows] == ["2023-11-14T22:13:20.250+00:00", None]
    assert [row["time"] for row in rows] == [event.header.time] * 2
    assert "2023-11-14T22:13:20.250" in told[0] and event.header.time in told[0] and "seen  " not in told[1]
    assert "2023-11-14" in run("failures", "ls", "--store", tmp_path / "recorded").stdout


def test_show_prints_goal_call_mismatches_and_report(run, store: Path, event: FailureEvent) -> None:
    shown = run("failures", "show", event.id[:4], "--store", store).stdout
    assert str(event.header.mismatches[0]) in shown and "not classified" in shown
    assert str(event.header.call.call()) in shown and all(atom in shown for atom in event.header.goal)
    FailureStore(store).add_report(
        FailureReport(
            failure=event.id, category=FailureClass.SYMBOLIC_PREDICTION, confidence=0.8, repetitions=5, differences=(), rebuilt=()
        )
    )
    assert "incorrect_symbolic_prediction (confidence 0.80" in run("failures", "show", event.id, "--store", store).stdout
    values = json.loads(run("failures", "show", event.id, "--store", store, "--json").stdout)
    assert values["id"] == event.id and values["report"]["repetitions"] == 5


def test_show_tells_what_was_learnt_also_after_another_attempt_in_vain(run, store: Path, event: FailureEvent) -> None:
    for lesson in (("v0002", "better"), ("", "worse elsewhere")):
        FailureStore(store).add_lesson(event.id, *lesson)
    shown = " ".join(run("failures", "show", event.id, "--store", store).stdout.split())
    assert "The model v0002 learnt from it: better." in shown and "Later, no new model was accepted: worse elsewhere." in shown


def test_names_that_a_terminal_would_obey_are_written_out(run, tmp_path: Path, event: FailureEvent) -> None:
    """And none is taken for the markup of a table."""
    header, path = event.header, tmp_path / "f.sqlite"
    call = header.call.model_copy(update={"object": "cup\n\x1b[31m[bold]"})
    update = {"call": call, "task": "a\nb\x1b[2J", "goal": ("above(a\rb, c)",)}
    FailureStore(path).add(event.model_copy(update={"header": header.model_copy(update=update)}))
    listed, shown = (run("failures", word, "--store", path) for word in ("ls", "show"))
    assert "cup\\n\\x1b[31m[bold]" in listed.stdout and len(listed.stdout.splitlines()) == 5
    assert "a\\nb\\x1b[2J, " in shown.stdout and "above(a\\rb, c)" in shown.stdout
    for result in (listed, shown, run("failures", "ls", "--store", path, "--task", "x\x1b[31m")):
        assert not {"\x1b", "\r"} & {*result.stdout, *result.stderr}


def test_export_writes_arrays_that_need_no_pickle(run, store: Path, event: FailureEvent, tmp_path: Path) -> None:
    out = tmp_path / "made" / "failure.npz"
    assert run("failures", "export", event.id, "--store", store, "--out", out).exit_code == 0
    with np.load(out, allow_pickle=False) as file:
        assert json.loads(str(file["header"]))["id"] == event.id and str(file["report"]) == "null"
        np.testing.assert_array_equal(file["points_before"], event.before.points)


def test_a_file_that_is_there_is_not_exported_over(refuses, store: Path, event: FailureEvent, tmp_path: Path) -> None:
    out = tmp_path / "mine.npz"
    out.write_text("kept")
    assert f"--out {out}: is there already" in refuses("failures", "export", event.id, "--store", store, "--out", out)
    assert out.read_text() == "kept"


@pytest.fixture
def marred(store: Path, event: FailureEvent) -> dict[str, str]:
    """Into the store: a failure of each kind of damage, before and after the whole one. What is said of each."""
    whole = event.header.model_dump_json()
    headers = {"{": "Invalid JSON", whole.replace('"schema_version":1', '"schema_version":7'): "should be 1", "3": "object"}
    told: dict[str, str] = {}
    with closing(sqlite3.connect(store)) as connection, connection:
        for year, (header, reason) in zip(("2024", "2026", "2026"), headers.items(), strict=True):
            identity = f"bad_{len(told)}"
            row = (identity, f"{year}-01-01T00:00:00.000+00:00", "t", "s", "o", "m", header, event.to_bytes())
            connection.execute("INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            told[identity] = reason
        row = ("bad_9", "2023-01-01T00:00:00.000+00:00", "t", "s", "o", "m", whole, event.to_bytes()[:-100])
        connection.execute("INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        told[row[0]] = "its data are damaged"
    return told


@pytest.mark.parametrize("words", [("ls",), ("ls", "--json"), ("browse",), ("export", "--lerobot")])
def test_damaged_failures_are_named_and_the_others_shown(
    run, store: Path, event: FailureEvent, marred: dict[str, str], words: tuple[str, ...], tmp_path: Path
) -> None:
    out = {"browse": ("--out", tmp_path / "page.html"), "export": ("--out", tmp_path / "dataset")}.get(words[0], ())
    done = run("failures", *words, *out, "--store", store)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("wrote")]
    arrays = marred.pop("bad_9") if "--json" in words else ""  # which are not read for what prints none
    assert done.exit_code == 0 and len(lines) == len(marred)
    assert not arrays or len(json.loads(done.stdout)["failures"]) == 2
    for identity, reason in marred.items():
        (line,) = (line for line in lines if f"failures rm {identity} --store {store}" in line)
        assert line.startswith(f"note: {store}: failure ") and reason in line
    shown = done.stdout if words[0] == "ls" else done.stderr
    assert (event.id[:8] if words[0] == "ls" else "1 failures" if words[0] == "browse" else "1 episodes") in shown
    assert not any(identity in done.stdout for identity in marred)


@pytest.mark.parametrize("words", [("ls",), ("ls", "--json")])
def test_a_failure_whose_skill_is_not_installed_is_not_to_be_removed(
    run, refuses, store: Path, event: FailureEvent, words: tuple[str, ...]
) -> None:
    with SKILLS.including(SKILL):
        call = Call(skill=SKILL.name, object="cup_1", parameters=(0.0, 0.1))
        change = {"id": "elsewhere", "call": call, "plan": (call,), "vocabulary": current()}
        FailureStore(store).add(event.model_copy(update={"header": event.header.model_copy(update=change)}))
        whole = run("failures", *words, "--store", store)
        assert whole.stderr == "" and "elsewher" in whole.stdout
    done = run("failures", *words, "--store", store)
    assert done.exit_code == 0 and event.id[:8] in done.stdout and "elsewher" not in done.stdout
    (line,) = done.stderr.splitlines()
    assert "failure elsewhere: of another vocabulary: skill press_pull, known here: pick_place" in line
    assert "install the package that brings it" in line and "failures rm" not in line
    assert "install the package that brings it" in refuses("failures", "show", "elsewhere", "--store", store)


def test_damaged_failures_are_removed_by_their_ids(
    run, refuses, store: Path, event: FailureEvent, marred: dict[str, str]
) -> None:
    assert "should be 1" in refuses("failures", "show", "bad_1", "--store", store)
    for identity in marred:
        assert run("failures", "rm", identity, "--store", store, "--force").exit_code == 0
    listed = run("failures", "ls", "--store", store)
    assert listed.stderr == "" and event.id[:8] in listed.stdout
    assert "no failure whose id" in refuses("failures", "rm", "bad_2", "--store", store, "--force")


def test_a_store_in_which_nothing_can_be_read_is_refused(run, store: Path, event: FailureEvent, marred: dict[str, str]) -> None:
    for identity in (event.id, "bad_9"):  # the latter's arrays alone are damaged
        FailureStore(store).remove(identity)
    for words in (("ls",), ("ls", "--json")):
        done = run("failures", *words, "--store", store)
        assert (done.exit_code, done.stdout) == (2, "") and "none of its failures can be read" in done.stderr


def test_an_empty_file_is_no_store_and_stays_empty(refuses, tmp_path: Path) -> None:
    empty = tmp_path / "failures.sqlite"
    empty.touch()
    assert f"{empty}: is an empty file" in refuses("failures", "ls", "--store", str(empty))
    assert empty.stat().st_size == 0 and list(tmp_path.iterdir()) == [empty]


def test_mistakes(refuses, store: Path, tmp_path: Path) -> None:
    assert "no failure store" in refuses("failures", "ls", "--store", tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
    (tmp_path / "text").write_text("not a database" * 100)
    assert "not a database" in refuses("failures", "ls", "--store", tmp_path / "text")
    assert "no failure whose id begins with 'ffff'" in refuses("failures", "show", "ffff", "--store", store)
    assert ".npz" in refuses("failures", "export", "0b", "--store", store, "--out", tmp_path / "x.bag")
