"""The commands of induced benchmarks, one after the other as a user gives them, and what they refuse."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

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
    assert [len(digest) for digest in how["configuration"]["dataset_hashes"].values()] == [64]
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


def test_the_worked_example_is_replayed_and_its_rules_are_those_it_was_run_by(run: Any, refuses: Any, tmp_path: Path) -> None:
    done = run("benchmark", "replay", EXAMPLE, "--prereg", EXAMPLE / "prereg.json", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((EXAMPLE / "report.json").read_text())
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
