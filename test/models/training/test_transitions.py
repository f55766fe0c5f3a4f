from dataclasses import fields

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models.training.transitions import COMPUTED, Transitions, concatenate, select
from fail2progress.simulation.base import Outcome

Outcomes = tuple[Outcome, ...]
rows = st.lists(st.integers(0, 149), min_size=1, max_size=8)
brief = settings(max_examples=25)
LOOSE = 1e-6


def same(one: Transitions, other: Transitions) -> bool:
    names = [field.name for field in fields(Transitions) if field.name not in (*COMPUTED, "cloud", "points", "box")]
    clouds = torch.equal(one.points[one.cloud], other.points[other.cloud])
    boxes = torch.equal(one.box[one.cloud], other.box[other.cloud])
    keys = one.prepared.keys() == other.prepared.keys()
    near = keys and all(torch.equal(one.prepared[key][one.cloud], other.prepared[key][other.cloud]) for key in one.prepared)
    return clouds and boxes and near and all(torch.equal(getattr(one, name), getattr(other, name)) for name in names)


def check(source: Transitions, execution: int, outcome: Outcome) -> None:
    """What a set says about one of its executions is what happened."""
    first, count = int(source.offsets[execution]), int(source.count[execution])
    mine, pairs = slice(first, first + count), int(source.pair_offsets[execution])
    before, after = outcome.before, outcome.after
    assert count == len(before.scene)
    np.testing.assert_allclose(source.shift[mine], outcome.displacements, atol=LOOSE)
    seen = np.stack([before.cloud.seen, after.cloud.seen], axis=1)
    assert (source.seen[mine].numpy() == seen).all()
    for side, snapshot in enumerate((before, after)):
        binary = source.binary[pairs : pairs + count**2, side].view(count, count, 9)
        assert (binary.numpy() == snapshot.relations.binary).all()
        assert (source.unary[mine, side].numpy() == snapshot.relations.unary).all()
    for row in np.flatnonzero(before.cloud.seen):
        cloud = source.cloud[first + row, 0]
        points = source.points[cloud] + source.box[cloud].mean(dim=0)
        np.testing.assert_allclose(points, before.cloud.points[row], atol=LOOSE)
    assert int(source.object[execution]) == before.scene.index(outcome.call.object)
    np.testing.assert_allclose(source.parameters[execution], outcome.call.padded, atol=LOOSE)


def test_a_set_says_what_happened(outcomes: Outcomes, data: Transitions) -> None:
    assert len(data) == len(outcomes) and len(set(data.count.tolist())) > 3
    for number, outcome in enumerate(outcomes):
        check(data, number, outcome)


def test_clouds_after_are_those_of_what_moved(outcomes: Outcomes, data: Transitions) -> None:
    own = data.cloud[:, 1] != data.cloud[:, 0]
    moved = (data.shift.norm(dim=1) > 0.002) | ~data.seen[:, 0]
    assert torch.equal(own, moved & data.seen[:, 1])
    for number, outcome in enumerate(outcomes):
        for row in np.flatnonzero(outcome.after.cloud.seen):
            segment = int(data.offsets[number]) + int(row)
            if own[segment]:
                cloud = data.cloud[segment, 1]
                found = data.points[cloud] + data.box[cloud].mean(dim=0)
                np.testing.assert_allclose(found, outcome.after.cloud.points[row], atol=LOOSE)


@brief
@given(chosen=rows)
def test_selected_executions_keep_their_labels(outcomes: Outcomes, data: Transitions, chosen: list[int]) -> None:
    part = select(data, chosen)
    assert len(part.points) <= 2 * len(part.shift) and int(part.cloud.max()) < len(part.points)
    for place, number in enumerate(chosen):
        check(part, place, outcomes[number])


@brief
@given(one=rows, other=rows)
def test_sets_joined_keep_their_labels(outcomes: Outcomes, data: Transitions, one: list[int], other: list[int]) -> None:
    both = concatenate([select(data, one), select(data, other)])
    assert same(both, select(data, one + other))
    for place, number in enumerate(one + other):
        check(both, place, outcomes[number])


@brief
@given(chosen=rows)
def test_made_of_the_same_outcomes_or_selected(outcomes: Outcomes, data: Transitions, chosen: list[int]) -> None:
    made = from_outcomes([outcomes[number] for number in chosen])
    part = select(data, chosen)
    torch.testing.assert_close(made.points[made.cloud], part.points[part.cloud])
    assert torch.equal(made.binary, part.binary) and torch.equal(made.count, part.count)


@brief
@given(chosen=rows, seed=st.integers(0, 1000))
def test_a_batch_is_padded_and_its_labels_stay_with_their_segments(data: Transitions, chosen: list[int], seed: int) -> None:
    batch = data.batch(torch.tensor(chosen), torch.Generator().manual_seed(seed))
    assert batch.mask.shape == (len(chosen), int(data.count[chosen].max()))
    for row, number in enumerate(chosen):
        first, count, pairs = int(data.offsets[number]), int(data.count[number]), int(data.pair_offsets[number])
        mine = slice(first, first + count)
        assert torch.equal(batch.mask[row, :count], data.seen[mine, 0]) and not batch.mask[row, count:].any()
        assert torch.equal(batch.seen[row, :count], data.seen[mine]) and not batch.seen[row, count:].any()
        assert torch.equal(batch.cloud[row, :count], data.cloud[mine])
        assert torch.equal(batch.shift[row, :count], data.shift[mine])
        assert torch.equal(batch.unary[row, :count], data.unary[mine].float())
        binary = data.binary[pairs : pairs + count**2].view(count, count, 2, 9).float()
        assert torch.equal(batch.binary[row, :count, :count], binary)
        assert torch.equal(batch.skill[row], data.skill[number]) and int(batch.object[row]) == int(data.object[number])
        assert len(set(batch.ids[row].tolist())) == batch.ids.shape[1]


def test_identities_are_drawn_anew_and_suffice_for_any_number(data: Transitions) -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = (data.batch(torch.arange(20), generator).ids for _ in range(2))
    assert not torch.equal(one, other) and int(one.max()) < 64
    few = data.batch(torch.arange(20), generator, identities=1).ids
    assert all(len(set(row.tolist())) == few.shape[1] for row in few)


@brief
@given(rows, st.integers(0, 2**31))
def test_padding_needs_no_further_cloud(data: Transitions, chosen: list[int], seed: int) -> None:
    batch = data.batch(torch.tensor(chosen), torch.Generator().manual_seed(seed))
    own = [data.cloud[int(data.offsets[e]) : int(data.offsets[e + 1])] for e in chosen]
    assert set(batch.cloud.flatten().tolist()) == set(torch.cat(own).flatten().tolist())
