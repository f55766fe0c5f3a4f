"""Making items until enough of them are robust: from designs, and by whatever else draws candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice

from fail2progress.benchmarks.execution import Execution
from fail2progress.benchmarks.items import BenchmarkItem, design, twins
from fail2progress.benchmarks.store import ExecutionStore
from fail2progress.benchmarks.structures import STRUCTURES

_FRUITLESS = 30
Progress = Callable[[int], None]


PLAIN_WEIGHT = 10
"""A static pool is one half plain moves, which the pre-training has, and one half the other structures."""


class BuildError(ValueError):
    """Items that cannot be made."""


@dataclass(frozen=True)
class Carried:
    """An item with what happened when it was carried out; its metadata are those of the execution."""

    item: BenchmarkItem
    execution: Execution

    @property
    def id(self) -> str:
        """The item's."""
        return self.item.id


@dataclass
class Rejected:
    """How many candidates of each structure were carried out, and what became of them."""

    tried: Counter[str] = field(default_factory=Counter)
    unstable: Counter[str] = field(default_factory=Counter)
    fickle: Counter[str] = field(default_factory=Counter)
    """Executions from slightly moved starts ended differently."""

    def to_dict(self) -> dict[str, object]:
        """Shares by structure."""
        return {
            name: {"tried": n, "not_at_rest": self.unstable[name] / n, "not_robust": self.fickle[name] / n}
            for name, n in sorted(self.tried.items())
        }

    @classmethod
    def of_dict(cls, shares: Mapping[str, Mapping[str, float]]) -> Rejected:
        """The counts that shares by structure were made of."""
        tried = Counter({name: int(each["tried"]) for name, each in shares.items()})
        unstable, fickle = (
            Counter({name: round(each[key] * each["tried"]) for name, each in shares.items()})
            for key in ("not_at_rest", "not_robust")
        )
        return cls(tried, unstable, fickle)

    def add(self, other: Rejected) -> None:
        """Count another's as well."""
        for mine, theirs in ((self.tried, other.tried), (self.unstable, other.unstable), (self.fickle, other.fickle)):
            mine.update(theirs)


def carry_out(items: Sequence[BenchmarkItem], store: ExecutionStore, rejected: Rejected) -> list[Carried]:
    """Those of some items that are robust; the rest is counted."""
    kept = []
    for item, execution in zip(items, store.run(items), strict=True):
        rejected.tried[item.structure] += 1
        if execution is None:
            rejected.unstable[item.structure] += 1
        elif not execution.robust:
            rejected.fickle[item.structure] += 1
        else:
            kept.append(Carried(replace(item, metadata=execution.metadata), execution))
    return kept


def collect(
    candidates: Iterator[BenchmarkItem],
    wanted: int,
    store: ExecutionStore,
    known: set[str],
    rejected: Rejected,
    report: Progress = lambda done: None,
    accept: Callable[[Carried], bool] | None = None,
) -> list[Carried]:
    """The first `wanted` robust items among candidates whose ids are not `known`. BuildError where they do not come.

    A pair that the last place would cut in two is left out, and that place is the next item's that is no twin.
    """
    found: list[Carried] = []
    chosen: list[Carried] = []
    fruitless = 0
    while len(chosen) < wanted:
        batch = _batch(candidates, max(8, wanted - len(chosen)))
        fresh = [each for each in {each.id: each for each in batch}.values() if each.id not in known]
        known.update(each.id for each in fresh)
        found += _whole_pairs([item for item in carry_out(fresh, store, rejected) if accept is None or accept(item)])
        before, chosen = len(chosen), _first(found, wanted)
        fruitless = 0 if len(chosen) > before else fruitless + 1
        if len(chosen) < wanted and (fruitless > _FRUITLESS or not batch):
            raise BuildError(f"only {len(chosen)} of {wanted} robust items were found; ask for fewer, or for other structures")
        report(len(chosen))
    return chosen


def _first(found: Sequence[Carried], wanted: int) -> list[Carried]:
    """As many, with whole pairs only; one less where the last would be half of a pair and nothing else follows."""
    chosen = list(found[:wanted])
    pairs = Counter(each.item.metadata.pair for each in chosen)
    if chosen and pairs[chosen[-1].item.metadata.pair] == 1 and chosen[-1].item.metadata.pair is not None:
        chosen.pop()
        chosen += [each for each in found[wanted:] if each.item.metadata.pair is None][:1]
    return chosen


def _batch(candidates: Iterator[BenchmarkItem], size: int) -> list[BenchmarkItem]:
    """Some candidates, both sides of a pair together."""
    batch = list(islice(candidates, size))
    pair = batch[-1].metadata.pair if batch else None
    if pair is not None and sum(each.metadata.pair == pair for each in batch) == 1:
        batch += islice(candidates, 1)
    return batch


def _whole_pairs(found: Sequence[Carried]) -> list[Carried]:
    """Without twins whose other side is not robust; what is no twin stays."""
    pairs = Counter(each.item.metadata.pair for each in found)
    return [each for each in found if each.item.metadata.pair is None or pairs[each.item.metadata.pair] == 2]


def weights_of(names: Sequence[str]) -> dict[str, int]:
    """How often structures come, from NAME or NAME:WEIGHT. ValueError names what is wrong."""
    found = {}
    for text in names or [f"plain:{PLAIN_WEIGHT}", *(name for name in STRUCTURES.names() if name != "plain")]:
        name, _, weight = text.partition(":")
        STRUCTURES.get(name)
        if weight and not (weight.isdigit() and int(weight) > 0):
            raise ValueError(f"--structure {text}: the weight is a whole number from 1 on")
        found[name] = int(weight or 1)
    return found


def designs(weights: Mapping[str, int], seed: int) -> Iterator[BenchmarkItem]:
    """Candidates without end: of every structure in turn, as many as its weight; twins come as pairs."""
    known = [STRUCTURES.get(name) for name, weight in weights.items() for _ in range(weight)]
    for number in count():
        each = known[number % len(known)]
        if each.twin:
            yield from twins(each.name, [seed, number])
        elif (item := design(each.name, [seed, number])) is not None:
            yield item
