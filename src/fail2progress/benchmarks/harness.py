"""The harness: many seeds, equal budgets, every model on every item, all of it in the log; the report is computed from that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from fail2progress.benchmarks.answers import REFERENCE
from fail2progress.benchmarks.build import Carried, Rejected
from fail2progress.benchmarks.clusters import CLUSTERERS, Failure, Labels, Space, failures, name_clusters
from fail2progress.benchmarks.config import Rules
from fail2progress.benchmarks.convergence import NULL
from fail2progress.benchmarks.events import RunLog
from fail2progress.benchmarks.induction import GENERATORS, Induction, induction, matched
from fail2progress.benchmarks.items import seeded
from fail2progress.benchmarks.manifest import EVALUEE, SCOUT
from fail2progress.benchmarks.panel import Panel
from fail2progress.benchmarks.scoring import Response
from fail2progress.benchmarks.store import ExecutionStore
from fail2progress.core.names import unknown
from fail2progress.core.scene import Array

STATIC, MATCHED = "static", "matched"
CONTROLS = (STATIC, MATCHED, "shuffled")
"""Slices with which H1 compares another one."""
_OWN = (MATCHED, REFERENCE)
"""Slices that are neither pools nor made by generators."""
Tell = Callable[[str], None]


class BudgetError(ValueError):
    """A budget that a pool cannot give."""


class RulesError(ValueError):
    """Rules that name a slice that a run does not have."""


@dataclass(frozen=True)
class Harness:
    """Slices that are pools are drawn from; those that generators make are made anew for every seed from the static pool.

    Answers are kept by an item's whole content: another camera or seed shows the models other points.
    The static pool is cut in two for every seed: failures are extracted from one half, static items drawn from the other.
    """

    rules: Rules
    panel: Panel
    store: ExecutionStore = field(compare=False)
    pools: Mapping[str, Sequence[Carried]]
    rejected: Rejected = field(default_factory=Rejected, compare=False)
    tell: Tell = lambda what: None
    _scouted: dict[str, Response] = field(default_factory=dict, compare=False)
    _answered: dict[str, Response] = field(default_factory=dict, compare=False)

    def check(self, held_back: int = 0) -> None:
        """BudgetError where a pool is smaller than what is drawn from it; RegistryError, RulesError where rules name what there
        is not. `held_back`: items that fresh draws go on with."""
        check_names(self.rules, self.pools)
        for name, pool in self.pools.items():
            halved = name == STATIC and (self.rules.generators or self.rules.rounds)
            available = len(pool) // 2 if halved else len(pool)
            if self.rules.budget > available:
                kept = ", of which one half is kept for finding failures" if halved else ""
                raise BudgetError(
                    f"--budget {self.rules.budget} is above the {available} items that {name} can give "
                    f"({len(pool)} robust items{kept}): build more, or lower the budget"
                )
        if self.rules.rounds and NULL in self.rules.modes:
            self._check_fresh(held_back)

    def _check_fresh(self, held_back: int) -> None:
        """BudgetError where fresh static draws would come a second time: drift between them would be too small."""
        pool, rounds = len(self.pools.get(STATIC, ())), self.rules.rounds
        needed, available = (rounds + 1) * self.rules.budget, pool - pool // 2 + held_back
        if needed > available:
            raise BudgetError(
                f"the first round and {rounds} rounds of fresh static draws at --budget {self.rules.budget} take {needed} items, "
                f"but one half of the {pool} robust items of {STATIC} and the {held_back} of --reference are {available}: "
                "build more, or lower the rounds or the budget"
            )

    def tell_shared(self, reference: Sequence[Carried] = ()) -> None:
        """Say of slices that hold one id with unlike camera or seed that they do: `Draws` takes those for one item."""
        seen: dict[str, dict[str, str]] = {}
        for name, pool in {**self.pools, **({REFERENCE: reference} if reference else {})}.items():
            mine = {item.id: item.item.content for item in pool}
            for other, theirs in seen.items():
                unlike = sum(theirs.get(key, content) != content for key, content in mine.items())
                if unlike:
                    said = f"{unlike} items of {other} and {name} have the same scene and call, and another camera or seed"
                    self.tell(f"note: {said}; each is asked for by itself, and intervals draw the two together")
            seen[name] = mine

    def block(self, seed: int, log: RunLog) -> None:
        """One seed, all slices, into the log."""
        for name, items in self._slices(seed):
            self.tell(f"seed {seed}: {name}")
            self.record(name, seed, items, self.answered(items), log)

    def _slices(self, seed: int) -> list[tuple[str, list[Carried]]]:
        rules, rng = self.rules, seeded(self.rules.seed, seed, "slices")
        found: list[tuple[str, list[Carried]]] = []
        pool = list(self.pools.get(STATIC, ()))
        order = rng.permutation(len(pool))
        half = [pool[row] for row in order[: len(pool) // 2]]
        rest = [pool[row] for row in order[len(pool) // 2 :]] if rules.generators else pool
        for name, items in self.pools.items():
            chosen = rest if name == STATIC else list(items)
            draw = seeded(rules.seed, seed, name).permutation(len(chosen))[: rules.budget]
            found.append((name, [chosen[row] for row in draw]))
        if rules.generators:
            given = self.induce(half, seed)
            found += [(name, self._made(name, given, seed)) for name in rules.generators]
            if MATCHED in rules.controls:
                primary = next(items for name, items in found if name == rules.primary)
                found.append((MATCHED, self._matched(rest, primary, seed)))
        return found

    def scouted(self, items: Sequence[Carried]) -> list[Response]:
        """What the scouts say of items; asked once for each."""
        return self._asked(items, self._scouted, SCOUT)

    def answered(self, items: Sequence[Carried]) -> list[Response]:
        """What all models say of items; asked once for each, in however many slices and seeds it stands."""
        return self._asked(items, self._answered, None)

    def _asked(self, items: Sequence[Carried], known: dict[str, Response], role: str | None) -> list[Response]:
        keys = [item.item.content for item in items]
        missing = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
        answers = self.panel.respond([item.execution for item in missing.values()], role)
        known.update(zip(missing, answers, strict=True))
        return [known[key] for key in keys]

    @cached_property
    def space(self) -> Space:
        """Features, standardised on the scouts' failures of the whole static pool."""
        pool = list(self.pools.get(STATIC) or next(iter(self.pools.values())))
        rng = seeded(self.rules.seed, "space")
        return Space.of(failures(pool, self.scouted(pool), self.panel.of(SCOUT), rng))

    def induce(self, items: Sequence[Carried], seed: int) -> Induction:
        """Failures of the scouts on items, and their clusters."""
        rules, responses = self.rules, self.scouted(items)
        given = induction(items, responses, self.panel, self.store, self.space, rules.k, rules.clusterer, seed)
        return replace(given, rejected=self.rejected, seed=rules.seed)

    def _made(self, name: str, given: Induction, seed: int) -> list[Carried]:
        self.tell(f"seed {seed}: making {name}")
        return GENERATORS.get(name)(given, self.rules.budget, seeded(self.rules.seed, seed, name))

    def _matched(self, rest: Sequence[Carried], primary: Sequence[Carried], seed: int) -> list[Carried]:
        """Static items as hard for the scouts as the induced ones."""
        scouts = list(self.panel.of(SCOUT))
        accuracy, wanted = (np.array([r.correct[scouts].mean() for r in self.scouted(some)]) for some in (rest, primary))
        rows = matched(accuracy, float(wanted.mean()), self.rules.budget, seeded(self.rules.seed, seed, MATCHED))
        return [rest[row] for row in rows]

    def record(self, name: str, seed: int, items: Sequence[Carried], responses: Sequence[Response], log: RunLog) -> None:
        """Every answer, and the evaluees' failures in their clusters."""
        for item, response in zip(items, responses, strict=True):
            log.write("eval", "eval_record", eval_record(name, seed, item, response))
        found = failures(items, responses, self.panel.of(EVALUEE), seeded(self.rules.seed, seed, name, "failures"))
        if len(found) > self.rules.k:
            features = self.space.place(found)
            labels = CLUSTERERS.get(self.rules.clusterer)(features, self.rules.k, seed)
            record_failures(log, name, seed, found, features, labels)


