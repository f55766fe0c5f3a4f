"""Ctrl-C, kill -9 and a full disk: what is finished is kept, nothing is left half written, and the same command goes on."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fail2progress.evaluation import evaluate as trials
from fail2progress.evaluation import predictions
from fail2progress.evaluation.trials import TrialResult
from fail2progress.failures.event import FailureEvent
from fail2progress.models.store import Registry
from fail2progress.tasks.families.base import Family
from fail2progress.tasks.items import Item, read_items, write_items
from support import samples
from support.processes import command, running, wait_until

Run = Callable[..., Any]
KILLS = int(os.environ.get("FAIL2PROGRESS_KILLS", "1"))
"""How often each command is killed."""
RESULT = TrialResult(100_000, 3, True, "done", 5, 5, 0.9, "", (0, 0, 0, 5), float("nan"), 0.01, (10, 0, 0))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def items(tmp_path: Path) -> Path:
    """A file of 30 executions."""
    path = tmp_path / "items.jsonl"
    write_items([Item(f"cup-{number}", replace(samples.loaded_cup_job(), seed=number)) for number in range(30)], path)
    return path


@contextmanager
def full_disk(most: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: writing fails in the middle, as it does where the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def stopped_after(count: int, whole: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """The same generator, in which Ctrl-C comes after so many."""

    def cut(*arguments: Any, **named: Any) -> Iterator[Any]:
        for number, each in enumerate(whole(*arguments, **named)):
            if number == count:
                raise KeyboardInterrupt
            yield each

    return cut


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_evaluation_goes_on_with_the_trials_that_are_missing(run: Run, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []

    def carried_out(work: list[trials.TrialJob], executor: object) -> Iterator[TrialResult]:
        for job in work:
            done.append(job.seed)
            yield replace(RESULT, seed=job.seed)

    words = ("evaluate", "--trials", 5, "--model", checkpoint, "--json")
    monkeypatch.setattr(trials, "evaluate", stopped_after(2, carried_out))
    stopped = run(*words)
    assert stopped.exit_code == 130 and json.loads(stopped.stdout)["trials"] == 2
    assert "the same command goes on" in stopped.stderr
    monkeypatch.setattr(trials, "evaluate", carried_out)
    other = run(*words, "--seed", 2)
    assert other.exit_code == 0 and json.loads(other.stdout)["trials"] == 5
    done.clear()
    result = run(*words)
    assert result.exit_code == 0 and json.loads(result.stdout)["trials"] == 5
    assert done == [100_002, 100_003, 100_004]
    done.clear()
    assert run(*words).exit_code == 0 and len(done) == 5, "a finished evaluation is made again"


def test_benchmark_goes_on_with_the_items_that_are_missing(
    run: Run, items: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("benchmark", "run", items, "--model", checkpoint, "--processes", 1, "--json")
    with monkeypatch.context() as patched:
        patched.setattr(predictions, "run_items", stopped_after(27, predictions.run_items))
        assert run(*words).exit_code == 130
    with full_disk(1000):
        assert run(*words).exit_code == 1
    result = run(*words)
    assert result.exit_code == 0 and "30/30" in result.stderr
    assert [each["id"] for each in json.loads(result.stdout)["by_item"]] == [f"cup-{number}" for number in range(30)]
    assert list(Path("runs").iterdir()) == []


def test_a_family_is_the_same_where_its_making_was_stopped(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("families", "make", "row-pushed", "--count", 5, "--processes", 1, "--out")
    assert run(*words, "straight.jsonl").exit_code == 0
    with monkeypatch.context() as patched:
        patched.setattr(Family, "outcomes", stopped_after(3, Family.outcomes))
        assert run(*words, "stopped.jsonl").exit_code == 130
    assert not Path("stopped.jsonl").exists()
    assert run(*words, "stopped.jsonl").exit_code == 0
    assert Path("stopped.jsonl").read_bytes() == Path("straight.jsonl").read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "--executions", "6", "--processes", "1", "--out", "data"),
        ("demo", "--quick", "--robot", "hand", "--processes", "1"),
        ("failures", "export", "--store", "failures.sqlite", "--out", "failure.npz"),
        ("failures", "export", "--store", "failures.sqlite", "--out", "failure"),
        ("failures", "browse", "--store", "failures.sqlite"),
        ("tasks", "picture", "short", "--out", "short.png"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_on_a_full_disk_one_line_is_said_and_nothing_is_left_half_written(run: Run, store: Path, words: tuple[str, ...]) -> None:
    with full_disk(1000):
        result = run(*words)
    assert (result.exit_code, result.stdout) == (1, "") and "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("fail2progress: "), result.stderr
    left = {name: content for name, content in files(Path()).items() if "sqlite" not in name}
    assert max(map(len, left.values()), default=0) <= 1000
    assert not [name for name in left if name.endswith((".npz", ".npy", ".html", ".png", ".safetensors"))]


def test_what_is_there_can_be_read_on_a_full_disk(run: Run, store: Path, event: FailureEvent) -> None:
    with full_disk(0):
        listed = run("failures", "ls", "--store", store, "--json")
        shown = run("failures", "show", "--store", store)
    assert json.loads(listed.stdout)["failures"][0]["id"] == event.id
    assert event.id in shown.stdout


def test_training_on_a_full_disk_goes_on_when_there_is_room(run: Run, data: Path) -> None:
    words = ("train", "--data", data, "--plain", "--epochs", 1, "--batch", 8, "--processes", 1, "--out", "m.safetensors")
    with full_disk(100_000):
        result = run(*words)
    assert result.exit_code == 1 and "Traceback" not in result.stderr and not Path("m.safetensors").exists()
    assert run(*words).exit_code == 0 and Path("m.safetensors").is_file()
    assert sorted(files(Path())) == ["m.json", "m.report.json", "m.safetensors"]


def test_a_new_model_that_cannot_be_written_leaves_the_old_one_in_use(tmp_path: Path, checkpoint: Path) -> None:
    from fail2progress.models.checkpoint import load_checkpoint

    registry = Registry(tmp_path / "models")
    registry.begin(load_checkpoint(checkpoint))
    with full_disk(100_000), pytest.raises(OSError, match="too large"):
        registry.register(load_checkpoint(checkpoint).model, {})
    assert registry.versions() == ["v0001"] and registry.current().path.stem == "v0001"


def killed(words: tuple[object, ...], begun: Callable[[], bool]) -> None:
    """Start a command, and kill it with -9 when something of its work is there. Its workers end by themselves."""
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        command(*map(str, words)), env=paths, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_until(lambda: begun() or process.poll() is not None)
    process.kill()
    process.wait()
    wait_until(lambda: not running(process.pid))


def test_benchmark_killed(run: Run, items: Path, checkpoint: Path) -> None:
    words = ("benchmark", "run", items, "--model", checkpoint, "--processes", 2, "--json")
    for number in range(KILLS):
        killed(words, lambda most=3 + number: _lines(Path("runs")) > most)
    kept = _lines(Path("runs"))
    result = run(*words)
    assert result.exit_code == 0 and kept > 3
    assert [each["id"] for each in json.loads(result.stdout)["by_item"]] == [item.id for item in read_items(items)]


def test_demo_killed(run: Run) -> None:
    """What it met is there, and the next demo has a folder of its own."""
    killed(("demo", "--quick", "--robot", "hand", "--processes", 2), lambda: bool(_diary("failure")))
    (first,) = _diary("failure")
    listed = json.loads(run("failures", "ls", "--json").stdout)["failures"]
    assert [each["id"] for each in listed] == [first["payload"]["id"]]
    assert [each["version"] for each in json.loads(run("models", "ls", "--json").stdout)] == ["v0001"]
    (kept,) = json.loads(run("runs", "ls", "--json").stdout)
    assert not kept["in_use"]
    again = run("demo", "--out", f"runs/{kept['run']}")
    assert again.exit_code == 2 and "holds an earlier run" in again.stderr


def _diary(event: str) -> list[dict[str, Any]]:
    """Events of a kind in the last demo."""
    found = list(Path("runs/demo").glob("2*/events.jsonl")) if Path("runs/demo").is_dir() else []
    lines = [line for path in found for line in path.read_text().splitlines() if line.endswith("}")]
    return [each for each in map(json.loads, lines) if each["event"] == event]


def _lines(folder: Path) -> int:
    """Rows that are kept in a folder."""
    return sum(path.read_text().count("\n") for path in folder.glob(".benchmark.*")) if folder.is_dir() else 0
