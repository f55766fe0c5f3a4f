"""The oracles of the benchmark's documents: printed values, hand-made clusters, equal models."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from fail2progress.benchmarks.bootstrap import Draws, two_level
from fail2progress.benchmarks.metrics import (
    corrected_purity,
    corrected_separation,
    drift,
    items_to_order,
    mutual_information,
    order_agreement,
    order_agreements,
    purity,
    same_partition,
    separation,
)


@pytest.mark.parametrize(("accuracies", "printed"), [((0, 2 / 3, 2 / 3), 0.3143), ((0.6, 1, 1), 0.1886)])
def test_separation_as_it_is_printed(accuracies: tuple[float, ...], printed: float) -> None:
    assert round(separation(accuracies), 4) == printed


@pytest.mark.parametrize(("items", "expected"), [(3, 0.20), (20, 0.08), (200, 0.025)])
def test_equal_models_seem_to_differ_until_the_noise_is_taken_off(items: int, expected: float) -> None:
    rng = np.random.default_rng(0)
    answers = [(rng.random((items, 3)) < 0.5).astype(float) for _ in range(2000)]
    assert np.mean([separation(a.mean(axis=0)) for a in answers]) == pytest.approx(expected, abs=0.02)
    if items > 3:
        squares = [a.mean(axis=0).var() - (2 / 3) * (a.var(axis=0, ddof=1) / items).mean() for a in answers]
        assert np.mean(squares) == pytest.approx(0.0, abs=2e-4)
        assert np.median([corrected_separation(a) for a in answers]) < expected / 2


def test_unlike_models_keep_their_separation() -> None:
    rng = np.random.default_rng(1)
    answers = (rng.random((4000, 3)) < [0.2, 0.5, 0.8]).astype(float)
    assert corrected_separation(answers) == pytest.approx(separation([0.2, 0.5, 0.8]), abs=0.02)


def test_hand_made_clusters_however_they_are_numbered() -> None:
    clusters = np.array([0, 0, 0, 1, 1, 1])
    structures = np.array([0, 0, 1, 1, 1, 1])
    assert purity(clusters, structures) == pytest.approx((2 / 3 + 1) / 2)
    renumbered, relabelled = 1 - clusters, 5 - structures
    rng = np.random.default_rng
    assert purity(renumbered, relabelled) == purity(clusters, structures)
    assert corrected_purity(renumbered, relabelled, rng(0)) == pytest.approx(
        corrected_purity(clusters, structures, rng(0)), abs=0.15
    )
    assert corrected_purity(clusters, clusters, rng(0)) == 1.0
    assert mutual_information(renumbered, relabelled) == pytest.approx(mutual_information(clusters, structures))
    assert same_partition(clusters, renumbered) == 1.0
    assert corrected_purity(clusters, np.zeros(6, int), rng(0)) == 0.0


def test_labels_by_chance_are_not_pure_however_many_clusters_there_are() -> None:
    rng = np.random.default_rng(2)
    clusters, structures = rng.integers(20, size=100), rng.integers(5, size=100)
    assert purity(clusters, structures) > 0.4
    assert abs(corrected_purity(clusters, structures, rng)) < 0.1
    assert abs(mutual_information(clusters, structures)) < 0.1


def test_centroids_are_matched_before_they_are_said_to_drift() -> None:
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    assert drift(centres, centres) == 0.0
    assert drift(centres, centres[[2, 0, 1]]) == 0.0
    moved = drift(centres, centres[[1, 2, 0]] + [1.0, 0.0])
    assert moved == pytest.approx(1.0 / np.mean([10.0, 10.0, np.sqrt(200.0)]))


def test_order_and_what_it_takes_to_see_it() -> None:
    assert order_agreement(np.array([0.1, 0.5, 0.9]), np.array([1.0, 2.0, 3.0])) == 1.0
    assert order_agreement(np.array([0.5, 0.5, 0.5]), np.array([1.0, 2.0, 3.0])) == 0.0
    rng = np.random.default_rng(3)
    answers = (rng.random((1000, 3)) < [0.2, 0.7, 0.68]).astype(float)
    needed = items_to_order(answers, np.array([1.0, 2.0, 3.0]))
    assert needed[0] < 30
    assert np.isinf(needed[1])


def test_how_many_items_tell_an_order_is_not_known_where_the_differences_have_no_spread() -> None:
    one, alike = np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]] * 5)
    assert (
        np.isnan(items_to_order(one, np.array([0.0, 1.0]))).all() and np.isnan(items_to_order(alike, np.array([0.0, 1.0]))).all()
    )
    assert np.isinf(items_to_order(alike, np.array([1.0, 0.0]))).all()


def test_two_levels_are_wider_than_one() -> None:
    rng = np.random.default_rng(4)
    values = np.array([0.0, 1.0, 2.0])
    apart = two_level(values, values[:, None] + np.zeros((3, 50)), 400, rng)
    alike = two_level(np.ones(3), np.ones((3, 50)), 400, rng)
    assert apart.value == 1.0 and apart.hi - apart.lo > 1.0
    assert (alike.lo, alike.hi) == (1.0, 1.0) and alike.p < 0.01


def test_the_interval_of_a_spread_ends_at_0_and_that_of_a_difference_does_not() -> None:
    """Models that differ as little as chance has it: drawn again, their spread is larger, and the shift takes that off."""
    values, replicates = np.array([0.0, 0.0, 0.001]), np.abs(np.random.default_rng(7).normal(0.0, 0.03, (3, 400)))
    found, free = (two_level(values, replicates, 500, np.random.default_rng(8), least=least) for least in (0.0, -np.inf))
    assert free.lo < 0 == found.lo and (found.hi, found.p, found.value) == (free.hi, free.p, free.value)
    below = two_level(np.zeros(2), np.zeros((2, 50)), 100, np.random.default_rng(9), least=0.0)
    assert (below.lo, below.value, below.hi) == (0.0, 0.0, 0.0)
    assert found.lo <= found.value <= found.hi


def test_items_that_seeds_share_are_drawn_alike_and_not_as_independent_ones() -> None:
    rng = np.random.default_rng(5)
    items = [str(i) for i in range(60)]
    draws = Draws(items, 4000, rng)
    one, other = draws.counts(items[:40]), draws.counts(items[20:])
    assert np.array_equal(one[:, 20:], other[:, :20])
    assert abs(one.mean() - 1) < 0.05 and (draws.counts(["7"]) > 0).all()
    # the same 50 items in ten seeds are no more than 50 items
    answers, names = rng.random(50).round(), [str(i) for i in range(50)]
    shared = Draws(names, 2000, rng)
    apart = [Draws(names, 2000, rng) for _ in range(10)]
    wide, narrow = (
        two_level(np.full(10, answers.mean()), np.array([(c * answers).sum(1) / c.sum(1) for c in counts]), 2000, rng)
        for counts in ([shared.counts(names)] * 10, [each.counts(names) for each in apart])
    )
    assert wide.hi - wide.lo > 2 * (narrow.hi - narrow.lo)


def test_the_order_of_many_at_once_is_that_of_each() -> None:
    rng = np.random.default_rng(6)
    accuracies, reference = rng.random((50, 9)).round(1), rng.random(9).round(1)
    each = [kendalltau(row, reference, variant="b").statistic for row in accuracies]
    assert order_agreements(accuracies, reference) == pytest.approx(each)
    assert order_agreements(np.ones((1, 9)), reference)[0] == 0.0
