"""The weights that travel with the package: whole, of the model that they say, and as good as their report says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fail2progress.core.vocabulary import VERSION_1
from fail2progress.learning.finetuning.rehearsal import codes_of, load_rehearsal
from fail2progress.learning.pretraining.pretrain import shape_codes
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.training.metrics import evaluate
from fail2progress.models.training.transitions import select
from fail2progress.perception.segmentation.fused.odds import beside, read_joins
from fail2progress.perception.segmentation.learned.model import grainy, load_model, packaged
from fail2progress.skills.vocabulary import current

SEGMENTERS = (packaged(), grainy())
CODES = codes_of(weights.path(weights.KEEPSAKE))
OTHERS = {weights.KEEPSAKE, CODES.name, *(path.name for path in SEGMENTERS)}
NAMES = sorted({path.name for path in weights.folder().glob("*.safetensors")} - OTHERS)
DETECTION, PREDICTION = 0.95, 0.93


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_what_their_report_says(name: str) -> None:
    path = weights.path(name)
    found = load_checkpoint(path)
    report = json.loads(path.with_suffix(".report.json").read_text())
    assert report["digest"] == found.digest and report["run"]["model"] == found.model.name
    assert found.model.vocabulary.difference(current()) == "" and VERSION_1.difference(found.model.vocabulary) == ""
    assert report["detection_f1"] >= DETECTION and report["prediction_f1"] >= PREDICTION
    quality = evaluate(found.model, load_rehearsal(weights.path(weights.KEEPSAKE)).held_out)
    assert quality.detection_f1 == pytest.approx(report["detection_f1"], abs=0.02)
    assert quality.prediction_f1 == pytest.approx(report["prediction_f1"], abs=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_shape_codes_at_hand_are_of_the_encoder_of_every_base_model(name: str) -> None:
    model, part = load_checkpoint(weights.path(name)).model, load_rehearsal(weights.path(weights.KEEPSAKE)).held_out
    known = part.codes[model.encoder_digest()]
    assert shape_codes(model, part) is known
    few = replace(select(part, range(20)), codes={})
    rows = torch.unique(part.cloud[: int(part.offsets[20])])
    off = (shape_codes(model, few) - known[rows]).norm(dim=-1) / known[rows].norm(dim=-1)
    assert float(off.max()) < 0.015  # some processors encode in half precision, whose steps are 0.8 %


@pytest.mark.parametrize("path", SEGMENTERS, ids=lambda path: str(path.stem))
def test_the_segmenters_weights_are_those_of_their_report_and_of_their_odds(path: Path) -> None:
    report, digest = json.loads(path.with_suffix(".report.json").read_text()), load_model(path).digest
    assert report["digest"] == digest and report["weights"] == path.name and report["held_out"]["found"] >= 0.8
    assert read_joins(beside(path)).digest == digest
