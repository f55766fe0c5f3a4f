"""What planning, monitoring and learning rely on, of every registered model."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.core.relations import BINARY, MIRRORED, UNARY
from fail2progress.learning.pretraining.pretrain import shape_codes
from fail2progress.models.base import Action, Capability, Effect, LatentState, SkillEffectModel, expected_motion
from fail2progress.models.checkpoint import load_checkpoint, save_checkpoint
from fail2progress.models.registry import MODELS, configuration
from fail2progress.models.training.metrics import evaluate
from fail2progress.models.training.training import TrainingOptions, train
from fail2progress.models.training.transitions import Transitions, select
from fail2progress.skills.vocabulary import current

CODE = 128
KEPT = {"rtol": 1e-3, "atol": 1e-4}
few = settings(max_examples=12)
every = pytest.mark.parametrize("name", sorted(MODELS.lazy))


def made(name: str) -> SkillEffectModel:
    """Untrained, with all weights stirred, so that what starts at zero has an effect."""
    torch.manual_seed(0)
    kind = MODELS.get(name)
    model = kind.from_config(configuration(kind, None, {}), current()).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape))
    return model


def scene(model: SkillEffectModel, count: int, seed: int, present: int | None = None) -> LatentState:
    g = torch.Generator().manual_seed(seed)
    low = torch.rand(2, count, 3, generator=g)
    box = torch.stack([low, low + 0.05 + 0.2 * torch.rand(2, count, 3, generator=g)], dim=2)
    mask = torch.arange(count).expand(2, -1) < (count if present is None else present)
    return model.embed(torch.randn(2, count, CODE, generator=g), box, torch.arange(count).expand(2, -1), mask)


def call(count: int, seed: int) -> Action:
    g = torch.Generator().manual_seed(seed)
    parameters = 0.3 * torch.rand(2, 4, generator=g)
    skills = len(current().skills)
    return Action(torch.randint(skills, (2,), generator=g), torch.randint(count, (2,), generator=g), parameters)


def values(effect: Effect) -> list[Tensor]:
    found = [effect.relations.binary, effect.relations.unary, effect.state.box, effect.displacement]
    return [value for value in found if value is not None]


@every
@few
@given(count=st.integers(2, 9), seed=st.integers(0, 999))
def test_shapes_of_any_number_of_segments_and_what_it_says_that_it_can(name: str, count: int, seed: int) -> None:
    model = made(name)
    state, action = scene(model, count, seed), call(count, seed)
    effect = model.predict(state, action)
    assert effect.relations.binary.shape == (2, count, count, len(BINARY))
    assert effect.relations.unary.shape == (2, count, len(UNARY))
    assert all(bool(value.isfinite().all()) for value in values(effect))
    assert (effect.displacement is not None) == (Capability.DISPLACEMENT in model.capabilities)
    assert (effect.latent is not None) == (Capability.LATENT in model.capabilities)
    motion = expected_motion(state, effect)
    assert motion.shape == (2, count, 3)
    torch.testing.assert_close(effect.state.box.mean(dim=2), state.box.mean(dim=2) + motion)


@every
@few
@given(count=st.integers(2, 6), seed=st.integers(0, 999))
def test_what_is_left_of_something_has_that_to_its_right(name: str, count: int, seed: int) -> None:
    model = made(name)
    state, action = scene(model, count, seed), call(count, seed)
    for relations in (model.detect(state), model.predict(state, action).relations):
        for relation, other in MIRRORED.items():
            one, mirrored = (relations.binary[..., BINARY.index(k)] for k in (relation, other))
            torch.testing.assert_close(one, mirrored.transpose(1, 2), **KEPT)


@every
@few
@given(present=st.integers(2, 5), padding=st.integers(1, 3), seed=st.integers(0, 999))
def test_what_is_masked_influences_nothing(name: str, present: int, padding: int, seed: int) -> None:
    model, action = made(name), call(present, seed)
    wide = scene(model, present + padding, seed, present)
    fields = (wide.code, wide.box, wide.ids, wide.mask)
    narrow = model.embed(*(value[:, :present] for value in fields))
    one, other = model.predict(wide, action), model.predict(narrow, action)
    torch.testing.assert_close(one.relations.binary[:, :present, :present], other.relations.binary, **KEPT)
    torch.testing.assert_close(one.state.box[:, :present], other.state.box, **KEPT)


@every
@few
@given(seed=st.integers(0, 999))
def test_segments_in_another_order_come_out_in_that_order(name: str, seed: int) -> None:
    model, action = made(name), call(5, seed)
    state = scene(model, 5, seed)
    order = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    turned = model.embed(*(value[:, order] for value in (state.code, state.box, state.ids, state.mask)))
    there = Action(action.skill, order.argsort()[action.object], action.parameters)
    one, other = model.predict(state, action), model.predict(turned, there)
    torch.testing.assert_close(other.relations.binary, one.relations.binary[:, order][:, :, order], **KEPT)
    torch.testing.assert_close(other.state.box, one.state.box[:, order], **KEPT)


@every
def test_one_scene_for_many_candidates_and_some_of_them(name: str) -> None:
    model = made(name)
    state = scene(model, 4, 1).take(torch.tensor([0]))
    action = Action(torch.tensor([0]), torch.tensor([1]), torch.tensor([[0.1, -0.2, 0.05, 0.0]]))
    first = model.predict(state, action).state
    one = model.predict(first, action)
    many = model.predict(first.expand(3).take(torch.tensor([2, 0])), action.expand(2))
    for mine, theirs in zip(values(many), values(one), strict=True):
        torch.testing.assert_close(mine, theirs.expand(2, *theirs.shape[1:]), **KEPT)


@every
def test_gradients_by_offsets_and_parameters_are_there_where_it_says_so(name: str) -> None:
    model = made(name)
    assert Capability.GRADIENT in model.capabilities
    state, action = scene(model, 4, 3), call(4, 3)
    offsets = torch.zeros(2, 4, 3, requires_grad=True)
    model.detect(model.shifted(state, offsets)).binary.sum().backward()
    assert offsets.grad is not None and bool(offsets.grad.isfinite().all()) and float(offsets.grad.abs().sum()) > 0
    parameters = action.parameters.clone().requires_grad_()
    twice = Action(action.skill, action.object, parameters)
    two = model.predict(model.predict(state, twice).state, twice)
    two.relations.binary.sum().backward()
    assert parameters.grad is not None and bool(parameters.grad.isfinite().all()) and float(parameters.grad.abs().sum()) > 0


@every
def test_adapters_have_no_part_in_what_is_considered_beforehand(name: str) -> None:
    model = made(name)
    state, action = scene(model, 4, 4), call(4, 4)
    with torch.no_grad():
        known = model.considered(state, action)
        assert name != "points2plans" or known is not None
        if known is None:
            return
        for one, other in zip(values(model.predict(state, action, known)), values(model.predict(state, action)), strict=True):
            assert torch.equal(one, other)
        for parameter in model.adapter_parameters():
            parameter.add_(1.0)
        again = model.considered(state, action)
    assert again is not None and torch.equal(known.hidden, again.hidden) and torch.equal(known.change, again.change)
    if known.detected is not None and again.detected is not None:
        assert torch.equal(known.detected.binary, again.detected.binary)


@every
def test_it_is_written_and_read_back(name: str, tmp_path: Path) -> None:
    model = made(name)
    save_checkpoint(model, tmp_path / "some.safetensors", {})
    read = load_checkpoint(tmp_path / "some.safetensors").model
    assert type(read) is type(model) and read.config == model.config and read.vocabulary == current()
    state, action = scene(model, 4, 5), call(4, 5)
    for mine, theirs in zip(values(read.predict(state, action)), values(model.predict(state, action)), strict=True):
        assert torch.equal(mine, theirs)


@every
def test_what_fine_tuning_leaves_alone_is_the_encoder_and_another_model_can_take_it(name: str) -> None:
    model, other = made(name), made("points2plans")
    tuned = {id(parameter) for parameter in model.finetuned_parameters()}
    fixed = {key for key, parameter in model.named_parameters() if id(parameter) not in tuned}
    assert fixed == {key for key in model.state_dict() if key.startswith("encoder.")}
    with torch.no_grad():
        next(other.parameters()).add_(1.0)
    points = torch.randn(3, 40, 3)
    model.take_encoder(other)
    assert torch.equal(model.encode(points, model.prepare(points)), other.encode(points, other.prepare(points)))


@every
def test_a_few_steps_of_training_learn_something(name: str, data: Transitions) -> None:
    torch.manual_seed(0)
    kind = MODELS.get(name)
    model = kind.from_config(configuration(kind, None, {}), current())
    part = select(data, range(40))
    codes = shape_codes(model, part)
    options = TrainingOptions(epochs=12, batch=20)
    steps = list(train(model, part, model.finetuned_parameters(), options, torch.Generator().manual_seed(0), codes))
    for loss in ("detection", "prediction"):
        assert steps[-1].losses[loss] < 0.8 * steps[0].losses[loss]
    assert ("position" in steps[0].losses) == (Capability.DISPLACEMENT in model.capabilities)
    assert ("latent" in steps[0].losses) == (Capability.LATENT in model.capabilities)
    motion = "predicted" if Capability.DISPLACEMENT in model.capabilities else "implied by relations"
    assert evaluate(model, part, codes).motion == motion


@every
def test_products_in_half_precision_learn_the_same(name: str, data: Transitions) -> None:
    part = select(data, range(16))
    ways = [TrainingOptions(epochs=1, batch=16, fused=mixed, mixed=mixed) for mixed in (False, True)]
    models = [made(name) for _ in ways]
    before = models[0].state_dict()["encoder.first.mix.weight"].clone()
    losses, steps = [], []
    for model, options in zip(models, ways, strict=True):
        (step,) = train(model, part, model.pretrained_parameters(), options, torch.Generator().manual_seed(1))
        losses.append(step.losses)
        steps.append(torch.cat([p.grad.flatten() for p in model.pretrained_parameters() if p.grad is not None]))
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert torch.nn.functional.cosine_similarity(steps[0], steps[1], dim=0) > 0.99
    assert not torch.equal(before, models[1].state_dict()["encoder.first.mix.weight"])
