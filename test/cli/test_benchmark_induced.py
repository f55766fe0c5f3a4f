"""The commands of induced benchmarks, one after the other as a user gives them, and what they refuse."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from fail2progress.benchmarks.events import EventName, RunLog
from fail2progress.benchmarks.harness import Harness
from fail2progress.core.holds import held

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "reports" / "induced" / "example"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmark")


@pytest.fixture(scope="module")
def built(work: Path, request: pytest.FixtureRequest) -> Path:
    from typer.testing import CliRunner

    from fail2progress.cli.main import app

    words = ["benchmark", "build", "--n", "24", "--seed", "5", "--structure", "plain:2", "--structure", "loaded"]
    done = CliRunner().invoke(app, [*words, "--out", str(work / "s.jsonl"), "--store", str(work / "store"), "--processes", "1"])
    assert done.exit_code == 0, done.output
    return work / "s.jsonl"


def test_build_static_induce_compare_replay_page(run: Any, refuses: Any, work: Path, built: Path) -> None:
    store = ("--store", work / "store", "--processes", 1)
    measured = run("benchmark", "static", built, "--out", work / "static", "--n-boot", 20, "--json", *store)
    assert measured.exit_code == 0, measured.stderr
    found = json.loads(measured.stdout)["slices"]["static"]
    assert found["n"] == 24 and found["S"]["n_boot"] == 20
    made = run("benchmark", "induce", built, "--budget", 6, "--k", 2, "--out", work / "i.jsonl", "--json", *store)
    assert made.exit_code == 0, made.stderr
    assert json.loads(made.stdout)["items"] == 6 and (work / "i.structures.json").exists()
    how = json.loads((work / "i.report.json").read_text())["provenance"]
    assert {how["configuration"][key] for key in ("seed", "k", "budget", "clusterer")} == {0, 2, 6, "kmeans"} and how["commit"]
    assert [len(digest) for digest in how["configuration"]["dataset_hashes"].values()] == [64, 64]
    assert {each["role"] for each in how["configuration"]["models"].values()} == {"scout", "evaluee"}
    words = ("--out", work / "compare", "--n-boot", 20, *store)
    compared = run("benchmark", "compare", built, work / "i.jsonl", *words)
    assert compared.exit_code == 0 and "H1: not supported (exploratory); the models' order is not known" in compared.stderr
    assert run("benchmark", "replay", work / "compare").exit_code == 0
    assert run("benchmark", "page", work / "compare").exit_code == 0
    assert (work / "compare" / "report.html").read_text().count("data:image/png") == 3
    assert "holds a run" in refuses("benchmark", "compare", built, work / "i.jsonl", *words)


def test_mistakes(refuses: Any, work: Path, built: Path, tmp_path: Path) -> None:
    store = ("--store", work / "store", "--processes", 1)
    out = ("--out", tmp_path / "a.jsonl")
    assert "ends in .jsonl" in refuses("benchmark", "build", "--out", tmp_path / "a.json")
    assert "unknown structure 'juggling'" in refuses("benchmark", "build", "--structure", "juggling", *out)
    assert "unknown benchmark generator 'luck'" in refuses("benchmark", "induce", built, "--generator", "luck", *out)
    words = ("benchmark", "harness", "--slice", f"static={built}", *store)
    assert "--budget 20 is above the 12 items" in refuses(*words, "--induce", "cluster", "--budget", 20, "--out", tmp_path / "b")
    assert "NAME=PATH" in refuses("benchmark", "harness", "--slice", "static")
    assert "benchmark levels --out" in refuses(*words, "--levels", tmp_path)
    assert "cannot be read" in refuses(*words, "--prereg", tmp_path / "prereg.json")
    assert "--resume needs --out" in refuses(*words, "--resume")
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text(built.read_text()[:-300])
    assert "damaged.jsonl, line 24: not JSON" in refuses("benchmark", "static", damaged, *store)
    assert "name the folder of a benchmark run" in refuses("benchmark", "replay", tmp_path)
    assert "--update forget: unknown" in refuses("benchmark", "iterate", built, "--update", "forget")
    assert "give EXECUTIONS:EPOCHS" in refuses("benchmark", "levels", "--data", tmp_path, "--out", tmp_path, "--size", "many")


def test_slices_of_one_name_are_refused(refuses: Any, built: Path, tmp_path: Path) -> None:
    """In one line, so that nothing was carried out before."""
    new = ("--store", tmp_path / "store", "--processes", 1, "--out", tmp_path / "run", "--budget", 4)
    words = ("benchmark", "harness", "--slice", f"static={built}", *new)
    assert "the slice cluster comes twice" in refuses(*words, "--induce", "cluster", "--induce", "cluster")
    assert "the slice stein comes twice" in refuses(*words, "--slice", f"stein={built}", "--induce", "stein")
    for name in ("matched", "reference"):
        assert f"the slice {name}: a run makes one of that name" in refuses(*words, "--slice", f"{name}={built}")
    assert "unknown benchmark generator 'luck'" in refuses(*words, "--induce", "luck")
    assert "unknown benchmark generator 'luck'" in refuses("benchmark", "iterate", built, "--generator", "luck", *new)
    assert not list(tmp_path.iterdir())


def test_h1_is_about_what_is_no_control(run: Any, work: Path, built: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    for name in ("jsonl", "structures.json"):
        shutil.copy(built.with_suffix(f".{name}"), other.with_suffix(f".{name}"))
    words = ("--budget", 8, "--n-seeds", 1, "--n-boot", 20, "--store", work / "store", "--processes", 1)
    slices = ("--slice", f"other={other}", "--slice", f"static={built}")
    two = run("benchmark", "harness", *slices, *words, "--out", tmp_path / "two", "--json")
    assert two.exit_code == 0, two.stderr
    found = json.loads(two.stdout)
    assert found["rules"]["primary"] == "other" and list(found["hypotheses"]["H1"]["against"]) == ["static"]
    alone = run("benchmark", "harness", "--slice", f"static={built}", *words, "--out", tmp_path / "alone")
    assert alone.exit_code == 0 and all(f"{name}: not run" in alone.stderr for name in ("H1", "H2", "H3"))


@pytest.mark.parametrize("name", ["harness", "iterate"])
def test_what_is_said_at_ctrl_c_goes_on(
    run: Any, work: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    given = {"harness": ("--slice", f"static={built}", "--n-seeds", 2, "--n-boot", 20), "iterate": (built, "--rounds", 1)}[name]
    words = ("benchmark", name, *given, "--budget", 4, "--k", 2, "--store", work / "store", "--processes", 1)

    def stopped(log: RunLog, stage: str, event: EventName, payload: dict[str, Any]) -> None:
        if event == "eval_record":
            raise KeyboardInterrupt
        whole(log, stage, event, payload)

    whole = RunLog.write
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(RunLog, "write", stopped)
        result = run(*words)
    (folder,) = (tmp_path / "runs" / "benchmarks").iterdir()
    onwards = f"--out {folder.relative_to(tmp_path)} --resume"
    assert result.exit_code == 130 and result.stderr.endswith(f"kept, and the same command goes on with {onwards}\n")
    assert run(*words, *onwards.split()).exit_code == 0 and (folder / "report.json").exists()


@pytest.mark.parametrize("name", ["static", "compare"])
def test_a_folder_that_holds_a_run_is_gone_on_with_as_is_said(
    run: Any, refuses: Any, work: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pools = (built,) if name == "static" else (built, built)
    words = ("benchmark", name, *pools, "--out", tmp_path / "a run", "--n-boot", 20, "--store", work / "store", "--processes", 1)
    with monkeypatch.context() as patched:
        patched.setattr(Harness, "block", lambda *_: signal.raise_signal(signal.SIGINT))
        stopped = run(*words)
    assert stopped.exit_code == 130 and f"goes on with --out '{tmp_path / 'a run'}' --resume" in stopped.stderr
    assert "holds a run: choose another --out, or --resume to go on" in refuses(*words)
    assert run(*words, "--resume").exit_code == 0
    assert run("benchmark", "replay", tmp_path / "a run").exit_code == 0


def test_mistakes_are_found_before_any_item_is_carried_out(refuses: Any, built: Path, tmp_path: Path) -> None:
    """In one line, and with no folder of a run left behind."""
    store, missing = ("--store", tmp_path / "store", "--processes", 1), tmp_path / "missing"
    commands = {
        "static": (built,),
        "compare": (built, built),
        "harness": ("--slice", f"static={built}", "--budget", 4),
        "iterate": (built, "--budget", 4, "--rounds", 1),
    }
    for name, given in commands.items():
        words = ("benchmark", name, *given, *store)
        assert "/sys/x: cannot be written" in refuses(*words, "--out", "/sys/x")
        assert "levels.json: cannot be read" in refuses(*words, "--out", tmp_path / "run", "--levels", missing)
        with held(tmp_path):
            assert f"{tmp_path} is in use by another process" in refuses(*words, "--out", tmp_path)
        if name != "static":
            assert f"{missing}: cannot be read" in refuses(*words, "--out", tmp_path / "run", "--reference", missing)
    words = ("benchmark", "compare", built, missing, *store)
    assert f"{missing}: cannot be read" in refuses(*words, "--out", tmp_path / "run")
    words = ("benchmark", "iterate", built, *store, "--learner", missing)
    assert f"{missing}: no such file" in refuses(*words, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists() and not list((tmp_path / "store").rglob("*.npz"))


def test_the_worked_example_is_replayed_and_its_rules_are_those_it_was_run_by(run: Any, refuses: Any, tmp_path: Path) -> None:
    done = run("benchmark", "replay", EXAMPLE, "--prereg", EXAMPLE / "prereg.json", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found.pop("log")) == 64  # which reports of that time had not
    assert found == json.loads((EXAMPLE / "report.json").read_text())
    copy = Path(shutil.copytree(EXAMPLE, tmp_path / "copy"))
    (copy / "prereg.json").write_text((copy / "prereg.json").read_text().replace('"k": 4', '"k": 5'))
    assert "changed after the fact" in refuses("benchmark", "replay", copy, "--prereg", copy / "prereg.json")
    lines = (copy / "events.jsonl").read_text().splitlines(keepends=True)
    (copy / "events.jsonl").write_text("".join(lines[:-2]))
    assert "cut short" in refuses("benchmark", "replay", copy)


def test_the_text_benchmark_says_where_its_figures_come_from(run: Any, refuses: Any, tmp_path: Path) -> None:
    words = ("benchmark", "text", "--n", 30, "--n-seeds", 2, "--n-boot", 20)
    done = run(*words, "--out", tmp_path / "text.json", "--json")
    report = json.loads((tmp_path / "text.json").read_text())
    how = report.pop("provenance")["configuration"]
    assert report == json.loads(done.stdout) and set(report) == {"static", "carb"}
    assert (how["n"], how["seed"], how["models"]) == (30, 2026, ["discovery_skew", "heuristic_a", "heuristic_b"])
    assert ".json" in refuses(*words, "--out", tmp_path / "text.md")
