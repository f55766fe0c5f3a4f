import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.models.base import RelationLogits
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.training.losses import LossWeights, action, detected, losses, position_loss, relation_loss, view
from fail2progress.models.training.transitions import Transitions

PAPER = LossWeights(paper_position=True)
seeds = st.integers(0, 10_000)


def entropy(logit: float, truth: float) -> float:
    p = 1 / (1 + math.exp(-logit))
    return -(truth * math.log(p) + (1 - truth) * math.log(1 - p))


def test_the_papers_position_loss() -> None:
    predicted, true = torch.tensor([[[0.1, 0.0, -0.2], [0.0, 0.3, 0.0]]]), torch.zeros(1, 2, 3)
    error = (0.1 + 0.2 + 0.3) / 6
    found = position_loss(predicted, true, torch.ones(1, 2, dtype=torch.bool), PAPER)
    assert float(found) == pytest.approx(5 * math.sqrt(12 * error))


def test_the_position_loss_by_hand() -> None:
    predicted, true = torch.tensor([[[0.1, 0.0, -0.2], [0.0, 0.0, 0.9]]]), torch.zeros(1, 2, 3)
    found = position_loss(predicted, true, torch.ones(1, 2, dtype=torch.bool), LossWeights(mse=300.0, l1=20.0))
    squares = ((0.01 + 0.04) / 3 + 0.25 / 3) / 2  # what is wrong by more than half a metre counts as half a metre
    assert float(found) == pytest.approx(300 * squares + 20 * (0.1 + 0.2 + 0.9) / 6)


@given(seed=seeds, paper=st.booleans())
def test_what_is_masked_costs_nothing(seed: int, paper: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    predicted, true, other = (torch.randn(2, 4, 3, generator=generator) for _ in range(3))
    mask = torch.rand(2, 4, generator=generator) > 0.4
    mask[0, 0] = True
    weights = LossWeights(paper_position=paper)
    elsewhere = torch.where(mask.unsqueeze(-1), predicted, other)
    assert torch.equal(position_loss(predicted, true, mask, weights), position_loss(elsewhere, true, mask, weights))
    logits = RelationLogits(torch.randn(2, 4, 4, 9, generator=generator), torch.randn(2, 4, 3, generator=generator))
    unary, binary = torch.ones(2, 4, 3), torch.zeros(2, 4, 4, 9)
    pairs = mask.unsqueeze(1) & mask.unsqueeze(2) & ~torch.eye(4, dtype=torch.bool)
    changed = RelationLogits(
        torch.where(pairs.unsqueeze(-1), logits.binary, 7.0), torch.where(mask.unsqueeze(-1), logits.unary, 7.0)
    )
    assert torch.equal(relation_loss(logits, unary, binary, mask), relation_loss(changed, unary, binary, mask))


def test_nothing_seen_costs_nothing() -> None:
    none = torch.zeros(1, 3, dtype=torch.bool)
    logits = RelationLogits(torch.ones(1, 3, 3, 9), torch.ones(1, 3, 3))
    assert float(relation_loss(logits, torch.zeros(1, 3, 3), torch.zeros(1, 3, 3, 9), none)) == 0.0
    assert float(position_loss(torch.ones(1, 3, 3), torch.zeros(1, 3, 3), none, LossWeights())) == 0.0


def test_the_relation_loss_by_hand() -> None:
    binary, unary = torch.zeros(1, 2, 2, 9), torch.full((1, 2, 3), 0.5)
    binary[0, 0, 1] = 2.0
    binary[0, 1, 0] = -1.0
    binary[0, 0, 0] = 50.0  # nothing is related to itself
    truth = torch.zeros(1, 2, 2, 9)
    truth[0, 0, 1, :3] = 1.0
    pairs = ((3 * entropy(2.0, 1.0) + 6 * entropy(2.0, 0.0)) / 9 + entropy(-1.0, 0.0)) / 2
    expected = pairs + 0.3 * entropy(0.5, 1.0)
    mask = torch.ones(1, 2, dtype=torch.bool)
    assert float(relation_loss(RelationLogits(binary, unary), torch.ones(1, 2, 3), truth, mask)) == pytest.approx(expected)


def test_all_losses_of_a_batch(model: Points2Plans, data: Transitions, codes: Tensor) -> None:
    batch = data.batch(torch.arange(8), torch.Generator().manual_seed(0))
    views = view(model, data, batch, torch.zeros(8, 3), codes)
    parts = losses(model, views, batch, LossWeights())
    falls = {"falling"} if views.effect.falls is not None else set()
    assert set(parts) - falls == {"detection", "prediction", "position", "latent", "growth"} and falls <= set(parts)
    assert all(bool(value.isfinite()) and (bool(value > 0) or name in falls) for name, value in parts.items())
    doubled = losses(model, views, batch, LossWeights(latent=0.2))
    torch.testing.assert_close(doubled["latent"], 2 * parts["latent"])
    assert torch.equal(action(batch).parameters, data.parameters[:8])


def test_a_prediction_says_what_was_detected_on_the_way_and_it_need_not_cost(data: Transitions, codes: Tensor) -> None:
    torch.manual_seed(0)
    relational = Points2Plans(Points2PlansConfig(relational=True))
    batch = data.batch(torch.arange(8), torch.Generator().manual_seed(0))
    views = view(relational, data, batch, torch.zeros(8, 3), codes)
    again = relational.detect(views.now)
    torch.testing.assert_close(detected(relational, views).binary, again.binary)
    torch.testing.assert_close(detected(relational, views).unary, again.unary)
    assert "detection" not in losses(relational, views, batch, LossWeights(detection=0.0))


@settings(max_examples=10)
@given(seed=seeds)
def test_views_show_both_sides_where_they_were_moved_to(data: Transitions, codes: Tensor, seed: int) -> None:
    torch.manual_seed(0)
    model = Points2Plans()
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(data), generator=generator)[:4]
    batch, shift = data.batch(chosen, generator), torch.randn(4, 3, generator=generator)
    with torch.no_grad():
        views = view(model, data, batch, shift, codes)
    now, later = data.box[batch.cloud[..., 0]], data.box[batch.cloud[..., 1]]
    torch.testing.assert_close(views.now.box, now + shift[:, None, None])
    torch.testing.assert_close(views.later.box, later + shift[:, None, None])
    assert torch.equal(views.now.mask, batch.mask) and torch.equal(views.later.mask, batch.seen.all(dim=-1))
    assert torch.equal(views.now.code, codes[batch.cloud[..., 0]])


def test_codes_computed_beforehand_are_the_encoders(model: Points2Plans, data: Transitions) -> None:
    batch = data.batch(torch.arange(4), torch.Generator().manual_seed(0))
    with torch.no_grad():
        own = view(model, data, batch, torch.zeros(4, 3), None).now.code
        for row in range(4):
            used = batch.cloud[row, batch.mask[row], 0]
            expected = model.encode(data.points[used], model.prepare(data.points[used]))
            torch.testing.assert_close(own[row, batch.mask[row]], expected, rtol=1e-2, atol=1e-2)
