"""G: benchmarks made from failures. Every generator simulates fresh items with new ids; an item that failed is never used again.

`cluster` varies the draws of failed items and stays within their cluster; `stein` places scenes by the product's Stein inference
with the failure's relations as R_F; `boundary` takes what the scouts disagree on most. Controls: `shuffled` (cluster, its labels
permuted) and `neighbour` (no clusters at all).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Protocol

import numpy as np

from fail2progress.benchmarks.build import BuildError, Carried, Rejected, collect
from fail2progress.benchmarks.choices import varied
from fail2progress.benchmarks.clusters import CLUSTERERS, Failure, Labels, Space, centroids, failures, nearest
from fail2progress.benchmarks.items import BenchmarkItem, Metadata, design, made_of, seeded
from fail2progress.benchmarks.manifest import SCOUT
from fail2progress.benchmarks.panel import Member, Panel
from fail2progress.benchmarks.scoring import Response
from fail2progress.benchmarks.store import ExecutionStore
from fail2progress.core.camera import Camera
from fail2progress.core.registry import Registry
from fail2progress.core.scene import Array
from fail2progress.evaluation.item_failures import NoFailureError, failure_of
from fail2progress.learning.finetuning.targeted import TargetOptions, target
from fail2progress.models.base import Capability
from fail2progress.models.training.parallel import one_thread
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Outcome, Simulator
from fail2progress.stein.actions import PRIOR
from fail2progress.stein.states import NothingToVaryError
from fail2progress.tasks.items import Item, to_json
from fail2progress.tasks.layout import random_camera_pose

STEP = 0.06
"""Standard deviation by which a draw, 0 to 1, is varied."""
_OVERSAMPLING = 2
_STEIN = TargetOptions(samples=16, oversampling=1.5, state_steps=32, action_steps=0, acquisition=PRIOR)


@dataclass(frozen=True)
class Induction:
    """What a generator works from: failures of the scouts on one part of a pool, their clusters, and what is known already."""

    found: tuple[Failure, ...]
    labels: Labels
    space: Space
    panel: Panel
    store: ExecutionStore
    known: set[str] = field(compare=False)
    rejected: Rejected = field(default_factory=Rejected, compare=False)
    seed: int = 0
    """With a failed item's id it decides what is made around it: benchmark seeds that draw the same item share the work."""

    @property
    def features(self) -> Array:
        """(n, D) of the failures."""
        return self.space.place(self.found)

    def in_clusters(self) -> list[Labels]:
        """Rows of the failures of every cluster, by label. BuildError where there is none, as a clusterer by density may say."""
        rows = [np.flatnonzero(self.labels == label) for label in np.unique(self.labels[self.labels >= 0])]
        if not rows:
            raise BuildError(f"the {len(self.found)} failures are in no cluster: cluster them by kmeans, or use more items")
        return rows

    def with_labels(self, labels: Labels) -> Induction:
        """The same failures in other clusters."""
        return replace(self, labels=labels)


def induction(
    items: Sequence[Carried],
    responses: Sequence[Response],
    panel: Panel,
    store: ExecutionStore,
    space: Space | None,
    k: int,
    clusterer: str,
    seed: int,
) -> Induction:
    """F and M on items: failures of the scouts and their clusters. `space`: features fixed before; None: from these failures."""
    found = tuple(failures(items, responses, panel.of(SCOUT), np.random.default_rng([seed, 1])))
    placed = space or Space.of(found)
    labels = CLUSTERERS.get(clusterer)(placed.place(found), k, seed)
    return Induction(found, labels, placed, panel, store, {item.id for item in items})


class Generator(Protocol):
    """Makes `count` robust items around failures, the same for the same generator of draws."""

    def __call__(self, given: Induction, count: int, rng: np.random.Generator) -> list[Carried]:
        """BuildError where they do not come."""


@dataclass(frozen=True)
class Variation:
    """Draws of failed items varied. Clusters: each as often, and a new item stays nearest to its own; otherwise any failure."""

    name: str
    clusters: bool = True
    shuffle: bool = False

    @property
    def summary(self) -> str:
        """What it is, for people."""
        own = "of permuted clusters" if self.shuffle else "of each cluster as often, that stay nearest to their own"
        return f"Draws of failed items varied: {own if self.clusters else 'of any failure'}"

    def __call__(self, given: Induction, count: int, rng: np.random.Generator) -> list[Carried]:
        """See Generator."""
        labels = rng.permutation(given.labels) if self.shuffle else given.labels
        now = given.with_labels(np.asarray(labels))
        candidates = self._candidates(now, rng)
        if not self.clusters:
            return collect(candidates, count, given.store, given.known, given.rejected)
        centres = centroids(now.features, now.labels)
        parents = {failure.item.id: failure for failure in given.found}

        def stays(item: Carried) -> bool:
            about = item.item.metadata
            as_before = replace(parents[about.parents[0]], item=item)
            return int(nearest(given.space.place([as_before]), centres)[0]) == about.cluster

        # Permuted clusters have their centroids close together: nothing is nearest to its own, and nothing is asked for.
        return collect(candidates, count, given.store, given.known, given.rejected, accept=None if self.shuffle else stays)

    def _candidates(self, given: Induction, rng: np.random.Generator) -> Iterator[BenchmarkItem]:
        able = np.flatnonzero([bool(failure.item.item.choices) for failure in given.found])
        ways = [rows[np.isin(rows, able)] for rows in given.in_clusters()]
        numbers: Counter[str] = Counter()
        if not any(len(rows) for rows in ways):
            raise BuildError("no failure was made from draws that can be varied")
        while True:
            number = int(rng.integers(len(ways)))
            rows = ways[number] if self.clusters else able
            if not len(rows):
                continue
            parent = given.found[int(rng.choice(rows))].item.item
            about = {"parents": (parent.id,), "cluster": number if self.clusters else None, "generator": self.name}
            draws = seeded(given.seed, parent.id, numbers[parent.id])
            numbers[parent.id] += 1
            made = design(parent.structure, [int(draws.integers(2**31))], varied(parent.choices, draws, STEP), **about)
            if made is not None:
                yield made


