import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.core.relations import BINARY, UNARY
from fail2progress.models.base import Action, LatentState, RelationLogits
from fail2progress.models.features import translation
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.skills.registry import SKILLS

few = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds = st.integers(0, 10_000)


def scene(model: Points2Plans, count: int, seed: int, batch: int = 2, present: int | None = None) -> LatentState:
    """Random codes and boxes; only the first `present` are segments."""
    generator = torch.Generator().manual_seed(seed)
    code = torch.randn(batch, count, model.config.code, generator=generator)
    low = torch.rand(batch, count, 3, generator=generator) - 0.5
    box = torch.stack([low, low + 0.02 + 0.2 * torch.rand(batch, count, 3, generator=generator)], dim=2)
    ids = torch.rand(batch, 64, generator=generator).argsort(dim=1)[:, :count]
    mask = (torch.arange(count) < (present or count)).expand(batch, count)
    return model.embed(code, box, ids, mask)


def random_action(count: int, seed: int, batch: int = 2) -> Action:
    generator = torch.Generator().manual_seed(seed)
    skill = torch.randint(len(SKILLS), (batch,), generator=generator)
    chosen = torch.randint(count, (batch,), generator=generator)
    return Action(skill, chosen, 0.3 * torch.rand(batch, 4, generator=generator))


def reordered(state: LatentState, order: Tensor) -> LatentState:
    return LatentState(*(values[:, order] for values in (state.code, state.box, state.ids, state.mask, state.tokens)))


