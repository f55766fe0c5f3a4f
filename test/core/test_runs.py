import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fail2progress.core.files import NoLocksError
from fail2progress.core.holds import RunError
from fail2progress.core.runs import Runs, held_run, read_run, working_in
from fail2progress.core.starts import Start

NOW = datetime(2026, 11, 25, 22, 34, 52)


def kept(moment: datetime) -> str:
    """As a run keeps a local time: with its offset from UTC."""
    return moment.astimezone().isoformat()


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
    assert (run.started, run.provenance) == (kept(NOW), {"commit": "first"})
    assert run.later == (Start(kept(later), {"commit": "second"}), Start(kept(later), {"commit": "third"}))
    assert runs.all() == [other, run] and runs.named("sim") == run, "the last of its kind is the one that was started last"
    anew = runs.adopt(run.folder, "sim", later, anew=True)
    assert (anew.started, anew.provenance, anew.later) == (kept(later), {"commit": "third"}, ())
    assert read_run(run.folder).later == ()


@pytest.mark.parametrize("left", ["run.json", "failures.sqlite"])
def test_how_a_run_began_is_unknown_where_that_was_lost(runs: Runs, tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_text("{")
    runs.adopt(tmp_path, "sim", NOW)
    run = read_run(tmp_path)
    assert (run.kind, run.started, run.provenance, run.last_start.started) == ("sim", "", {}, kept(NOW))


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


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets this process's clock to another zone."""

    def set_to(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_to
    monkeypatch.undo()
    time.tzset()


def test_the_last_run_is_the_last_wherever_its_clock_stood(runs: Runs, zone: Callable[[str], None]) -> None:
    """A laptop that was in Japan, and a robot whose clock shows UTC."""
    zone("Asia/Tokyo")
    first = runs.new("sim", datetime(2026, 11, 25, 22, 0, 0))
    zone("UTC")
    second = runs.new("sim", datetime(2026, 11, 25, 14, 0, 0))
    assert first.started == "2026-11-25T22:00:00+09:00" and runs.all() == [first, second]
    assert runs.named("sim") == runs.latest() == second
    (runs.root / "sim" / "latest").unlink()
    assert runs.named("sim") == second


def test_runs_that_were_begun_before_the_offset_was_kept_are_ordered_by_their_provenance(runs: Runs) -> None:
    made = [("a", "2026-11-25T22:00:00", "2026-11-25T13:00:00+00:00"), ("b", "2026-11-25T14:00:00", "2026-11-25T14:00:00+00:00")]
    for name, started, utc in made:
        (runs.root / "sim" / name).mkdir(parents=True)
        about = {"kind": "sim", "started": started, "provenance": {"time_utc": utc}}
        (runs.root / "sim" / name / "run.json").write_text(json.dumps(about))
    assert [run.folder.name for run in runs.all()] == ["a", "b"]
    for nothing in ("", "yesterday", "0001-01-01T00:00:00"):
        assert Start(nothing, {}).moment < Start("2026-11-25T22:00:00", {}).moment


def test_a_kinds_name_follows_its_link_where_that_is_whole(runs: Runs) -> None:
    early, late = runs.new("sim", NOW), runs.new("sim", NOW + timedelta(hours=1))
    link = runs.root / "sim" / "latest"
    link.unlink()
    link.symlink_to(early.folder.name)
    assert runs.named("sim") == early
    (early.folder / "run.json").write_text('{"kind": "demo", "started": ""}')
    assert runs.named("sim") == late
    link.unlink()
    link.symlink_to("gone")
    assert runs.named("sim") == late


def test_a_run_goes_on_where_the_pointer_to_the_latest_cannot_be_written(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    (runs.root / "latest" / "something").mkdir(parents=True)
    run = runs.new("sim", NOW)
    said = capsys.readouterr().err
    assert said.startswith(f"note: {runs.root / 'latest'}: cannot be written (Is a directory)") and str(run.folder) in said
    assert runs.latest() == runs.named("sim") == run and (runs.root / "sim" / "latest").resolve() == run.folder.resolve()


def test_without_file_locks_runs_can_be_read_and_work_says_what_to_do(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.new("sim", NOW)
    with working_in(run):
        pass
    monkeypatch.setattr(fcntl, "flock", without_locks)
    assert run.in_use is None and runs.all() == [run]
    with pytest.raises(NoLocksError, match=r"\.lock: files cannot be locked there \(No locks available\): choose a folder on"):
        working_in(run).__enter__()


def without_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def test_a_kinds_link_follows_a_run_whose_path_is_spelt_otherwise(runs: Runs) -> None:
    runs.new("sim", NOW)
    mine = runs.adopt((runs.root / "sim" / "mine").absolute(), "sim", NOW + timedelta(hours=1))
    assert runs.named("sim").folder.resolve() == mine.folder.resolve() == runs.latest().folder.resolve()
