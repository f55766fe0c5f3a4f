"""Examples, targets and training of the segmenter's network, on a few scenes and steps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fail2progress.learning.segmentation import scenes
from fail2progress.learning.segmentation.examples import SIZE, cropped, example, targets, turned
from fail2progress.learning.segmentation.rendering import View
from fail2progress.learning.segmentation.training import Options, State, train
from fail2progress.perception.segmentation.learned.features import CHANNELS, features
from fail2progress.perception.segmentation.learned.network import OFFSET_UNIT, SegmentNet


@pytest.fixture(scope="module")
def view() -> View:
    return scenes.scene((7, 2))


def _points(view: View) -> np.ndarray:
    k, (height, width) = view.camera, view.depth.shape
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    away = view.depth
    return np.stack([(columns - k.cx) / k.fx * away, (rows - k.cy) / k.fy * away, away], axis=-1)


@pytest.mark.parametrize("turns", range(4))
def test_a_cropped_and_turned_view_shows_the_same_points(view: View, turns: int) -> None:
    other = turned(cropped(view, np.random.default_rng(turns)), turns)
    assert other.depth.shape == (SIZE if turns % 2 == 0 else SIZE[::-1])
    label = max(2, int(other.labels.max()))
    before, after = _points(view)[view.labels == label], _points(other)[other.labels == label]
    for low, high in ((0.0, 1.0),):
        spread = np.quantile(before[:, 2], (low, high))
        assert after[:, 2].min() >= spread[0] - 1e-4 and after[:, 2].max() <= spread[1] + 1e-4
    # Whatever way the image is turned or mirrored, a point is as far from the camera.
    far = np.linalg.norm(before, axis=1)
    assert np.linalg.norm(after, axis=1).min() >= far.min() - 2e-3 and np.linalg.norm(after, axis=1).max() <= far.max() + 2e-3


def test_targets_point_from_every_pixel_to_the_middle_of_its_thing() -> None:
    labels = np.zeros((24, 32), np.uint8)
    labels[10:, :] = 1
    labels[12:18, 4:10], labels[14:20, 10:20] = 2, 3
    made = targets(labels)
    assert (made[0] == np.minimum(labels, 2)).all() and (made[5] == (labels >= 2)).all()
    rows, columns = np.nonzero(labels == 2)
    assert rows + made[1][rows, columns] * OFFSET_UNIT == pytest.approx(14.5)
    assert columns + made[2][rows, columns] * OFFSET_UNIT == pytest.approx(6.5)
    assert made[3][14, 6] > 0.8 and made[3][2, 30] < 0.01
    assert made[4][16, 9] == 1 and made[4][15, 7] == 0


def test_features_of_a_plane_are_its_normal(view: View) -> None:
    k = view.camera
    v = (np.arange(240)[:, None] - k.cy) / k.fy
    depth = np.broadcast_to(1 / (1.0 + 0.5 * v), (240, 320)).astype(np.float32)
    made = features(torch.zeros(240, 320, 3, dtype=torch.uint8), torch.from_numpy(depth.copy()), k)
    assert made.shape == (CHANNELS, 240, 320)
    normal = -np.array([0, 0.5, 1.0]) / np.hypot(0.5, 1.0)
    assert made[3:6, 20:-20, 20:-20].permute(1, 2, 0).reshape(-1, 3).numpy() == pytest.approx(
        np.tile(normal, (200 * 280, 1)), abs=1e-2
    )
    assert torch.isfinite(features(torch.zeros(240, 320, 3, dtype=torch.uint8), torch.zeros(240, 320), k)).all()


def test_training_lowers_the_loss_and_goes_on_where_it_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "SHARD", 3)
    paths = scenes.render(tmp_path, 3, 7, lambda done: None)
    options = Options(steps=24, batch=2, each=8, half=False)

    def run(start: int, net: SegmentNet, until: int) -> list[State]:
        optimiser = torch.optim.AdamW(net.parameters())
        states = []
        for state in train(net, optimiser, lambda: paths, options, start, lambda step, adam: None):
            states.append(state)
            if state.step >= until:
                break
        return states

    torch.manual_seed(0)
    net = SegmentNet((8, 16, 16))
    states = run(0, net, 24)
    assert [state.step for state in states] == [8, 16, 24] and states[-1].loss < states[0].loss
    assert [state.step for state in run(16, net, 24)] == [24]


def test_an_example_has_the_sizes_of_the_network(view: View) -> None:
    inputs, wanted = example(view, 1, np.random.default_rng(0))
    made = SegmentNet((8, 16, 16))(inputs[None])
    assert inputs.shape == (CHANNELS, SIZE[1], SIZE[0]) and wanted.shape == (6, SIZE[1] // 2, SIZE[0] // 2)
    assert made.classes.shape[1:] == (3, *wanted.shape[1:]) and made.middles.shape[1:] == wanted.shape[1:]
