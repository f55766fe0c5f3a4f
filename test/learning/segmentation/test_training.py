"""Examples, losses and training of the segmenter's network, on a few scenes and steps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fail2progress.core.executor import PoolExecutor
from fail2progress.learning.segmentation import scenes
from fail2progress.learning.segmentation.examples import STEP, Examples, batch, cropped, example, mirror, turned
from fail2progress.learning.segmentation.losses import losses
from fail2progress.learning.segmentation.rendering import View
from fail2progress.learning.segmentation.training import Learner, Memory, Options, State, optimiser_for, train
from fail2progress.models.training.training import adam_state
from fail2progress.perception.segmentation.learned.features import CHANNELS, features
from fail2progress.perception.segmentation.learned.network import Predicted, SegmentNet


@pytest.fixture(scope="module")
def view() -> View:
    return scenes.scene((7, 2))


def _points(rows: Examples) -> np.ndarray:
    (fx, fy, cx, cy), depth = rows.cameras[0].numpy(), rows.depth[0].numpy() * STEP
    columns, lines = np.meshgrid(np.arange(depth.shape[1]), np.arange(depth.shape[0]))
    return np.stack([(columns - cx) / fx * depth, (lines - cy) / fy * depth, depth], axis=-1)


@pytest.mark.parametrize("turns", range(4))
def test_a_mirrored_and_turned_example_shows_the_same_points(view: View, turns: int) -> None:
    whole = example(view, np.random.default_rng(3))
    other = turned(mirror(whole), turns)
    assert other.depth.shape[1:] == (view.depth.shape if turns % 2 == 0 else view.depth.shape[::-1])
    label = int(whole.labels.max())
    before, after = (_points(rows)[rows.labels[0].numpy() == label] for rows in (whole, other))
    # Whatever way the image is turned or mirrored, a point is as far from the camera and from its axis.
    for measure in (lambda p: p[:, 2], lambda p: np.hypot(p[:, 0], p[:, 1])):
        assert np.sort(measure(before)) == pytest.approx(np.sort(measure(after)), abs=1e-4)


def test_a_window_of_a_view_shows_the_same_points(view: View) -> None:
    k, (height, width) = view.camera, view.depth.shape
    for seed in range(4):
        seen = cropped(view, np.random.default_rng(seed))
        assert seen.depth.shape == view.depth.shape
        rows, columns = np.nonzero(seen.depth)
        c = seen.camera
        places = np.stack([(columns - c.cx) / c.fx, (rows - c.cy) / c.fy], axis=1)
        back = np.round(places * (k.fx, k.fy) + (k.cx, k.cy)).astype(int)
        assert back[:, 0].min() >= 0 and back[:, 0].max() < width and back[:, 1].min() >= 0 and back[:, 1].max() < height
        assert (np.abs(view.depth[back[:, 1], back[:, 0]] - seen.depth[rows, columns]) < 0.01).mean() > 0.9


def test_features_of_a_plane_are_its_normal(view: View) -> None:
    k = view.camera
    v = (np.arange(240)[:, None] - k.cy) / k.fy
    depth = torch.from_numpy(np.broadcast_to(1 / (1.0 + 0.5 * v), (240, 320)).astype(np.float32).copy())[None]
    cameras, colour = torch.tensor([[k.fx, k.fy, k.cx, k.cy]]), torch.zeros(1, 240, 320, 3, dtype=torch.uint8)
    made = features(colour, depth, cameras)
    assert made.shape == (1, CHANNELS, 240, 320)
    normal = -np.array([0, 0.5, 1.0]) / np.hypot(0.5, 1.0)
    inner = made[0, :, 25:-25, 25:-25]
    assert inner[3:6].permute(1, 2, 0).reshape(-1, 3).numpy() == pytest.approx(np.tile(normal, (190 * 270, 1)), abs=1e-2)
    assert inner[11:].abs().max() < 0.02  # a plane has no relief
    assert torch.isfinite(features(colour, torch.zeros(1, 240, 320), cameras)).all()


def test_a_batch_has_the_sizes_of_the_network(view: View) -> None:
    rows = example(view, np.random.default_rng(0))
    sizes = set()
    for seed in range(6):
        inputs, labels = batch(rows, torch.Generator().manual_seed(seed))
        made = SegmentNet((8, 16, 16), 1)(inputs)
        assert inputs.shape[:2] == (1, CHANNELS) and inputs.shape[2:] == labels.shape[1:] == made.seeds.shape[1:]
        assert made.classes.shape[1] == 3 and set(labels.unique().tolist()) == set(rows.labels.unique().tolist())
        sizes.add(tuple(labels.shape[1:]))
    assert sizes <= {(240, 320), (320, 240)}


def test_the_loss_is_low_where_pixels_point_to_their_own_thing_and_high_where_two_share_a_place() -> None:
    labels = torch.zeros(1, 40, 60, dtype=torch.int64)
    labels[0, 20:] = 1
    labels[0, 10:30, 5:25], labels[0, 10:30, 25:45] = 2, 3

    def told(apart: float) -> dict[str, float]:
        classes = 12 * torch.nn.functional.one_hot(labels.clamp(max=2), 3).permute(0, 3, 1, 2).float() - 6
        places = torch.zeros(1, 8, 40, 60)
        places[:, 2] = (labels == 3) * apart
        made = Predicted(classes, places, torch.full((1, 40, 60), 1.4), (labels >= 2).float())
        return {name: float(part) for name, part in losses(made, labels, (0, 1)).items()}

    good, bad = told(4.0), told(0.0)
    assert good["classes"] < 0.01 and good["breadth"] < 1e-6
    assert good["things"] < 0.1 and bad["things"] > 1.0 and good["seeds"] < 0.05
    none = losses(Predicted(torch.zeros(1, 3, 8, 8), torch.zeros(1, 8, 8, 8), torch.zeros(1, 8, 8), torch.zeros(1, 8, 8)),
                  torch.zeros(1, 8, 8, dtype=torch.int64), (0, 0))  # fmt: skip
    assert all(torch.isfinite(part) for part in none.values()) and float(none["things"]) == 0


def _files(folder: Path) -> list[Path]:
    with PoolExecutor(1) as workers:
        return list(scenes.render(folder, 4, 7, workers))


def test_training_lowers_the_loss_and_goes_on_where_it_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "SHARD", 2)
    paths = _files(tmp_path)
    options = Options(steps=12, batch=2, each=4, half=False, rate=1e-2)
    torch.manual_seed(0)
    learner = Learner(SegmentNet((8, 16, 16), 1))
    optimiser = optimiser_for(learner.net, options, {})
    kept: dict[int, dict[str, torch.Tensor]] = {}

    def keep(step: int, adam: torch.optim.Optimizer) -> None:
        kept[step] = {name: value.clone() for name, value in adam_state(adam).items()}

    states: list[State] = list(train(learner, optimiser, paths, options, 0, keep))
    assert [state.step for state in states] == [4, 8, 12] and states[-1].loss < states[0].loss
    same = [torch.equal(a, b) for a, b in zip(learner.mean.parameters(), learner.net.parameters(), strict=True)]
    assert not any(same)
    further = optimiser_for(learner.net, options, kept[8])
    assert [state.step for state in train(learner, further, paths, options, 8, keep)] == [12]
    brief = Options(steps=12, batch=2, each=4, half=False, minutes=1e-9)
    assert [state.step for state in train(learner, further, paths, brief, 0, keep)] == [4]


def test_memory_holds_so_many_files_and_takes_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "SHARD", 1)
    paths = _files(tmp_path)
    memory, rng = Memory(torch.device("cpu"), 2), np.random.default_rng(0)
    memory.look([*paths[:1], tmp_path / "not_yet.npz"], rng)
    assert len(memory.draw(3, rng)) == 3
    memory.look(paths, rng)
    memory.look(paths, rng)
    assert len(memory._held) == 2 and len(memory.draw(5, rng)) == 5
