import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from fail2progress.evaluation import performance
from fail2progress.evaluation.encoder_peer import PlainEncoder, farthest
from fail2progress.evaluation.performance import (
    Measurement,
    encoding,
    learning,
    measure,
    particles,
    peers_of_simulation,
    perception,
    planning,
    plans,
    simulation,
    training,
)
from fail2progress.learning.finetuning.rehearsal import RehearsalSet, choose
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from support import samples


@pytest.fixture(scope="module")
def rehearsal() -> RehearsalSet:
    return choose(samples.transitions())


@pytest.fixture(scope="module")
def model() -> Points2Plans:
    torch.manual_seed(0)
    return Points2Plans(Points2PlansConfig(feedforward=16, layers=1)).eval()


def test_more_is_better_of_rates_and_less_of_seconds() -> None:
    assert Measurement("a", 30.0, 10.0, "limit", "1/s").ratio == 3.0
    assert Measurement("a", 30.0, 60.0, "limit", "s").ratio == 2.0
    assert Measurement("a", 0.4, 0.8, "limit", "share").to_dict() == {
        "name": "a", "ours": 0.4, "reference": 0.8, "reference_is": "limit", "unit": "share", "ratio": 0.5,
    }  # fmt: skip


def test_simulation() -> None:
    share, rate = simulation(executions=4)
    assert 0.0 < share.ours < 1.0 and share.unit == "share"
    assert rate.ours > 0.0 and rate.reference == pytest.approx(16.67, abs=0.01)


def test_peers_run_in_the_same_call() -> None:
    (found,) = peers_of_simulation(executions=2)
    assert found.reference > 0.0 and found.ours > 0.0
    assert found.reference_is.startswith("peer in this call")


def test_the_encoder_beside_the_published_one() -> None:
    found = encoding(segments=4)
    assert found.ours > 0.0 and found.reference > 0.0 and found.reference_is.startswith("peer in this call")


def test_the_published_encoder_looks_at_shape_alone_and_at_all_of_it() -> None:
    """The same points in another order give the same codes, but for where sampling begins; other points give others."""
    torch.manual_seed(0)
    points, encoder = torch.randn(2, 128, 3), PlainEncoder().eval()
    codes = encoder(points)
    order = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(127)])
    assert codes.shape == (2, 128) and torch.allclose(encoder(points[:, order]), codes, atol=1e-4)
    assert (codes[0] - codes[1]).abs().max() > 1e-3
    chosen = farthest(torch.tensor([[[0.0, 0, 0], [0.1, 0, 0], [5.0, 0, 0], [2.0, 0, 0]]]), 3)
    assert chosen.tolist() == [[0, 2, 3]]


def test_whole_plans(model: Points2Plans) -> None:
    found = plans(model, repetitions=1)
    assert found.ours > 0.0 and found.name == "plans_per_s"


def test_particles_beside_those_of_pyro() -> None:
    found = list(particles(steps=3))
    assert len(found) == (find_spec("pyro") is not None)
    assert all(each.ours > 0.0 and each.reference > 0.0 and "Pyro" in each.reference_is for each in found)


def test_perception() -> None:
    geometric, fused, beside = perception(frames=2)
    assert all(0.0 < found.ours < 60.0 and (found.reference, found.unit) == (0.5, "s") for found in (geometric, fused))
    assert (beside.ours, beside.reference, beside.unit) == (fused.ours, 2 * geometric.ours, "s")


def test_planning(model: Points2Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    whole = performance.score_units

    def counted(*arguments: Any) -> Any:
        batches.append(len(arguments[3]))
        return whole(*arguments)

    monkeypatch.setattr(performance, "score_units", counted)
    found = planning(model, candidates=8, repetitions=2)
    assert batches == [8, 8] and found.ours > 0.0 and found.unit == "1/s"


def test_training_steps_are_whole_batches_with_the_encoder(rehearsal: RehearsalSet, tmp_path: Path) -> None:
    (tmp_path / "meeting").write_text("left over")
    found = training(rehearsal, tmp_path, steps=1, processes=1)
    assert found.ours > 0.0 and found.reference == 19.0


def test_learning_is_measured_by_stage_and_as_a_whole(
    model: Points2Plans, rehearsal: RehearsalSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Life:
        def __init__(self, task: object) -> None:
            pass

        def run(self, *arguments: object, seed: int) -> Iterator[Any]:
            yield SimpleNamespace(lesson=SimpleNamespace(seconds={"states": 2.0, "fine-tuning": 10.0}))

    monkeypatch.setattr(performance, "Lifelong", Life)
    found = {m.name: m for m in learning(model, "d" * 64, rehearsal)}
    assert found["learn_seconds"].ours == 12.0 and found["learn_seconds"].ratio == 5.0
    assert found["learn_seconds_states"].ours == 2.0


def test_all_of_it_in_one_report(
    model: Points2Plans, rehearsal: RehearsalSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Measurement("x", 1.0, 2.0, "limit", "s")
    parts = {
        "perception": [one],
        "simulation": [one],
        "peers_of_simulation": [one],
        "particles": [one],
        "encoding": one,
        "training": one,
        "planning": one,
        "plans": one,
        "learning": [one, one],
    }
    for name, found in parts.items():
        monkeypatch.setattr(performance, name, lambda *arguments, found=found: found)
    stages: list[str] = []
    report = json.loads(json.dumps(measure(model, "d" * 64, rehearsal, tmp_path, stages.append)))
    assert stages == ["perception", "simulation", "encoding", "training", "particles", "planning", "learning"]
    assert len(report["benchmarks"]) == 10
    assert report["provenance"]["configuration"]["model"] == "d" * 64
