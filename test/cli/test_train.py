import json
import runpy
from pathlib import Path

import pytest
import torch

from fail2progress.cli import training
from fail2progress.core.files import guarded
from fail2progress.learning.finetuning.rehearsal import choose, load_rehearsal
from fail2progress.learning.pretraining.pretrain import prepared
from fail2progress.learning.pretraining.shards import open_dataset
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.registry import MODELS


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path).model.state_dict()


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[key]) for key, value in one.items())


def test_interrupted_training_goes_on_and_ends_in_the_same_weights(
    run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--data", data, "--plain", "--epochs", 3, "--batch", 8, "--processes", 1)
    assert run("train", *options, "--out", tmp_path / "straight.safetensors").exit_code == 0

    whole = training.pretrain

    def interrupted(*arguments, **named):  # in the middle of the second epoch
        for count, step in enumerate(whole(*arguments, **named), 1):
            yield step
            if count == 4:
                raise KeyboardInterrupt

    out = tmp_path / "resumed.safetensors"
    monkeypatch.setattr(training, "pretrain", interrupted)
    stopped = run("train", *options, "--out", out)
    assert stopped.exit_code == 130 and not out.exists()
    assert stopped.stderr.splitlines()[-1] == "fail2progress: stopped after 1 of 3 epochs; the same command goes on from there"
    monkeypatch.setattr(training, "pretrain", whole)
    other = run("train", *options[:-5], 4, *options[-4:], "--out", out)
    assert other.exit_code == 2 and "was begun with other epochs" in other.stderr
    result = run("train", *options, "--out", out, "--json")
    assert result.exit_code == 0 and equal(weights(out), weights(tmp_path / "straight.safetensors"))
    report = json.loads(result.stdout)
    assert report == json.loads(out.with_suffix(".report.json").read_text())
    assert report["digest"] == load_checkpoint(out).digest and report["executions"] == 2
    assert {"detection_f1", "prediction_f1", "moved_error_m", "provenance"} <= set(report)
    assert sorted(path.name for path in tmp_path.glob("resumed*")) == [
        "resumed.json", "resumed.report.json", "resumed.safetensors",
    ]  # fmt: skip

    again = run("train", *options, "--out", out)
    assert again.exit_code == 0 and "trained before" in again.stderr
    assert "holds other weights" in run("train", *options, "--seed", 1, "--out", out).stderr
    out.with_suffix(".report.json").write_text("{")
    assert "holds other weights" in run("train", *options, "--out", out).stderr


def test_the_second_phase_leaves_the_encoder_as_it_is(run, data: Path, checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "second.safetensors"
    options = ("--data", data, "--out", out, "--epochs", 1, "--batch", 8, "--processes", 1)
    kept = tmp_path / "rehearsal.safetensors"
    result = run("train", *options, "--encoder", checkpoint, "--seed", 7, "--rehearsal", kept)
    assert result.exit_code == 0, result.output
    before, after = weights(checkpoint), weights(out)
    encoder = {key for key in before if key.startswith("encoder.")}
    assert encoder and equal({key: after[key] for key in encoder}, before)
    assert not torch.equal(after["position.0.weight"], before["position.0.weight"])
    drawn, written = choose(prepared(open_dataset(data), data / "transitions.safetensors"), seed=7), load_rehearsal(kept)
    for one, other in ((drawn.replay, written.replay), (drawn.held_out, written.held_out)):
        assert len(one) and torch.equal(one.parameters, other.parameters)
        assert list(other.codes) == [load_checkpoint(out).model.encoder_digest()]


def test_a_model_that_cannot_learn_is_told_in_one_line_and_nothing_is_left(refuses, data: Path, tmp_path: Path) -> None:
    own = runpy.run_path(str(Path(__file__).resolve().parents[2] / "examples" / "own_model.py"))["BoxesMove"]
    MODELS.register("boxes-move", own)
    options = ("--data", data, "--model", "boxes-move", "--epochs", 1, "--batch", 8, "--processes", 1)
    try:
        said = refuses("train", *options, "--out", tmp_path / "bm.safetensors")
    finally:
        MODELS.unregister("boxes-move")
    assert "boxes-move has nothing to train: its pretrained_parameters() gives no weights" in said
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []


def test_two_at_once_on_one_output_are_refused(refuses, run, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.safetensors"
    options = ("train", "--data", data, "--out", out, "--epochs", 1, "--batch", 8, "--processes", 1)
    with guarded(out):
        assert f"{out} is in use by another command: wait for its end" in refuses(*options)
        assert "is in use by another command" in refuses("train-segmenter", "--out", out)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
    assert run(*options).exit_code == 0 and out.exists()


def test_two_processes_share_the_work(run, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "shared.safetensors"
    result = run("train", "--data", data, "--out", out, "--epochs", 1, "--batch", 8, "--processes", 2)
    assert result.exit_code == 0, result.output
    assert load_checkpoint(out).note["model"] == "points2plans"


def test_mistakes(refuses, data: Path, tmp_path: Path) -> None:
    out, taken = tmp_path / "x.safetensors", tmp_path / "taken.safetensors"
    taken.write_text("")
    unknown = refuses("train", "--data", data, "--out", out, "--model", "oracle")
    assert "unknown model 'oracle'; known: binary-pred, points2plans" in unknown
    assert "no shards here" in refuses("train", "--data", tmp_path, "--out", out)
    assert ".safetensors" in refuses("train", "--data", data, "--out", tmp_path / "x.pt")
    assert "no such file" in refuses("train", "--data", data, "--out", out, "--encoder", tmp_path / "none.safetensors")
    assert "the weights go there" in refuses("train", "--data", data, "--out", out, "--rehearsal", out)
    assert "exists; choose another name" in refuses("train", "--data", data, "--out", out, "--rehearsal", taken)
    assert "too small" in refuses("train", "--data", data, "--out", out, "--batch", 1, "--processes", 2)
    assert "--epochs" in refuses("train", "--data", data, "--out", out, "--epochs", 0)
    assert "--thinned" in refuses("train", "--data", data, "--out", out, "--thinned", 2)
    assert "nothing is encoded" in refuses("train", "--data", data, "--out", out, "--encoder", taken, "--thinned", 0.5)
    (tmp_path / "file").write_text("")
    assert "file" in refuses("train", "--data", data, "--out", tmp_path / "file" / "x.safetensors")
    out.with_suffix(".resume").write_bytes(b"cut")
    assert "delete it to start over" in refuses("train", "--data", data, "--out", out)
