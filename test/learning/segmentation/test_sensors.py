"""Sensors of training scenes: what they draw from, and what they make of depth."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation import examples, joins, quality, scenes, sensors
from fail2progress.learning.segmentation.rendering import View
from fail2progress.perception.segmentation.fused.segmenter import FusedSegmenter
from fail2progress.perception.segmentation.learned.model import SegmentModel
from fail2progress.perception.segmentation.learned.network import SegmentNet


@pytest.fixture(scope="module")
def view() -> View:
    return scenes.scene((7, 2))


@pytest.mark.parametrize("reader", ["a file of examples", "quality", "odds of joining"])
def test_what_a_scene_is_says_nothing_of_the_sensor_that_reads_it(
    view: View, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, list[float]] = {"scene": [], "sensor": []}

    def of_a_scene(seed: tuple[int, ...], rooms: float) -> View:
        drawn["scene"].append(np.random.default_rng(seed).random())
        return view

    def by_a_sensor(view: View, rng: np.random.Generator) -> Array:
        drawn["sensor"].append(rng.random())
        raise InterruptedError

    for room in (scenes, quality, joins):
        monkeypatch.setattr(room, "scene", of_a_scene)
    for room in (examples, quality, joins):
        monkeypatch.setattr(room, "sensed", by_a_sensor)
    read: dict[str, Callable[[int], object]] = {
        "a file of examples": lambda number: scenes._file(tmp_path, number, 0.5, 1, number),
        "quality": lambda number: quality.quality(SegmentModel(SegmentNet(), "", {}), 1, number),
        "odds of joining": lambda number: joins.pairs_of(FusedSegmenter(), 7, 0.5, number),
    }
    for number in range(1, 60):
        with pytest.raises(InterruptedError):
            read[reader](number)
    assert abs(float(np.corrcoef(drawn["scene"], drawn["sensor"])[0, 1])) < 0.4


@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_near_at_one_border_is_smeared_over_nothing_at_the_border_across(axis: int) -> None:
    depth = np.full((80, 80), 1.0, np.float32)
    depth[:4] = 0.5
    for i in range(60):
        read = np.moveaxis(sensors.misread(np.moveaxis(depth, 0, axis), np.random.default_rng(i)), axis, 0)
        assert np.isin(read[60:], (0.0, 1.0)).all()


@pytest.mark.parametrize("sensor", sensors.SENSORS[:2])
def test_what_is_near_at_one_border_hides_nothing_at_the_border_across(
    view: View, sensor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "_lost", lambda view, rng: np.zeros(view.depth.shape, bool))
    depth = np.full(view.depth.shape, 2.0, np.float32)
    depth[:, :20] = 0.4
    near = replace(view, depth=depth, facing=np.ones_like(depth))
    hidden = [sensors.sensed_by(sensor, near, np.random.default_rng(i)) == 0 for i in range(20)]
    assert any(one[:, 20:40].any() for one in hidden) and not any(one[:, -40:].any() for one in hidden)
