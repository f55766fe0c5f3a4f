import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.training import training
from fail2progress.models.training.metrics import MOVED, evaluate
from fail2progress.models.training.training import Start, Step, TrainingOptions, _rate, adam_state, train
from fail2progress.models.training.transitions import Transitions, select

SHORT = TrainingOptions(epochs=3, batch=8)


def run(model: Points2Plans, data: Transitions, codes: Tensor, options: TrainingOptions = SHORT, **named: Any) -> list[Step]:
    """Heads only, on given codes."""
    parameters = [p for p in model.pretrained_parameters() if not any(p is q for q in model.encoder.parameters())]
    return list(train(model, data, parameters, options, torch.Generator().manual_seed(5), codes, **named))


def few(data: Transitions, codes: Tensor, count: int = 20) -> tuple[Transitions, Tensor]:
    part = select(data, range(count))
    used = torch.unique(data.cloud[: int(data.offsets[count])])
    return part, codes[used]


def fresh(relational: bool, feedforward: int = 64) -> Points2Plans:
    torch.manual_seed(3)
    return Points2Plans(Points2PlansConfig(relational=relational, feedforward=feedforward, layers=1))


def equal(one: Points2Plans, other: Points2Plans) -> bool:
    return all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


@pytest.mark.parametrize("relational", [False, True])
def test_the_moved_objects_error_falls_far_below_that_of_no_motion(data: Transitions, codes: Tensor, relational: bool) -> None:
    model = fresh(relational, feedforward=128)
    steps = run(model, data, codes, TrainingOptions(epochs=11, batch=8))
    assert len(steps) > 200
    quality = evaluate(model, data, codes)
    moved = (data.shift.norm(dim=1) > MOVED) & data.seen[:, 0]
    assert quality.moved_error < 0.35 * float(data.shift[moved].norm(dim=1).mean())
    assert quality.still_error < 0.05
    early, late = (sum(sum(step.losses.values()) for step in part) for part in (steps[:20], steps[-20:]))
    assert late < 0.5 * early


def test_the_encoder_learns_too(model: Points2Plans, data: Transitions) -> None:
    part = select(data, range(8))
    before = [p.detach().clone() for p in model.encoder.parameters()]
    steps = list(train(model, part, model.pretrained_parameters(), TrainingOptions(epochs=12, batch=8), torch.Generator()))
    assert sum(steps[-1].losses.values()) < sum(steps[0].losses.values())
    assert all(not torch.equal(p, q) for p, q in zip(before, model.encoder.parameters(), strict=True))
    assert not model.training


