"""Planted structures are found, none is found where there is none; induced items are new; controls control."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.benchmarks.build import BuildError, Carried
from fail2progress.benchmarks.clusters import Failure, Space, failures, hdbscan, kmeans, name_clusters
from fail2progress.benchmarks.induction import GENERATORS, Stein, induction, matched
from fail2progress.benchmarks.items import BenchmarkItem
from fail2progress.benchmarks.manifest import SCOUT
from fail2progress.benchmarks.metrics import corrected_purity, mutual_information, numbered
from fail2progress.benchmarks.panel import Panel, PanelError
from fail2progress.benchmarks.scoring import SIGNATURE, Response
from fail2progress.benchmarks.store import ExecutionStore
from fail2progress.tasks.items import Item

LOST = SIGNATURE.index("missed_inside")


def planted(pool: list[Carried]) -> list[Failure]:
    """A stub that takes every content for lost, and of the rest puts a third a little astray."""
    rng, found = np.random.default_rng(0), []
    for item in pool:
        signature = np.zeros(len(SIGNATURE))
        loaded = item.item.structure == "loaded"
        signature[LOST if loaded else SIGNATURE.index("object_mm")] = 1.5 if loaded else np.log1p(60.0)
        if loaded or rng.random() < 0.6:
            found.append(Failure(item, 0, signature))
    return found


def causeless(pool: list[Carried]) -> tuple[list[Failure], list[str]]:
    """A stub that fails whatever it is given, with the same errors, for causes that are drawn."""
    rng = np.random.default_rng(1)
    found = [Failure(item, 0, rng.normal(0.5, 0.05, len(SIGNATURE)).clip(0)) for item in pool]
    return found, [str(rng.integers(2)) for _ in found]


def test_a_planted_structure_is_found_and_named_and_permuted_labels_find_none(pool: list[Carried]) -> None:
    found = planted(pool)
    labels = kmeans(Space.of(found).place(found), 2, 0)
    structures = numbered([failure.item.item.structure for failure in found])
    assert corrected_purity(labels, structures, np.random.default_rng(0)) > 0.9
    assert mutual_information(labels, structures) > 0.8
    assert any(word in name for name in name_clusters(found, labels).values() for word in ("missed_inside", "depth", "carried"))
    permuted = [np.random.default_rng(seed).permutation(labels) for seed in range(20)]
    assert abs(np.mean([corrected_purity(each, structures, np.random.default_rng(0)) for each in permuted])) < 0.1


def test_clusters_by_density_leave_out_what_is_in_none() -> None:
    rng = np.random.default_rng(0)
    blobs = np.concatenate([rng.normal(0, 0.1, (30, 3)), rng.normal(3, 0.1, (30, 3)), rng.uniform(-9, 9, (6, 3))])
    labels = hdbscan(blobs, 2, 0)
    assert len(set(labels[:30])) == 1 and len(set(labels[30:60])) == 1 and labels[0] != labels[30]
    assert (labels[60:] == -1).mean() > 0.5


@pytest.mark.parametrize("name", ["cluster", "stein", "neighbour"])
def test_failures_in_no_cluster_are_refused_with_what_to_do(
    name: str, pool: list[Carried], panel: Panel, store: ExecutionStore
) -> None:
    responses = panel.respond([item.execution for item in pool], SCOUT)
    given = induction(pool, responses, panel, store, None, 2, "kmeans", 0)
    noise = given.with_labels(np.full(len(given.found), -1))
    with pytest.raises(BuildError, match="failures are in no cluster: cluster them by kmeans"):
        GENERATORS.get(name)(noise, 4, np.random.default_rng(3))


def test_where_there_is_no_structure_none_is_found(pool: list[Carried]) -> None:
    found, causes = causeless(pool)
    labels = kmeans(Space.of(found).place(found), 2, 0)
    assert corrected_purity(labels, numbered(causes), np.random.default_rng(0)) < 0.4
    assert abs(mutual_information(labels, numbered(causes))) < 0.15


def test_every_failing_item_comes_once_with_a_model_that_failed(pool: list[Carried]) -> None:
    size = (3, len(SIGNATURE))
    answers = [Response(np.array([True, i % 2 == 0, False]), np.zeros(3), np.zeros(size)) for i, _ in enumerate(pool)]
    found = failures(pool, answers, (0, 1), np.random.default_rng(0))
    assert {failure.member for failure in found} == {1}
    assert [failure.item.id for failure in found] == [item.id for item in pool[1::2]]


def test_no_model_is_scout_and_evaluee(panel: Panel) -> None:
    scouts, others = panel.of("scout"), panel.of("evaluee")
    assert scouts and others and not set(scouts) & set(others)
    twice = replace(panel.members[scouts[0]], role="evaluee")
    with pytest.raises(PanelError, match="scouts and evaluees must differ"):
        Panel((*panel.members, twice))
    with pytest.raises(PanelError, match="at least one"):
        Panel(tuple(panel.members[i] for i in scouts))


@pytest.mark.parametrize("name", ["cluster", "neighbour", "boundary"])
def test_induced_items_are_new_and_the_same_again(name: str, pool: list[Carried], panel: Panel, store: ExecutionStore) -> None:
    def made() -> list[Carried]:
        responses = panel.respond([item.execution for item in pool], SCOUT)
        given = induction(pool, responses, panel, store, None, 2, "kmeans", 0)
        return GENERATORS.get(name)(given, 4, np.random.default_rng(3))

    first = made()
    known = {item.id for item in pool}
    assert len({item.id for item in first} - known) == 4
    assert [item.id for item in made()] == [item.id for item in first]
    assert all(set(item.item.metadata.parents) <= known and item.item.metadata.generator == name for item in first)
    assert (first[0].item.metadata.cluster is not None) == (name == "cluster")


def test_stein_makes_items_around_failures(pool: list[Carried], panel: Panel, store: ExecutionStore) -> None:
    responses = panel.respond([item.execution for item in pool], SCOUT)
    given = induction(pool, responses, panel, store, None, 2, "kmeans", 0)
    made = GENERATORS.get("stein")(given, 3, np.random.default_rng(3))
    parents = {item.id: item for item in pool}
    assert len(made) == 3 and not {item.id for item in made} & set(parents)
    for item in made:
        parent = parents[item.item.metadata.parents[0]]
        assert item.execution.skill == parent.execution.skill and item.item.structure == parent.item.structure


def test_failures_around_which_nothing_can_be_made_are_refused(
    pool: list[Carried], panel: Panel, store: ExecutionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    responses = panel.respond([item.execution for item in pool], SCOUT)
    given = induction(pool, responses, panel, store, None, 2, "kmeans", 0)
    asked = Counter[str]()

    def nothing(self: Stein, parent: BenchmarkItem, *_: object) -> list[Item]:
        asked[parent.id] += 1
        assert max(asked.values()) < 100, "the same failures are asked for without end"
        return []

    monkeypatch.setattr(Stein, "_around", nothing)
    with pytest.raises(BuildError, match=rf"plain#0 gives no scene around any of the {len(given.found)} failures: use more"):
        GENERATORS.get("stein")(given, 3, np.random.default_rng(3))
    assert len(asked) == len(given.found)


def test_only_items_whose_draws_are_known_are_varied(pool: list[Carried], panel: Panel, store: ExecutionStore) -> None:
    responses = panel.respond([item.execution for item in pool], SCOUT)
    without = [replace(item, item=replace(item.item, choices=())) if i % 2 else item for i, item in enumerate(pool)]
    given = induction(without, responses, panel, store, None, 2, "kmeans", 0)
    made = GENERATORS.get("neighbour")(given, 6, np.random.default_rng(3))
    assert {item.item.metadata.parents[0] for item in made} <= {item.id for item in without if item.item.choices}


def test_the_matched_control_is_as_hard_as_asked() -> None:
    rng = np.random.default_rng(0)
    accuracy = rng.random(400)
    for wanted in (0.2, 0.5, 0.8):
        rows = matched(accuracy, wanted, 60, rng)
        assert len(set(rows.tolist())) == 60
        assert accuracy[rows].mean() == pytest.approx(wanted, abs=0.05)


def test_seeds_share_what_is_made_around_a_failed_item(pool: list[Carried], panel: Panel, store: ExecutionStore) -> None:
    responses = panel.respond([item.execution for item in pool], SCOUT)
    given = induction(pool, responses, panel, store, None, 2, "kmeans", 0)
    made = [
        GENERATORS.get("neighbour")(replace(given, known={item.id for item in pool}), 24, np.random.default_rng(seed))
        for seed in (1, 2)
    ]
    parents = [{item.item.metadata.parents[0] for item in items} for items in made]
    ids = [{item.id for item in items} for items in made]
    assert ids[0] != ids[1] and len(ids[0] & ids[1]) >= len(parents[0] & parents[1]) / 2 > 0


def test_answers_do_not_depend_on_what_is_asked_beside(pool: list[Carried], panel: Panel) -> None:
    executions = [item.execution for item in pool]
    together, alone = panel.respond(executions), [panel.respond([each])[0] for each in executions[:6]]
    for one, other in zip(together, alone, strict=False):
        assert np.array_equal(one.correct, other.correct) and np.allclose(one.graded, other.graded, atol=1e-4)
