import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fail2progress.failures.store import FailureStore
from fail2progress.tasks.items import Item, write_items
from support import samples

KEYS = ["items", "stable", "f1", "along_mm", "moved_mm", "still_p90_mm", "correct", "model", "seconds", "by_item"]


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("items") / "items.jsonl"
    write_items([Item("one", samples.loaded_cup_job()), Item("two", samples.loaded_cup_job())], path)
    return path


def test_the_shipped_model_is_wrong_about_loaded_cups(run: Any, items: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    result = run("benchmark", "run", items, "--processes", 1, "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert list(said) == KEYS
    assert (said["items"], said["stable"], said["correct"]) == (2, 2, 0.0)
    assert said["along_mm"] > 300 and said["moved_mm"] < 40 and 0 < said["f1"] < 1
    assert [each["id"] for each in said["by_item"]] == ["one", "two"]
    assert "provenance" in json.loads(out.read_text())


def test_what_is_not_at_rest_is_not_measured(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = samples.loaded_cup_job()
    lifted = job.scene.poses.copy()
    lifted[-1, 2] += 1.0
    falls = Item("falls", replace(job, scene=job.scene.with_poses(lifted)))
    write_items([falls], Path("none.jsonl"))
    write_items([falls, Item("one", job)], Path("some.jsonl"))
    none = run("benchmark", "run", "none.jsonl", "--processes", 1, "--out", "report.json", "--json")
    assert (none.exit_code, none.stdout, Path("report.json").exists()) == (1, "", False)
    assert "1 of 1 items is not at rest before the skill (falls); nothing to measure" in none.stderr
    some = run("benchmark", "run", "some.jsonl", "--processes", 1, "--json")
    assert some.exit_code == 0 and json.loads(some.stdout)["stable"] == 1
    assert "note: 1 of 2 items is not at rest before the skill (falls)" in some.stderr


def test_mistakes(refuses: Any, items: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text(items.read_text().splitlines()[0] + "\n{}\n")
    assert f"{bad}, line 2: id: Field required" in refuses("benchmark", "run", bad)
    assert "No such file" in refuses("benchmark", "run", tmp_path / "none.jsonl")
    assert "ends in .safetensors" in refuses("benchmark", "run", items, "--model", bad)
    assert f"{bad}, line 2" in refuses("learn", "--item", bad, "--line", 2)
    assert "no item in line 7" in refuses("learn", "--item", items, "--line", 7)
    monkeypatch.chdir(tmp_path)
    assert "fail2progress demo" in refuses("learn")
    assert "either a stored failure or an --item file" in refuses("learn", "3f2a", "--item", items)
    assert "--line is a line of" in refuses("learn", "3f2a", "--line", 1)


def test_an_item_is_learnt_from_like_a_stored_failure(run: Any, items: Path, rehearsal: Path, tmp_path: Path) -> None:
    store = tmp_path / "failures.sqlite"
    result = run(
        *("learn", "--item", items, "--line", 2, "--store", store, "--rehearsal", rehearsal, "--registry", tmp_path / "models"),
        *("--samples", 4, "--epochs", 2, "--replay", 4, "--patience", 0, "--processes", 1, "--method", "prior"),
    )
    (header,) = FailureStore(store).headers()
    lesson = FailureStore(store).lesson(header.id)
    assert lesson is not None and result.exit_code == (0 if lesson[0] else 1), result.output
    assert header.task == "item" and "two is failure " + header.id[:8] in result.stderr
