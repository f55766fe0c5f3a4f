"""Planted structures are found, none is found where there is none; induced items are new; controls control."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.benchmarks.build import Carried
from fail2progress.benchmarks.clusters import Failure, Space, failures, hdbscan, kmeans, name_clusters
from fail2progress.benchmarks.induction import GENERATORS, induction, matched
from fail2progress.benchmarks.metrics import corrected_purity, mutual_information, numbered
from fail2progress.benchmarks.panel import SCOUT, Panel, PanelError
from fail2progress.benchmarks.scoring import SIGNATURE, Response
from fail2progress.benchmarks.store import ExecutionStore

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


@pytest.mark.parametrize("clusterer", [kmeans, hdbscan])
def test_a_planted_structure_is_found(pool: list[Carried], clusterer: object) -> None:
    found = planted(pool)
    labels = clusterer(Space.of(found).place(found), 2, 0)  # type: ignore[operator]
    structures = numbered([failure.item.item.structure for failure in found])
    kept = labels >= 0
    assert kept.mean() > 0.5
    assert corrected_purity(labels[kept], structures[kept], np.random.default_rng(0)) > 0.9
    assert mutual_information(labels[kept], structures[kept]) > 0.8
    if clusterer is kmeans:
        shuffled = np.random.default_rng(5).permutation(labels)
        assert abs(corrected_purity(shuffled, structures, np.random.default_rng(0))) < 0.3
        assert any(
            "missed_inside" in name or "depth" in name or "carried" in name for name in name_clusters(found, labels).values()
        )


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


def test_the_matched_control_is_as_hard_as_asked() -> None:
    rng = np.random.default_rng(0)
    accuracy = rng.random(400)
    for wanted in (0.2, 0.5, 0.8):
        rows = matched(accuracy, wanted, 60, rng)
        assert len(set(rows.tolist())) == 60
        assert accuracy[rows].mean() == pytest.approx(wanted, abs=0.05)
