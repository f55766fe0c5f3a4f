"""The first hour of somebody who has never seen this: forty commands in an empty folder, one after the other.

What follows a run finds its failures and models without an option, and nothing that a command made is lost by a later one.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

BEFORE = (
    ("--version", 0, "."),
    ("--help", 0, "learns from its failures"),
    ("doctor", 0, "mujoco"),
    ("runs ls", 0, "fail2progress demo"),
    ("failures ls", 2, "fail2progress demo"),
    ("models ls", 2, "fail2progress demo"),
    ("gaps ls", 2, "fail2progress demo"),
    ("report", 2, "fail2progress demo"),
    ("learn", 2, "fail2progress demo"),
    ("tasks ls", 0, "hierarchical-tabletop"),
    ("tasks show short", 0, "capsule_1"),
    ("tasks picture short --out task.png", 0, "picture: task.png"),
    ("models kinds", 0, "points2plans"),
    ("simulators ls", 0, "mujoco"),
    ("families ls", 0, "row-pushed"),
)
"""Command, exit code, what it says."""

AFTER = (
    ("runs ls", 0, "demo/"),
    ("runs show", 0, "failures"),
    ("runs show demo", 0, "models"),
    ("failures ls", 0, "carried cup_"),
    ("failures show", 0, "The goal asks for"),
    ("failures export --out failure", 0, "wrote failure"),
    ("failures export --out failure.npz", 0, "wrote failure.npz"),
    ("failures browse", 0, "wrote failures.html"),
    ("gaps ls", 0, "noted"),
    ("assets check", 0, "reachability_fail"),
    ("report", 0, "report.html"),
    ("models ls", 0, "v0002"),
    ("models show v0002", 0, "acceptance test"),
    ("models compare v0001 v0002", 0, "prediction_f1"),
    ("models rollback", 0, "v0001 is the current model"),
    ("models use v0002", 0, "v0002 is the current model"),
    ("models export v0002 --out better.safetensors", 0, "wrote better.safetensors"),
    ("families make loaded-carried --count 2 --out cups.jsonl --processes 1", 0, "2 items"),
    ("benchmark run cups.jsonl --model better.safetensors --processes 1 --out cups.json", 0, "along_mm"),
    ("learn --item cups.jsonl --line 9", 2, "no item in line 9"),
    ("generate --executions 12 --out data --processes 1", 0, "manifest.json"),
    ("generate --executions 12 --out data --processes 1", 0, "12/12"),
    ("train --data data --out mine.safetensors --epochs 1 --batch 8 --processes 1", 0, "held-out F1"),
    ("train --data data --out mine.safetensors --epochs 1 --batch 8 --processes 1", 0, "was trained before"),
    ("failures lst", 2, "No such command 'lst'"),
)


@pytest.fixture
def hour(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, str], None]:
    """Runs a command in the empty folder, and checks its exit code and what it says."""
    monkeypatch.chdir(tmp_path)

    def check(command: str, code: int, said: str) -> None:
        result = run(*command.split())
        assert result.exit_code == code, f"{command}: {result.output}"
        assert said in " ".join(result.output.split()), f"{command}: {result.output}"
        assert code != 2 or result.stdout == ""

    return check


def content(folder: Path) -> dict[str, bytes]:
    """What a run made, but for the pointer to the model in use and the store, which grow."""
    kept = (path for path in folder.rglob("*") if path.is_file() and path.name != "CURRENT" and "sqlite" not in path.name)
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept if path.name != ".lock"}


def test_the_first_hour(run: Run, hour: Callable[[str, int, str], None], tmp_path: Path) -> None:
    for command in BEFORE:
        hour(*command)
    told = run("demo", "--quick", "--robot", "hand", "--processes", 1, "--json")
    summary = json.loads(told.stdout)
    assert summary["gate"]["passed"], told.stderr
    folder = Path(summary["report"]).parent
    made = content(folder)
    assert {"report.html", "events.jsonl", "loop.png", "models/v0002.safetensors"} <= set(made)
    hour(f"demo --quick --out {folder}", 2, "holds an earlier run")
    for command in AFTER:
        hour(*command)
    learnt = run("learn", "--method", "prior", "--samples", 3, "--epochs", 10, "--patience", 0, "--processes", 1, "--json")
    assert learnt.exit_code in (0, 1) and json.loads(learnt.stdout)["method"] == "prior"
    after = content(folder)
    assert {name: after[name] for name in made} == made, "a later command changed what the demo made"
    (listed,) = json.loads(run("runs", "ls", "--json").stdout)
    assert listed["failures"] >= 1 and not listed["in_use"]
    hour("runs rm demo --force", 0, "removed")
    hour("runs ls", 0, "fail2progress demo")
    assert (tmp_path / "better.safetensors").is_file()
