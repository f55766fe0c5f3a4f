"""`fail2progress rehearsal` draws what lessons rehearse from executions that no model was trained on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fail2progress.learning.finetuning import rehearsal as room
from fail2progress.learning.finetuning.rehearsal import load_rehearsal, unseen
from fail2progress.learning.pretraining.pretrain import prepared
from fail2progress.learning.pretraining.shards import open_dataset
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint


def test_it_is_read_as_it_was_drawn_with_its_codes(
    run: Callable[..., Any], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "REPLAY", 10)
    monkeypatch.setattr(room, "HELD_OUT", 5)
    out = tmp_path / "kept.safetensors"
    result = run("rehearsal", "--data", data, "--out", out, "--seed", 3, "--json")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert (said["replay"], said["held_out"]) == (10, 5) and Path(said["codes"]).exists()
    drawn, written = unseen(prepared(open_dataset(data), tmp_path / "again.safetensors"), 3), load_rehearsal(out)
    for one, other in ((drawn.replay, written.replay), (drawn.held_out, written.held_out)):
        assert torch.equal(one.parameters, other.parameters)
        assert list(other.codes) == [load_checkpoint(weights.path(weights.RELATIONAL)).model.encoder_digest()]
        assert list(other.codes) == [said["encoder"]]


def test_mistakes(refuses: Callable[..., str], data: Path, tmp_path: Path) -> None:
    out = tmp_path / "kept.safetensors"
    assert "at least 1200 are needed" in refuses("rehearsal", "--data", data, "--out", out)
    assert ".safetensors" in refuses("rehearsal", "--data", data, "--out", tmp_path / "kept.pt")
    assert "no shards here" in refuses("rehearsal", "--data", tmp_path, "--out", out)
    out.write_text("")
    assert "exists; choose another name" in refuses("rehearsal", "--data", data, "--out", out)
