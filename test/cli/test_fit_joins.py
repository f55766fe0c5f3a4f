"""`fail2progress fit-joins` writes odds beside weights, by which the segmenter `fused` then goes."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fail2progress.learning.segmentation import scenes
from fail2progress.learning.segmentation.rendering import view
from fail2progress.perception.segmentation.fused.odds import beside, join_rules, read_joins
from fail2progress.perception.segmentation.learned.model import load_model, packaged

Run = Callable[..., Any]


def test_odds_are_written_beside_the_weights(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "view", partial(view, width=320))
    weights = tmp_path / "segmenter.safetensors"
    for suffix in (".safetensors", ".json"):
        shutil.copy(packaged().with_suffix(suffix), weights.with_suffix(suffix))
    result = run("fit-joins", "--weights", weights, "--scenes", 10, "--seed", 5, "--rooms", 0, "--json")
    assert result.exit_code == 0, result.stderr
    joins = read_joins(beside(weights))
    assert json.loads(result.stdout) == json.loads(joins.model_dump_json())
    assert joins.digest == load_model(weights).digest and join_rules(weights).bias == joins.odds.bias
    report = joins.report
    assert report["pairs"] > report["of_one_thing"] > 0 and report["scenes"] == 10  # type: ignore[operator]
    assert report["rooms"] == 0


def test_too_few_scenes_are_told(run: Run, tmp_path: Path) -> None:
    result = run("fit-joins", "--out", tmp_path / "odds.json", "--scenes", 1)
    assert result.exit_code == 2 and "--scenes" in result.stderr
    assert not (tmp_path / "odds.json").exists()