def test_first_epochs_encode_fewer_points_and_an_interrupted_training_goes_on_with_them(
    data: Transitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, options = select(data, range(8)), TrainingOptions(epochs=4, batch=8, thinned=0.5)
    encoded: list[int] = []
    encode = Points2Plans.encode

    def counted(self: Points2Plans, points: Tensor, prepared: Mapping[str, Tensor]) -> Tensor:
        encoded.append(prepared["first"].shape[1])
        return encode(self, points, prepared)

    monkeypatch.setattr(Points2Plans, "encode", counted)
    straight, states = fresh(True), []

    def keep(epoch: int, optimiser: torch.optim.Optimizer) -> None:
        adam = {key: value.clone() for key, value in adam_state(optimiser).items()}
        states.append(({key: value.clone() for key, value in straight.state_dict().items()}, adam))

    list(train(straight, part, straight.pretrained_parameters(), options, torch.Generator().manual_seed(2), checkpoint=keep))
    assert encoded == [64, 64, 128, 128]
    resumed = fresh(True)
    resumed.load_state_dict(states[0][0])
    generator, start = torch.Generator().manual_seed(2), Start(1, states[0][1])
    list(train(resumed, part, resumed.pretrained_parameters(), options, generator, start=start))
    assert equal(resumed, straight) and encoded[4:] == [64, 128, 128]


def test_pre_training_leaves_what_relations_say_about_moving_along_at_zero(data: Transitions, codes: Tensor) -> None:
    model = fresh(relational=True)
    part, own = few(data, codes)
    run(model, part, own)
    assert not model.messages.along.any()
    list(train(model, part, model.finetuned_parameters(), SHORT, torch.Generator(), own))
    assert bool(model.messages.along.any())


def test_progress_is_counted(data: Transitions, codes: Tensor) -> None:
    part, own = few(data, codes)
    steps = run(fresh(False), part, own)
    assert [step.samples for step in steps] == [8, 16, 20, 28, 36, 40, 48, 56, 60]
    assert {step.total for step in steps} == {60}
    assert all(set(step.losses) == {"detection", "prediction", "position", "latent", "growth"} for step in steps)


@pytest.mark.parametrize("relational", [False, True])
def test_the_same_seed_gives_the_same_weights(data: Transitions, codes: Tensor, relational: bool) -> None:
    part, own = few(data, codes)
    one, other = fresh(relational), fresh(relational)
    run(one, part, own)
    torch.rand(3)  # what else draws numbers does not matter
    run(other, part, own)
    assert equal(one, other)
    third = fresh(relational)
    list(train(third, part, third.finetuned_parameters(), SHORT, torch.Generator().manual_seed(6), own))
    assert not equal(one, third)


@pytest.mark.parametrize("relational", [False, True])
def test_adapters_alone_learn_the_same_from_what_was_worked_out_beforehand(
    data: Transitions, codes: Tensor, relational: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, own = few(data, codes)
    one, other = fresh(relational), fresh(relational)
    for model in (one, other):
        first = [parameter.detach().clone() for parameter in model.adapter_parameters()]
        steps = list(train(model, part, model.adapter_parameters(), SHORT, torch.Generator().manual_seed(6), own))
        assert (steps[-1].samples, steps[-1].total) == (60, 60)
        assert not all(torch.equal(p, q) for p, q in zip(first, model.adapter_parameters(), strict=True))
        monkeypatch.setattr(training, "_settled", lambda model, parameters: False)
    assert equal(one, other)


def test_training_that_goes_on_ends_where_uninterrupted_training_does(data: Transitions, codes: Tensor) -> None:
    part, own = few(data, codes)
    states: dict[int, tuple[dict[str, Tensor], dict[str, Tensor]]] = {}
    straight = fresh(True)

    def keep(epoch: int, optimiser: torch.optim.Optimizer) -> None:
        adam = {key: value.clone() for key, value in adam_state(optimiser).items()}
        states[epoch] = {key: value.clone() for key, value in straight.state_dict().items()}, adam

    run(straight, part, own, checkpoint=keep)
    assert sorted(states) == [1, 2, 3]
    resumed = fresh(True)
    resumed.load_state_dict(states[1][0])
    steps = run(resumed, part, own, start=Start(1, states[1][1]))
    assert equal(resumed, straight) and steps[0].samples == 28


def test_an_epoch_draws_what_it_is_told_to(data: Transitions, codes: Tensor) -> None:
    part, own = few(data, codes)
    steps = run(fresh(False), part, own, epoch_executions=lambda generator: torch.arange(5))
    assert [step.samples for step in steps] == [5, 10, 15]


def test_the_learning_rate_rises_and_falls(data: Transitions, codes: Tensor) -> None:
    part, own = few(data, codes)
    still = TrainingOptions(epochs=2, batch=8, learning_rate=0.0, adapter_rate=0.0)
    model, before = fresh(True), fresh(True)
    run(model, part, own, still)
    assert equal(model, before)
    options = TrainingOptions(warmup=0.1)
    rates = [_rate(step, 100, options) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert sorted(rates[10:], reverse=True) == rates[10:] and 0 < rates[-1] < 0.01
    assert rates[55] == pytest.approx(0.5 * (1 + math.cos(math.pi / 2)) + 1e-3)
    assert {_rate(step, 100, TrainingOptions(warmup=0.0, cosine=False)) for step in range(100)} == {1.0}
