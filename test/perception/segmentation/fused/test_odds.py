"""The file of the odds by which parts are joined: that of the package belongs to its weights; others are read or refused."""

from pathlib import Path

import pytest

from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.fused.odds import beside, join_rules, read_joins
from fail2progress.perception.segmentation.fused.segmenter import FusedSegmenter
from fail2progress.perception.segmentation.learned.model import load_model, packaged


def test_the_odds_of_the_package_were_fitted_with_its_weights() -> None:
    joins = read_joins(beside(packaged()))
    assert joins.digest == load_model(packaged()).digest
    # What points far apart, or has an edge between it, is less likely one thing; what is alike in colour more.
    assert joins.odds.distance < -0.5 and joins.odds.parting < 0 and joins.odds.alike > 0
    assert FusedSegmenter().join_rules == join_rules(packaged()) and join_rules().distance == joins.odds.distance


def test_odds_beside_other_weights_are_read(tmp_path: Path) -> None:
    weights = tmp_path / "mine.safetensors"
    assert join_rules(weights) == join_rules()  # none lie there
    text = beside(packaged()).read_text()
    beside(weights).write_text(text.replace('"bias"', '"bias": 7.5, "bias_before"'))
    with pytest.raises(PerceptionError, match="bias_before"):
        join_rules(weights)
    beside(weights).write_text(read_joins(beside(packaged())).model_copy(update={"digest": "other"}).model_dump_json())
    assert join_rules(weights) == join_rules()
    with pytest.raises(PerceptionError, match="cannot be read"):
        read_joins(tmp_path / "nowhere.json")