def compared(pools: Iterable[str], generators: Iterable[str]) -> dict[str, Any]:
    """What H1 is about, by default: the first slice that is no control, made or drawn; where there is none, H1 is not run."""
    made, drawn = tuple(generators), tuple(pools)
    primary = next((name for name in (*made, *drawn) if name not in CONTROLS), None)
    if primary is None:
        return {"controls": ()}
    there = (*made, *drawn, *((MATCHED,) if made else ()))
    return {"primary": primary, "controls": tuple(name for name in CONTROLS if name in there)}


def check_names(rules: Rules, pools: Iterable[str]) -> None:
    """Before any work: RegistryError for generators and clusterers that are not there; RulesError for slices of one name, and,
    where something is induced, for slices that H1 and H2 would compare and that there are not."""
    slices = (*pools, *rules.generators)
    for name in (*rules.generators, *((rules.clustered,) if rules.rounds else ())):
        GENERATORS.get(name)
    for name in (rules.clusterer, *((rules.second,) if rules.second else ())):
        CLUSTERERS.get(name)
    for name in slices:
        if name in _OWN:
            raise RulesError(f"the slice {name}: a run makes one of that name itself; name the pool otherwise")
        if slices.count(name) > 1:
            raise RulesError(f"the slice {name} comes twice: name each generator once, and a pool otherwise than generators")
    for name, controls in ((rules.primary, rules.controls), (rules.clustered, (STATIC,))):
        if rules.n_seeds and name in controls:
            raise RulesError(f"{name} is a control, which would be compared with itself: name another slice as what is tested")
    told = (rules.primary, *rules.controls) if rules.controls else ()
    for name in (*told, *((rules.structured,) if rules.structured else ())):
        if rules.n_seeds and rules.generators and name not in (*slices, MATCHED):
            known = unknown("slice", name, (*slices, MATCHED))
            raise RulesError(f"{known}; H1 and H2 compare what is drawn or made for every seed")


def eval_record(name: str, seed: int, item: Carried, response: Response) -> dict[str, Any]:
    """One item and what all members said: right ("1") or wrong, and the mean log-likelihood."""
    about = item.item.metadata
    return {
        "slice": name,
        "seed": seed,
        "item": item.id,
        "structure": item.item.structure,
        "pair": about.pair,
        "correct": "".join(str(int(value)) for value in response.correct),
        "graded": [round(float(value), 3) for value in response.graded],
    }


def record_failures(
    log: RunLog,
    name: str,
    seed: int,
    found: Sequence[Failure],
    features: Array,
    labels: Labels,
) -> None:
    """Failures with their features and clusters, and the clusters' names."""
    names = name_clusters(found, labels)
    for failure, place, label in zip(found, features, labels, strict=True):
        payload = {"slice": name, "seed": seed, "item": failure.item.id, "structure": failure.item.item.structure}
        more = {"member": failure.member, "cluster": int(label), "name": names[int(label)], "features": place.tolist()}
        log.write("failures", "failure_record", {**payload, **more})
