import errno
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fail2progress.cli import up
from fail2progress.core import gaps
from fail2progress.core.runs import Runs, working_in
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.store import Registry

Run = Callable[..., Any]
PASSED = {"passed": True, "reason": "better", "before": {"failure_f1": 0.5}, "after": {"failure_f1": 0.9}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made(folder: Path, event: FailureEvent) -> Runs:
    """Two runs; the later one met a failure and learnt from it."""
    runs = Runs(Path("runs"))
    runs.new("sim", datetime(2026, 1, 1))
    later = runs.new("demo", datetime(2026, 1, 2))
    FailureStore(later.store).add(event)
    versions = Registry(later.models)
    model = Points2Plans(Points2PlansConfig(relational=True, feedforward=16, layers=1))
    first = versions.register(model, {"source": "test"})
    second = versions.register(model, {"parent_version": first, "event": event.id, "gate": PASSED})
    versions.register(model, {"parent_version": second, "event": event.id, "gate": {**PASSED, "passed": False}})
    versions.make_current(second)
    return runs


def test_before_any_run_each_command_says_what_to_do(refuses: Run, folder: Path) -> None:
    for words in (("failures", "ls"), ("models", "ls"), ("runs", "show"), ("learn", "1")):
        assert "fail2progress demo" in refuses(*words)


def test_what_follows_a_run_needs_no_option(run: Run, made: Runs, event: FailureEvent) -> None:
    assert [row["id"] for row in json.loads(run("failures", "ls", "--json").stdout)["failures"]] == [event.id]
    assert [row["version"] for row in json.loads(run("models", "ls", "--json").stdout)] == ["v0001", "v0002", "v0003"]
    assert json.loads(run("runs", "show", "--json").stdout)["failures"] == 1
    assert event.id[:8] in run("failures", "ls").stdout
    assert "v0002" in run("models", "ls").stdout


def test_a_run_is_named_by_its_kind(run: Run, refuses: Run, made: Runs) -> None:
    assert json.loads(run("runs", "show", "sim", "--json").stdout)["failures"] == 0
    assert "no models here" in refuses("models", "ls", "--run", "sim")
    assert "no failure store here" in refuses("failures", "ls", "--store", "sim")
    assert len(json.loads(run("failures", "ls", "--store", "demo", "--json").stdout)["failures"]) == 1


def test_every_command_that_looks_into_a_run_takes_it_by_the_same_option(run: Run, refuses: Run, made: Runs) -> None:
    demo = made.named("demo").folder.relative_to("runs")
    for name in ("demo", str(demo)):
        assert len(json.loads(run("failures", "ls", "--run", name, "--json").stdout)["failures"]) == 1
        assert len(json.loads(run("models", "ls", "--run", name, "--json").stdout)) == 3
        assert run("corrections", "ls", "--run", name).exit_code == run("gaps", "ls", "--run", name).exit_code == 0
    for words in (("failures", "show"), ("assets", "check"), ("learn",)):
        assert "sim" in (said := refuses(*words, "--run", "sim")) and "no failure store here" in said
        assert "name a run (runs ls) or a file with --run or --store" in said
    assert "no run named 'none'" in refuses("gaps", "ls", "--run", "none")


def test_a_folder_with_a_store_is_named_where_no_run_is(run: Run, folder: Path, event: FailureEvent) -> None:
    (folder / "elsewhere").mkdir()
    FailureStore(folder / "elsewhere" / "failures.sqlite").add(event)
    for named in ("elsewhere", folder / "elsewhere", "elsewhere/failures.sqlite"):
        (row,) = json.loads(run("failures", "ls", "--store", named, "--json").stdout)["failures"]
        assert row["id"] == event.id


def test_runs_are_listed_with_their_sizes_and_removed(run: Run, refuses: Run, made: Runs) -> None:
    rows = json.loads(run("runs", "ls", "--json").stdout)
    assert [(row["kind"], row["models"], row["in_use"]) for row in rows] == [("sim", 0, False), ("demo", 3, False)]
    assert rows[1]["bytes"] > 1000
    with working_in(made.named("sim")):
        assert "in use" in refuses("runs", "rm", "sim", "--force")
    assert run("runs", "rm", "sim", "--force").exit_code == 0
    assert [row["kind"] for row in json.loads(run("runs", "ls", "--json").stdout)] == ["demo"]


def test_models_are_switched_and_rolled_back(run: Run, refuses: Run, made: Runs) -> None:
    def current() -> list[str]:
        return [row["version"] for row in json.loads(run("models", "ls", "--json").stdout) if row["current"]]

    assert current() == ["v0002"]
    assert run("models", "rollback").exit_code == 0
    assert current() == ["v0001"]
    assert "no parent" in refuses("models", "rollback")
    assert run("models", "use", "v0002").exit_code == 0
    assert "rejected" in refuses("models", "use", "v0003")
    assert "'v0009'" in refuses("models", "use", "v0009")
    assert current() == ["v0002"]


def test_a_version_names_the_code_that_made_it_and_changes_that_no_commit_holds(run: Run, made: Runs) -> None:
    beside = made.latest().models / "v0002.json"
    origin = {
        "time_utc": "2026-11-21",
        "commit": "a88d5beccad4adb6",
        "changed_files": True,
        "versions": {"fail2progress": "0.1.0"},
    }
    beside.write_text(json.dumps({**json.loads(beside.read_text()), "provenance": origin}))
    told = " ".join(run("models", "show", "v0002").stdout.split())
    assert "version 0.1.0, commit a88d5beccad4, with changes that no commit holds" in told


def test_a_version_is_shown_and_exported(run: Run, refuses: Run, made: Runs, folder: Path) -> None:
    assert json.loads(run("models", "show", "v0002", "--json").stdout)["parent"] == "v0001"
    assumed = gaps.gap("silent_default", "simulation.x", "a hidden side was assumed", "cup", 1)
    gaps.write(made.latest().models / "v0002.pipeline_gaps.json", [assumed])
    assert "a hidden side was assumed" in run("models", "show", "v0002").stdout
    out = folder / "mine.safetensors"
    assert run("models", "export", "v0002", "--out", out).exit_code == 0
    assert out.read_bytes() == made.latest().models.joinpath("v0002.safetensors").read_bytes()
    listed = json.loads(run("gaps", "ls", "--file", folder / "mine.pipeline_gaps.json", "--json").stdout)
    assert [gap["what"] for gap in listed] == [assumed.what]
    (made.latest().models / "v0002.pipeline_gaps.json").write_text('[{"schema_version": 5}]')
    assert "schema 5" in refuses("models", "show", "v0002")
    assert "exists" in refuses("models", "export", "v0002", "--out", out)
    assert ".safetensors" in refuses("models", "export", "v0002", "--out", folder / "a.txt")
    (folder / "taken").write_text("")
    assert "is a file; a folder is needed" in refuses("models", "export", "v0002", "--out", folder / "taken" / "a.safetensors")


@pytest.mark.parametrize("beside", ["mine.safetensors", "mine.json", "mine.pipeline_gaps.json"])
def test_an_export_takes_the_place_of_nothing(refuses: Run, made: Runs, folder: Path, beside: str) -> None:
    (folder / beside).write_text("somebody's own")
    assert f"{beside} exists" in refuses("models", "export", "v0002", "--out", folder / "mine.safetensors")
    assert [(path.name, path.read_text()) for path in folder.glob("mine*")] == [(beside, "somebody's own")]


def test_an_export_is_whole_or_absent(run: Run, made: Runs, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that has room for the note and not for the weights."""
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if len(content) > 10_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    out = folder / "mine.safetensors"
    result = run("models", "export", "v0002", "--out", out)
    assert (result.exit_code, result.stdout) == (1, "") and "Traceback" not in result.stderr
    assert f"No space left on device: '{out}'" in result.stderr
    assert not list(folder.glob("*mine*"))


@pytest.mark.parametrize("gate", [3, "passed", {}, {"passed": True}, {**PASSED, "before": 0.5}])
def test_a_version_whose_note_is_damaged_is_named(refuses: Run, run: Run, made: Runs, gate: object) -> None:
    note = made.latest().models / "v0002.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "gate": gate}))
    listed = run("models", "ls")
    assert listed.exit_code == 0 and "v0001" in listed.stdout and "v0003" in listed.stdout
    if gate:
        assert "v0002.json: damaged, gate is" in refuses("models", "show", "v0002")
        assert listed.stderr.endswith("delete it and v0002.safetensors; it is left out\n") and listed.stderr.count("\n") == 1
    else:
        assert listed.stderr == "" and run("models", "show", "v0002").exit_code == 0


WRONG = {
    "seconds": [[1.0], "long", {"states": "2"}],
    "provenance": ["made", {"time_utc": 3}, {"time_utc": "2026", "versions": "all"}],
    "parent_version": [1, ["v0001"]],
    "event": [7, {"id": "a"}],
    "method": [["stein"]],
    "gate": [{**PASSED, "after": {"failure_f1": "better"}}, {**PASSED, "passed": "yes"}, {**PASSED, "reason": 3}],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_every_part_of_a_version_s_note_that_is_used_is_checked(
    run: Run, refuses: Run, made: Runs, key: str, value: object
) -> None:
    note = made.latest().models / "v0002.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), key: value}))
    told = run("report", made.latest().folder)
    assert told.exit_code == 0 and "Left out: " in (made.latest().folder / "report.html").read_text()
    for line in (refuses("models", "show", "v0002"), run("models", "ls").stderr, told.stderr.splitlines()[0]):
        assert f"v0002.json: damaged, {key} is " in line and "delete it and v0002.safetensors" in line


@pytest.mark.parametrize("file", ["corrections.json", "models/v0002.pipeline_gaps.json", "models/v0002.json"])
def test_files_of_a_run_that_are_nested_without_end_are_named(refuses: Run, made: Runs, file: str) -> None:
    damaged = made.latest().folder / file
    damaged.write_text("[" * 100_000)
    words = {"corrections.json": ("corrections", "ls")}.get(file, ("models", "show", "v0002"))
    assert damaged.name in refuses(*words)


@pytest.mark.parametrize("content", ["[" * 100_000, "", "{}", "3"])
def test_a_damaged_run_is_named_and_the_others_are_listed(run: Run, refuses: Run, made: Runs, content: str) -> None:
    damaged = made.latest().folder / "run.json"
    damaged.write_text(content)
    for words in (("runs", "ls"), ("runs", "ls", "--json")):
        listed = run(*words)
        assert listed.exit_code == 0 and "sim/2026-01-01_000000" in listed.stdout and "demo/" not in listed.stdout
        assert len(listed.stderr.splitlines()) == 1
        assert str(damaged) in listed.stderr and f"or remove {damaged.parent}" in listed.stderr
    assert f"or remove {damaged.parent}" in refuses("runs", "show")
    (Path("runs") / "sim" / "2026-01-01_000000" / "run.json").write_text("{")
    none = run("runs", "ls", "--json")
    assert (none.exit_code, none.stdout, len(none.stderr.splitlines())) == (2, "", 3) and "none of the runs" in none.stderr


def test_a_damaged_run_hides_no_failures_of_others(run: Run, made: Runs, event: FailureEvent) -> None:
    (Path("runs") / "sim" / "2026-01-01_000000" / "run.json").write_text("{")
    assert event.id[:8] in run("failures", "ls").stdout


def test_a_run_whose_store_cannot_be_read_is_listed(run: Run, made: Runs) -> None:
    made.latest().store.write_text("no database " * 100)
    listed = run("runs", "ls", "--json")
    assert [row["failures"] for row in json.loads(listed.stdout)] == [0, None]
    assert str(made.latest().store) in listed.stderr and "unreadable" in run("runs", "show").stdout


def test_an_earlier_run_is_not_overwritten(refuses: Run, made: Runs) -> None:
    kept = sorted(os.listdir(made.latest().folder))
    assert "--force" in refuses("demo", "--out", made.latest().folder)
    assert sorted(os.listdir(made.latest().folder)) == kept


def test_a_stack_that_replaces_a_run_starts_with_nothing_of_it(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = ("failures.sqlite", "corrections.json", "world.json", "result.json", "report.html", "models/CURRENT", "log/sim.log")
    (folder / "mine" / "models").mkdir(parents=True)
    (folder / "mine" / "log").mkdir()
    for name in (*earlier, "notes.txt"):
        (folder / "mine" / name).touch()
    found: list[set[str]] = []
    monkeypatch.setattr(up, "run_stack", lambda launch: found.append({path.name for path in launch.state_dir.iterdir()}) or 0)
    assert run("up", "sim", "--out", "mine").exit_code == 2 and not found
    assert run("up", "sim", "--out", "mine", "--force").exit_code == 0
    assert {name for name in found[0] if not name.startswith(".")} == {"run.json", "notes.txt"}


def test_a_run_that_was_stopped_early_does_not_hide_the_one_before(run: Run, made: Runs, event: FailureEvent) -> None:
    stopped = Runs(Path("runs")).new("demo", datetime(2026, 1, 3))
    for words in (("failures", "ls", "--json"), ("models", "ls", "--json")):
        result = run(*words)
        assert result.exit_code == 0 and json.loads(result.stdout)
        assert f"note: {stopped.folder} has no" in result.stderr and "2026-01-02" in result.stderr


def test_only_folders_of_runs_are_removed_and_none_that_one_works_in(
    run: Run, refuses: Run, made: Runs, folder: Path, event: FailureEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    FailureStore(folder / "state" / "failures.sqlite").add(event)
    (folder / "state" / "notes.txt").write_text("mine")
    assert "not the folder of a run" in refuses("runs", "rm", "state", "--force")
    (folder / "failures.sqlite").write_bytes((folder / "state" / "failures.sqlite").read_bytes())
    Runs(Path("runs")).remove(made.named("demo"))
    for name in (".", "", "/", "./"):
        refuses("runs", "rm", name, "--force")
    inside = made.named("sim").folder.resolve() / "bags"
    inside.mkdir()
    monkeypatch.chdir(inside)
    assert "the folder you are in" in refuses("runs", "rm", inside.parent.resolve(), "--force")
    assert (folder / "state" / "notes.txt").exists() and inside.exists()


def test_the_list_of_runs_has_room_in_80_columns(run: Run, made: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    heads = next(line for line in run("runs", "ls").stdout.splitlines() if "started" in line)
    assert heads.split() == ["run", "started", "failures", "models", "size", "in", "use"]
