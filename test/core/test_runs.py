import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fail2progress.core.runs import RunError, Runs, Start, held_run, read_run, working_in

NOW = datetime(2026, 11, 25, 22, 34, 52)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "runs")


def test_every_run_has_a_folder_of_its_own(runs: Runs) -> None:
    first, second = runs.new("sim", NOW), runs.new("sim", NOW)
    assert first.folder.name == "2026-11-25_223452" and second.folder != first.folder
    assert runs.all() == [first, second] and runs.latest() == second
    assert (runs.root / "sim" / "latest").resolve() == second.folder.resolve()


def test_a_run_is_found_by_path_kind_and_part_of_its_name(runs: Runs) -> None:
    sim, demo = runs.new("sim", NOW), runs.new("demo", NOW + timedelta(hours=1))
    assert runs.named(None) == demo
    assert runs.named("sim") == runs.named("sim/2026-11-25_223452") == runs.named(str(sim.folder)) == sim
    assert runs.named("2334") == demo
    with pytest.raises(RunError, match=r"2 runs named '2026'.*sim/2026-11-25_223452, demo/2026-11-25_233452"):
        runs.named("2026")
    with pytest.raises(RunError, match=r"no run named 'replay'"):
        runs.named("replay")


def test_where_nothing_ran_it_says_what_to_do(runs: Runs) -> None:
    with pytest.raises(RunError, match="fail2progress demo"):
        runs.latest()


def test_a_folder_elsewhere_can_be_the_latest_run(runs: Runs, tmp_path: Path) -> None:
    run = runs.adopt(tmp_path / "mine", "sim", NOW)
    assert runs.latest().folder == run.folder.resolve() and runs.all() == []


def test_a_run_that_is_gone_on_with_keeps_its_beginning(runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, later = runs.new("sim", NOW + timedelta(hours=1)), NOW + timedelta(days=1)
    for commit, now in (("first", NOW), ("second", later), ("third", later)):
        monkeypatch.setattr("fail2progress.core.runs.provenance", lambda commit=commit: {"commit": commit})
        assert runs.adopt(runs.root / "sim" / "mine", "sim", now) == runs.latest()
    run = read_run(runs.root / "sim" / "mine")
    assert (run.started, run.provenance) == (NOW.isoformat(), {"commit": "first"})
    assert run.later == (Start(later.isoformat(), {"commit": "second"}), Start(later.isoformat(), {"commit": "third"}))
    assert runs.all() == [other, run] and runs.named("sim") == run, "the last of its kind is the one that was started last"
    anew = runs.adopt(run.folder, "sim", later, anew=True)
    assert (anew.started, anew.provenance, anew.later) == (later.isoformat(), {"commit": "third"}, ())
    assert read_run(run.folder).later == ()


@pytest.mark.parametrize("left", ["run.json", "failures.sqlite"])
def test_how_a_run_began_is_unknown_where_that_was_lost(runs: Runs, tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_text("{")
    runs.adopt(tmp_path, "sim", NOW)
    run = read_run(tmp_path)
    assert (run.kind, run.started, run.provenance, run.last_start) == ("sim", "", {}, NOW.isoformat())


HOLD = """
import sys
from pathlib import Path
from fail2progress.core.runs import read_run, working_in
with working_in(read_run(Path(sys.argv[1]))):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_folder_in_use_is_refused_until_its_process_ends(runs: Runs) -> None:
    run = runs.new("sim", NOW)
    words = [sys.executable, "-c", HOLD, str(run.folder)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    assert run.in_use
    for attempt in (lambda: working_in(run).__enter__(), lambda: runs.remove(run)):
        with pytest.raises(RunError, match="in use"):
            attempt()
    process.kill()
    process.communicate()
    assert not run.in_use
    runs.remove(run)
    assert runs.all() == [] and not (runs.root / "sim" / "latest").is_symlink()


def test_whether_a_run_is_in_use_is_asked_where_nothing_can_be_written(runs: Runs) -> None:
    run = runs.new("sim", NOW)
    assert not run.in_use and sorted(path.name for path in run.folder.iterdir()) == ["run.json"]


def test_a_damaged_description_is_named(runs: Runs) -> None:
    run = runs.new("sim", NOW)
    (run.folder / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json.* write {\"kind\": \"sim\", .* into it, or remove .*sim"):
        runs.all()
    whole = runs.new("demo", NOW)
    found, damaged = runs.listed()
    assert found == [whole] and [str(error).partition(": ")[0] for error in damaged] == [str(run.folder / "run.json")]


def test_a_damaged_run_is_in_no_other_s_way(runs: Runs) -> None:
    first, last = (runs.new("sim", NOW + timedelta(days=days)) for days in (0, 2))
    damaged, demo = runs.new("sim", NOW + timedelta(days=1)), runs.new("demo", NOW)
    (damaged.folder / "run.json").write_text("{")
    assert (runs.named("sim"), runs.named("11-27"), runs.named("sim/2026-11-25"), runs.named("demo")) == (last, last, first, demo)
    for name in ("11-26", "sim/2026-11-26_223452", str(damaged.folder)):
        with pytest.raises(RunError, match=rf"{damaged.folder / 'run.json'}: not the description of a run"):
            runs.named(name)
    with pytest.raises(RunError, match=r"3 runs named 'sim/2026'.*sim/2026-11-25_.*sim/2026-11-26_.*sim/2026-11-27_"):
        runs.named("sim/2026")
    with pytest.raises(RunError, match=r"no run named 'replay'"):
        runs.named("replay")
    runs.remove(last)
    with pytest.raises(RunError, match=rf"{damaged.folder / 'run.json'}: not the description of a run"):
        runs.named("sim")


def test_a_damaged_run_does_not_hide_a_later_one_where_the_pointer_is_lost(runs: Runs) -> None:
    damaged, last = runs.new("sim", NOW), runs.new("demo", NOW + timedelta(days=1))
    (damaged.folder / "run.json").write_text("{")
    (runs.root / "latest").unlink()
    assert runs.latest() == runs.named(None) == last
    runs.remove(last)
    with pytest.raises(RunError, match="not the description of a run"):
        runs.latest()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 5000, b"\0" * 20, b"../../etc", b""])
def test_a_damaged_pointer_leads_to_the_last_run(runs: Runs, content: bytes) -> None:
    run = runs.new("sim", NOW)
    (runs.root / "latest").write_bytes(content)
    assert runs.latest() == run


def test_a_run_knows_its_size(runs: Runs) -> None:
    run = runs.new("sim", NOW)
    before = run.size
    run.models.mkdir()
    (run.models / "v0001.safetensors").write_bytes(bytes(1000))
    assert run.size == before + 1000


def test_a_stack_begins_a_run_or_goes_on_with_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for named, later in (("", 0), ("mine", 0), ("mine", 1)):
        with held_run(named, "robot", NOW) as folder:
            assert Runs().latest().folder == (folder.resolve() if named else folder) and len(read_run(folder).later) == later
            with pytest.raises(RunError, match="in use"), held_run(str(folder), "robot", NOW):
                pass
    assert len(read_run(folder).later) == 1, "who is refused has not gone on with it"


def test_a_stack_starts_where_no_run_can_be_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").touch()
    with held_run("mine", "robot", NOW) as folder:
        assert folder == Path("mine") and folder.is_dir()