@pytest.fixture(params=[False, True], ids=["plain", "relational"])
def stirred(request: pytest.FixtureRequest) -> Points2Plans:
    """Small, untrained, with nothing left at zero."""
    torch.manual_seed(1)
    model = Points2Plans(Points2PlansConfig(relational=request.param, feedforward=64)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return model


@few
@given(count=st.integers(1, 14), seed=seeds)
def test_any_number_of_objects(stirred: Points2Plans, count: int, seed: int) -> None:
    state = scene(stirred, count, seed)
    effect = stirred.predict(state, random_action(count, seed))
    assert effect.displacement.shape == (2, count, 3)
    assert effect.relations.binary.shape == (2, count, count, len(BINARY))
    assert effect.relations.unary.shape == stirred.detect(state).unary.shape == (2, count, len(UNARY))
    assert effect.latent.shape == state.tokens.shape
    assert all(bool(v.isfinite().all()) for v in (effect.displacement, effect.relations.binary, effect.latent))


@few
@given(present=st.integers(1, 6), padding=st.integers(1, 5), seed=seeds)
def test_what_is_masked_influences_nothing(stirred: Points2Plans, present: int, padding: int, seed: int) -> None:
    padded = scene(stirred, present + padding, seed, present=present)
    alone = reordered(padded, torch.arange(present))
    action = random_action(present, seed)
    with_padding, without = stirred.predict(padded, action), stirred.predict(alone, action)
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(with_padding.displacement[:, :present], without.displacement, **close)
    torch.testing.assert_close(with_padding.relations.binary[:, :present, :present], without.relations.binary, **close)
    torch.testing.assert_close(with_padding.relations.unary[:, :present], without.relations.unary, **close)
    torch.testing.assert_close(stirred.detect(padded).binary[:, :present, :present], stirred.detect(alone).binary, **close)


@few
@given(count=st.integers(2, 8), seed=seeds)
def test_order_of_the_segments_is_that_of_what_is_said_of_them(stirred: Points2Plans, count: int, seed: int) -> None:
    state, action = scene(stirred, count, seed), random_action(count, seed)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    effect = stirred.predict(state, action)
    turned = stirred.predict(reordered(state, order), replace(action, object=order.argsort()[action.object]))
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(turned.displacement, effect.displacement[:, order], **close)
    torch.testing.assert_close(turned.relations.binary, effect.relations.binary[:, order][:, :, order], **close)
    torch.testing.assert_close(turned.relations.unary, effect.relations.unary[:, order], **close)


def test_the_next_state_has_the_same_segments_elsewhere(stirred: Points2Plans) -> None:
    state = scene(stirred, 4, 3)
    effect = stirred.predict(state, random_action(4, 3))
    assert effect.growth is not None
    torch.testing.assert_close(effect.state.box.mean(dim=2), state.box.mean(dim=2) + effect.displacement)
    extents = [side.box[:, :, 1] - side.box[:, :, 0] for side in (state, effect.state)]
    torch.testing.assert_close(extents[1], extents[0] + effect.growth)
    assert torch.equal(effect.state.code, state.code) and torch.equal(effect.state.ids, state.ids)
    moved = stirred.embed(state.code, effect.state.box, state.ids, state.mask)
    torch.testing.assert_close(moved.tokens, effect.state.tokens)


@few
@given(seed=seeds)
def test_one_scene_for_many_candidates(stirred: Points2Plans, seed: int) -> None:
    state, action = scene(stirred, 4, seed, batch=1), random_action(4, seed, batch=1)
    many = stirred.predict(state.expand(5), action.expand(5))
    alone = stirred.predict(state, action).displacement.expand(5, -1, -1)
    # A fall of metres begins within millimetres of an edge: rounding, which depends on the size of a batch, is magnified.
    torch.testing.assert_close(many.displacement, alone, atol=1e-4, rtol=1e-5)
    both = scene(stirred, 4, seed)
    torch.testing.assert_close(both.take(torch.tensor([1])).box, both.box[1:])


@few
@given(count=st.integers(1, 8), seed=seeds)
def test_before_training_the_object_follows_the_command_and_nothing_else_moves(count: int, seed: int) -> None:
    torch.manual_seed(seed)
    model = Points2Plans(Points2PlansConfig(relational=True, feedforward=64)).eval()
    action = random_action(count, seed)
    moved = model.predict(scene(model, count, seed), action).displacement
    command = translation(action.skill, action.parameters)
    rows = torch.arange(2)
    torch.testing.assert_close(moved[rows, action.object], command, rtol=0.03, atol=1e-6)
    moved[rows, action.object] = 0.0
    assert bool((moved.abs() <= 0.03 * command.abs().amax(dim=1)[:, None, None] + 1e-6).all())


@pytest.mark.parametrize("apart", [True, False])
def test_gradients_by_the_offsets_are_finite_and_there(stirred: Points2Plans, apart: bool) -> None:
    state = scene(stirred, 5, 2)
    if not apart:  # all boxes in one place, without extent
        state = stirred.embed(state.code, torch.zeros_like(state.box), state.ids, state.mask)
    offsets = torch.zeros(2, 5, 3, requires_grad=True)
    stirred.detect(stirred.shifted(state, offsets)).binary.sum().backward()
    assert offsets.grad is not None and bool(offsets.grad.isfinite().all()) and bool((offsets.grad != 0).any())


def test_gradients_by_the_parameters_are_finite_and_there(stirred: Points2Plans) -> None:
    action = random_action(5, 2)
    parameters = action.parameters.clone().requires_grad_()
    effect = stirred.predict(scene(stirred, 5, 2), replace(action, parameters=parameters))
    (effect.relations.binary.sum() + effect.displacement.sum()).backward()
    assert parameters.grad is not None and bool(parameters.grad.isfinite().all()) and bool((parameters.grad != 0).any())


def test_moving_along_is_asked_of_relations_to_the_object_of_the_skill_only() -> None:
    torch.manual_seed(0)
    model = Points2Plans(Points2PlansConfig(relational=True, feedforward=64))
    action = Action(torch.tensor([0]), torch.tensor([1]), torch.zeros(1, 4))
    with torch.no_grad():
        model.messages.along[0, BINARY.index("inside")] = 3.0
    logits = torch.full((1, 3, 3, len(BINARY)), -30.0)
    logits[0, 2, 1, BINARY.index("inside")] = 30.0  # 2 is in 1
    logits[0, 1, 0, BINARY.index("inside")] = 30.0
    assert model.messages.moves_along(action.skill, action.object, logits).flatten().tolist() == pytest.approx([0.0, 0.0, 3.0])


@pytest.mark.parametrize("probability", [0.7, 0.8, 0.9])
def test_what_is_believed_with_some_doubt_moves_along_nearly_as_what_was_seen(probability: float) -> None:
    """Of a weight that was learnt from what is certain nine tenths count from .7 on, and a tenth at most below .3."""
    torch.manual_seed(0)
    model = Points2Plans(Points2PlansConfig(relational=True, feedforward=64))
    with torch.no_grad():
        model.messages.along[0, BINARY.index("inside")] = 5.0
    logits = torch.full((2, 2, 2, len(BINARY)), -30.0)
    logits[:, 1, 0, BINARY.index("inside")] = torch.tensor([probability, 1.0 - probability]).logit()
    first, none = torch.zeros(2, dtype=torch.long), torch.zeros(2, dtype=torch.long)
    likely, unlikely = model.messages.moves_along(none, first, logits)[:, 1, 0].tolist()
    assert likely > 0.9 * 5.0 and unlikely < 0.1 * 5.0


def test_what_rides_on_a_thing_that_is_turned_turns_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three things in a row along x one stays; the third is in the second, which is carried and turned by a right angle."""
    torch.manual_seed(0)
    model = Points2Plans(Points2PlansConfig(relational=True, feedforward=64)).eval()
    low = torch.tensor([[[0.0, 0.0, 0.0], [0.3, 0.0, 0.0], [0.34, 0.0, 0.0]]])
    box = torch.stack([low, low + torch.tensor([[[0.1], [0.1], [0.04]]])], dim=2)
    state = model.embed(torch.zeros(1, 3, model.config.code), box, torch.arange(3)[None], torch.ones(1, 3, dtype=torch.bool))
    inside = torch.full((1, 3, 3, len(BINARY)), -30.0)
    inside[0, 2, 1, BINARY.index("inside")] = 30.0
    monkeypatch.setattr(model, "detect", lambda state: RelationLogits(inside, torch.zeros(1, 3, len(UNARY))))
    with torch.no_grad():
        model.handed_on.by_relation[0, BINARY.index("inside")] = 20.0
        moved, straight = (
            model.predict(state, Action(torch.tensor([0]), torch.tensor([1]), torch.tensor([[0.2, 0.1, 0.0, turn]]))).displacement
            for turn in (math.pi / 2, 0.0)
        )
    arm = box[0, 2].mean(dim=0) - box[0, 1].mean(dim=0)
    around = torch.stack([-arm[1] - arm[0], arm[0] - arm[1], torch.tensor(0.0)])
    torch.testing.assert_close((moved - straight)[0], torch.stack([0 * around, 0 * around, around]), rtol=0.05, atol=1e-3)


def test_what_each_kind_of_training_adjusts(model: Points2Plans) -> None:
    def ids(parameters: list[torch.nn.Parameter]) -> set[int]:
        assert len({id(p) for p in parameters}) == len(parameters)
        return {id(parameter) for parameter in parameters}

    whole, encoder = ids(list(model.parameters())), ids(list(model.encoder.parameters()))
    before, after, fresh = (
        ids(get()) for get in (model.pretrained_parameters, model.finetuned_parameters, model.adapter_parameters)
    )
    assert before | fresh == whole and not before & fresh
    assert after == whole - encoder and fresh <= after
    assert set(model.adapters()) == ({"relations", "networks", "neighbours"} if model.config.relational else {"networks"})


@pytest.mark.parametrize("change", [lambda c: replace(c, relational=True), lambda c: replace(c, layers=1), lambda c: c])
def test_a_configuration_is_its_dictionary(change: Callable[[Points2PlansConfig], Points2PlansConfig]) -> None:
    config = change(Points2PlansConfig())
    assert Points2PlansConfig(**config.to_dict()) == config
