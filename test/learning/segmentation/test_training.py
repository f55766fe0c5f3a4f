"""Examples, losses and training of the segmenter's network, on a few scenes and steps."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from fail2progress.core.executor import PoolExecutor
from fail2progress.learning.segmentation import examples, scenes
from fail2progress.learning.segmentation.examples import SHRUNK, STEP, Examples, batch, example, mirror, placed, turned, windows
from fail2progress.learning.segmentation.losses import losses
from fail2progress.learning.segmentation.rendering import View
from fail2progress.learning.segmentation.rendering import view as render
from fail2progress.learning.segmentation.scenery import FIRST
from fail2progress.learning.segmentation.training import Learner, Memory, Options, State, optimiser_for, train
from fail2progress.models.training.training import adam_state
from fail2progress.perception.segmentation.learned.features import CHANNELS, features
from fail2progress.perception.segmentation.learned.model import _nearest
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


def test_a_window_of_an_example_shows_the_same_points_larger(view: View) -> None:
    whole = example(view, np.random.default_rng(3))
    points = _points(whole)
    height, width = whole.depth.shape[1:]
    for first, share in (((0.0, 0.0), 1.0), ((30.0, 80.0), 0.7), ((240.0, 320.0), 0.5)):
        seen = windows(whole, torch.tensor([[*first, share]]))
        assert seen.depth.shape[1:] == seen.labels.shape[1:] == (round(height * SHRUNK), round(width * SHRUNK))
        found, label = _points(seen), seen.labels[0].numpy()
        row, column = (first[i] + share * (np.indices(label.shape)[i] + 0.5) / SHRUNK for i in (0, 1))
        at = row.astype(int), column.astype(int)
        assert (whole.labels[0].numpy()[at] == label).all()
        read = whole.depth[0].numpy()[at] > 0
        # A small pixel's middle is up to half a pixel of the example from the one that it takes its depth from.
        off = np.linalg.norm(found - points[at], axis=-1)[read]
        assert np.quantile(off, 0.99) < 0.006 and (seen.depth[0].numpy() > 0)[read].all()


def test_the_network_gets_the_depth_of_a_frame_as_it_got_that_of_examples(view: View) -> None:
    whole = example(view, np.random.default_rng(3))
    depth = whole.depth[0].numpy() * np.float32(STEP)
    depth[:, :9], depth[:4], depth[:, -1], depth[-1] = 0.0, 0.0, 0.4, 0.3
    rows = replace(whole, depth=torch.from_numpy(depth / np.float32(STEP)).round().to(torch.int16)[None])
    seen = windows(rows, torch.tensor([[0.0, 0.0, 1.0]])).depth[0].numpy() * STEP
    assert _nearest(depth, seen.shape) == pytest.approx(seen, abs=STEP)


def test_windows_lie_within_images_and_often_cut_a_thing(view: View) -> None:
    whole = example(view, np.random.default_rng(3))
    many = Examples(*(torch.cat([part] * 64) for part in (whole.colour, whole.depth, whole.labels, whole.cameras)))
    places = placed(many, torch.Generator().manual_seed(0))
    height, width = whole.depth.shape[1:]
    last = places[:, :2] + places[:, 2:] * torch.tensor([height, width])
    assert (places[:, :2] >= 0).all() and (last <= torch.tensor([height, width]) + 1e-3).all()
    assert 16 <= int((places[:, 2] == 1).sum()) <= 42 and float(places[:, 2].min()) < 0.7
    labels = windows(many, places).labels
    border = torch.cat([labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]], dim=1)
    at_first = torch.cat([whole.labels[:, 0], whole.labels[:, -1], whole.labels[:, :, 0], whole.labels[:, :, -1]], dim=1)
    before = int((at_first >= FIRST).sum()) / at_first.numel()
    assert float((border >= FIRST).float().mean()) > before + 0.01


def test_a_thing_amid_an_image_is_cut_by_as_many_windows_as_shall_cut_one() -> None:
    count, rows, columns = 2000, slice(18, 30), slice(24, 40)
    labels = torch.zeros((count, 48, 64), dtype=torch.uint8)
    labels[:, rows, columns] = FIRST
    colour, depth = labels[..., None].expand(-1, -1, -1, 3), labels.to(torch.int16)
    whole = Examples(colour, depth, labels, torch.ones(count, 4))
    places = placed(whole, torch.Generator().manual_seed(0))
    first, last = places[:, :2], places[:, :2] + places[:, 2:] * torch.tensor([48, 64])
    assert (first >= 0).all() and (last <= torch.tensor([48, 64]) + 1e-4).all() and float(places[:, 2].min()) >= 0.5
    inside = (last > torch.tensor([rows.start, columns.start])) & (first < torch.tensor([rows.stop, columns.stop]))
    assert inside.all()
    starts = (first > torch.tensor([rows.start, columns.start])).any(dim=1)
    ends = (last < torch.tensor([rows.stop, columns.stop])).any(dim=1)
    hit = examples._CUT * (1 - (1 - 12 * 16 / (48 * 64)) ** 16)  # where trials find the thing
    assert float((starts | ends).float().mean()) > 0.9 * hit
    assert abs(float((places[:, 2] == 1).float().mean()) - examples._WHOLE) < 0.05


def test_features_of_a_plane_are_its_normal(view: View) -> None:
    k = view.camera
    f, cx, cy = k.fx / 2, k.cx / 2, k.cy / 2
    v = (np.arange(240)[:, None] - cy) / f
    depth = torch.from_numpy(np.broadcast_to(1 / (1.0 + 0.5 * v), (240, 320)).astype(np.float32).copy())[None]
    cameras, colour = torch.tensor([[f, f, cx, cy]]), torch.zeros(1, 240, 320, 3, dtype=torch.uint8)
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
        assert made.classes.shape[1] == 3 and set(labels.unique().tolist()) <= set(rows.labels.unique().tolist())
        sizes.add(tuple(labels.shape[1:]))
    assert sizes <= {(288, 384), (384, 288)}


def test_colours_are_grey_in_some_images_paler_in_others_and_as_they_were_in_half() -> None:
    colour = torch.zeros(400, 2, 2, 3, dtype=torch.uint8)
    colour[..., 0], colour[..., 1], colour[..., 2] = 200, 100, 60
    spread = examples._toned(colour, torch.Generator().manual_seed(0)).float()[:, 0, 0]
    share = (spread.amax(dim=1) - spread.amin(dim=1)) / spread.mean(dim=1)
    grey, whole = float((share < 0.02).float().mean()), float((share > 0.9).float().mean())
    assert 0.1 < grey < 0.22 and 0.4 < whole < 0.7


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
    monkeypatch.setattr(scenes, "view", partial(render, width=160))
    paths = _files(tmp_path)
    options = Options(steps=12, batch=4, each=4, half=False, rate=1e-2)
    torch.manual_seed(0)
    learner = Learner(SegmentNet((8, 16, 16), 1))
    optimiser = optimiser_for(learner.net, options, {})
    kept: dict[int, dict[str, torch.Tensor]] = {}

    def keep(step: int, adam: torch.optim.Optimizer) -> None:
        kept[step] = {name: value.clone() for name, value in adam_state(adam).items()}

    states: list[State] = list(train(learner, optimiser, paths, options, 0, keep, scenes.read(paths[0])))
    assert states[0].score is not None and 0 <= states[0].score.found <= 1 and states[1].score is None
    assert [state.step for state in states] == [4, 8, 12] and states[-1].loss < states[0].loss
    same = [torch.equal(a, b) for a, b in zip(learner.mean.parameters(), learner.net.parameters(), strict=True)]
    assert not any(same)
    further = optimiser_for(learner.net, options, kept[8])
    assert [state.step for state in train(learner, further, paths, options, 8, keep)] == [12]
    brief = Options(steps=12, batch=4, each=4, half=False, minutes=1e-9)
    assert [state.step for state in train(learner, further, paths, brief, 0, keep)] == [4]


def test_memory_holds_so_many_files_and_takes_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "SHARD", 1)
    monkeypatch.setattr(scenes, "view", partial(render, width=160))
    paths = _files(tmp_path)
    memory, rng = Memory(torch.device("cpu"), 2), np.random.default_rng(0)
    memory.look([*paths[:1], tmp_path / "not_yet.npz"], rng)
    assert len(memory.draw(3, rng)[0]) == 3
    memory.look(paths, rng)
    memory.look(paths, rng)
    rows, most = memory.draw(5, rng)
    assert len(memory._held) == 2 and len(rows) == 5 and most == int(rows.labels.max())