@dataclass(frozen=True)
class Boundary:
    """Of varied items, those where the scouts' share p of right answers makes p (1 - p) largest."""

    name: str = "boundary"

    def __call__(self, given: Induction, count: int, rng: np.random.Generator) -> list[Carried]:
        """See Generator."""
        some = Variation(self.name, clusters=False)(given, _OVERSAMPLING * count, rng)
        answers, scouts = given.panel.respond([item.execution for item in some], SCOUT), list(given.panel.of(SCOUT))
        share = np.array([response.correct[scouts].mean() for response in answers])
        best = np.argsort(-share * (1 - share), kind="stable")[:count]
        return [some[row] for row in sorted(best)]


@dataclass(frozen=True)
class Stein:
    """SVGD over states around failures of a scout that has a gradient, with the failure's relations as R_F; calls from P(A)."""

    name: str = "stein"

    def __call__(self, given: Induction, count: int, rng: np.random.Generator) -> list[Carried]:
        """See Generator."""
        with simulators.make(given.store.simulator) as simulator, one_thread():
            return collect(self._candidates(given, simulator, rng), count, given.store, given.known, given.rejected)

    def _candidates(self, given: Induction, simulator: Simulator, rng: np.random.Generator) -> Iterator[BenchmarkItem]:
        scout = with_gradient(given.panel)
        clusters = [cycle(sorted(rows.tolist(), key=lambda row: given.found[row].item.id)) for rows in given.in_clusters()]
        every = {given.found[row].item.id for rows in given.in_clusters() for row in rows}
        barren: set[str] = set()
        while len(barren) < len(every):
            number = int(rng.integers(len(clusters)))
            parent = given.found[next(clusters[number])].item.item
            about = Metadata(parent.metadata.type, parents=(parent.id,), cluster=number, generator=self.name)
            made = self._around(parent, scout, given, simulator)
            barren |= set() if made else {parent.id}
            for item in made:
                yield BenchmarkItem(item, about, (), parent.structure)
        raise BuildError(
            f"the scout {scout.name} gives no scene around any of the {len(every)} failures: use more items, or another generator"
        )

    def _around(self, parent: BenchmarkItem, scout: Member, given: Induction, simulator: Simulator) -> list[Item]:
        """Scenes of a failure, inferred once: seeds take failures in the order of their ids, so that they share most of them."""

        def made() -> list[Item]:
            rng = seeded(given.seed, parent.id, self.name)
            found = []
            for outcome in around(parent, scout, simulator, int(rng.integers(2**31))):
                eye, look = random_camera_pose(rng)
                camera = Camera(eye=eye, target=look)
                found.append(made_of(outcome.before.scene, outcome.call, camera, int(rng.integers(2**31))))
            return found

        return given.store.inferred([to_json(parent.item), scout.digest, given.seed, repr(_STEIN)], made)


def with_gradient(panel: Panel) -> Member:
    """The last scout whose model has a gradient; scouts of more training come later. BuildError where none has."""
    able = [panel.members[i] for i in panel.of(SCOUT) if Capability.GRADIENT in panel.members[i].model.capabilities]
    if not able:
        raise BuildError("no scout has a gradient, which the generator stein needs")
    return able[-1]


def around(parent: BenchmarkItem, scout: Member, simulator: Simulator, seed: int) -> tuple[Outcome, ...]:
    """Executions like a failed one, by Stein inference; none where the scout does not fail there as the camera sees it."""
    outcome = simulator.execute(parent.item.job)
    try:
        event = failure_of(outcome, parent.id, parent.item.job.seed, scout.model, scout.digest)
        return target(event, scout.model, simulator, _STEIN, seed).outcomes
    except (NoFailureError, NothingToVaryError):
        return ()


GENERATORS: Registry[Generator] = Registry("benchmark generator", "fail2progress.benchmark_generators")
GENERATORS.register("cluster", Variation("cluster"))
GENERATORS.register("stein", Stein())
GENERATORS.register("boundary", Boundary())
GENERATORS.register("shuffled", Variation("shuffled", shuffle=True))
GENERATORS.register("neighbour", Variation("neighbour", clusters=False))


def matched(accuracy: Array, wanted: float, count: int, rng: np.random.Generator) -> Labels:
    """(count,) rows of a pool, drawn so that their mean accuracy (of the scouts) is `wanted`, as nearly as the pool allows.

    Rows are drawn without replacement with weights exp(t * accuracy); t is found by halving.
    """
    noise = rng.gumbel(size=len(accuracy))

    def drawn(slope: float) -> Labels:
        return np.asarray(np.argsort(-(slope * accuracy + noise), kind="stable")[:count], np.int64)

    low, high = -60.0, 60.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if accuracy[drawn(middle)].mean() < wanted else (low, middle)
    return drawn((low + high) / 2)
