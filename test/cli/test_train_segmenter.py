"""`fail2progress train-segmenter` from nothing to weights that segment."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fail2progress.learning.segmentation import quality, scenes
from fail2progress.learning.segmentation.paints import ROOMS
from fail2progress.learning.segmentation.roughness import ROUGH
from fail2progress.perception.segmentation.learned.model import load_model
from fail2progress.perception.segmentation.registry import segmenter

Run = Callable[..., Any]


def test_scenes_are_rendered_and_weights_written_with_a_report(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "SHARD", 2)
    out = tmp_path / "segmenter.safetensors"
    sizes = ("--data", tmp_path / "scenes", "--scenes", 2, "--steps", 2, "--batch", 1, "--held-out", 2, "--channels", "8,16,16")
    result = run("train-segmenter", "--out", out, *sizes, "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["run"]["rough"] == ROUGH and report["run"]["rooms"] == ROOMS
    assert report == json.loads(out.with_suffix(".report.json").read_text())
    assert report["digest"] == load_model(out).digest and report["held_out"]["scenes"] == 2
    assert set(report["held_out"]["recall"]) == {"background", "support", "thing"} and not out.with_suffix(".resume").exists()
    choice = tmp_path / "mine.json"
    choice.write_text(json.dumps({"segmenter": "learned", "weights": str(out)}))
    assert segmenter(str(choice)).name == "learned"


def test_a_run_that_was_ended_while_its_report_was_made_goes_on_with_that(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes, "SHARD", 2)
    out = tmp_path / "segmenter.safetensors"
    sizes = ("--data", tmp_path / "scenes", "--scenes", 2, "--steps", 2, "--batch", 1, "--held-out", 1, "--channels", "8,16,16")
    whole = quality.quality

    def ended(*_: object) -> dict[str, object]:
        raise KeyboardInterrupt

    monkeypatch.setattr(quality, "quality", ended)
    assert run("train-segmenter", "--out", out, *sizes).exit_code != 0 and out.with_suffix(".resume").exists()
    weights = out.read_bytes()
    monkeypatch.setattr(quality, "quality", whole)
    result = run("train-segmenter", "--out", out, *sizes, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["run"]["steps_done"] == 2 and out.read_bytes() == weights


def test_a_wrong_name_of_weights_is_told(run: Run, tmp_path: Path) -> None:
    result = run("train-segmenter", "--out", tmp_path / "weights.bin")
    assert result.exit_code == 2 and "ends in .safetensors" in result.stderr
    result = run("train-segmenter", "--out", tmp_path / "weights.safetensors", "--channels", "8,many")
    assert result.exit_code == 2 and "8,many" in result.stderr
    result = run("train-segmenter", "--out", tmp_path / "weights.safetensors", "--device", "tpu")
    assert result.exit_code == 2 and "tpu" in result.stderr


def test_compiling_without_a_compiler_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run("train-segmenter", "--out", tmp_path / "weights.safetensors", "--compile")
    assert result.exit_code == 2 and "no C++ compiler" in result.stderr
