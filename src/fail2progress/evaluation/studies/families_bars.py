"""What the study of families is measured by: the part of what true executions gain, and whether the acceptance test is right.

A model that the acceptance test refuses never goes live, so its lesson gains nothing.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fail2progress.core.shares import percent, rounded

Row = dict[str, Any]
NOT_RUN = "not run"
NO_FAILURE = "the model gets too few executions of the family wrong"
"""The reasons of cells that are no lessons: any other one is why nothing could be learnt from a failure."""
_ENOUGH, _ENOUGH_IN_THE_MEAN = 0.8, 0.9
"""Of what the most true executions gain."""
MOST_LOST = 0.003
"""Bar of the held-out F1 that a lesson may cost."""
_LEAST = {"f1": 0.02, "error": 5.0}
"""Smaller gains of true executions (F1, millimetres) are nothing to take a part of."""
_BETTER = {"f1": 1.0, "error": -1.0}
"""The sign of a change for the better."""
_ORACLES = ("true-executions-200", "true-executions")


@dataclass(frozen=True)
class Gain:
    """A family: before, after lessons from single failures (means), and after true executions; F1 and millimetres."""

    family: str
    lessons: int
    passed: int
    executions: int
    before: dict[str, float]
    mine: dict[str, float]
    true: dict[str, float]

    def part(self, key: str) -> float:
        """Part of the gain, at most 1; NaN where true executions gain too little, or lose."""
        gain = self.true[key] - self.before[key]
        enough = _BETTER[key] * gain > _LEAST[key]
        return min((self.mine[key] - self.before[key]) / gain, 1.0) if enough else math.nan

    @property
    def enough(self) -> bool:
        """Whether no part is below the bar."""
        return not any(self.part(key) < _ENOUGH for key in ("f1", "error"))


def learnt(rows: Iterable[Row]) -> dict[str, dict[str, list[Row]]]:
    """The learn cells that were run, by family and method."""
    found: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["kind"] == "learn" and "after" in row:
            found[row["family"]][row["method"]].append(row)
    return {family: dict(methods) for family, methods in found.items()}


def unmade(rows: Iterable[Row]) -> Counter[tuple[str, str]]:
    """By family and method, failures that were met and from which no lesson could be made: they gain nothing."""
    return Counter((row["family"], row["method"]) for row in rows if _is_unmade(row))


def _is_unmade(row: Row) -> bool:
    return row["kind"] == "learn" and "after" not in row and row["reason"] not in (NOT_RUN, NO_FAILURE)


def gains(rows: Iterable[Row], method: str = "stein") -> Iterator[Gain]:
    """Families in which both the method and true executions were run."""
    every = list(rows)
    missing = unmade(every)
    for family, found in learnt(every).items():
        name = next((name for name in _ORACLES if name in found), None)
        lessons, failed = found.get(method, []), missing[family, method]
        if name is None or not len(lessons) + failed:
            continue
        oracle = found[name][0]
        before, true = figures(oracle["before"]), figures(oracle["after"])
        after = [*map(live, lessons), *[before] * failed]
        means = {key: float(np.mean([each[key] for each in after])) for key in _LEAST}
        passed = sum(bool(row.get("passed", True)) for row in lessons)
        yield Gain(family, len(after), passed, int(oracle["executions"]), before, means, true)


def live(row: Row) -> dict[str, float]:
    """What the robot's model can do after a lesson: as before where the acceptance test refused it."""
    return figures(row["after"] if row.get("passed", True) else row["before"])


def figures(measured: Row) -> dict[str, float]:
    """F1, and the error (mm) of what moves along, else of the object itself."""
    return {"f1": float(measured["f1"]), "error": error(measured)}


def error(measured: Row) -> float:
    """Millimetres: of what moves along, else of the object itself."""
    along = float(measured["along_mm"])
    return along if math.isfinite(along) else float(measured["moved_mm"])


CHOSEN = (
    f"Held-out F1 lost (bar {MOST_LOST}): on executions of the pre-training distribution that this study made and nothing was "
    "chosen by. F1 lost where it was chosen: on those by which the acceptance test took the model out of its tries, so that it "
    "errs downwards; a report that has this one alone (a dash before it) was made before the other was asked for."
)


def bars(rows: Sequence[Row]) -> list[str]:
    """A table of families, and one of methods; nothing where no true executions were learnt from."""
    found = list(gains(rows))
    if not found:
        return []
    head = "family | lessons, accepted | F1 before | one failure | true executions | part of the gain"
    lines = [f"| {head} | error (mm) before | one failure | true executions | part | reached |", "|" + "---|" * 11]
    lines += [_line(gain) for gain in found]
    means = {key: _mean([gain.part(key) for gain in found]) for key in _LEAST}
    shares = {key: percent(value, _ENOUGH_IN_THE_MEAN) for key, value in means.items()}
    lines += [f"| mean | | | | | {shares['f1']} | | | | {shares['error']} | |", "", *_methods(rows)]
    return lines


def _line(gain: Gain) -> str:
    parts = [(f"{side['f1']:.3f}", f"{side['error']:.0f}") for side in (gain.before, gain.mine, gain.true)]
    first, second = (" | ".join(column) for column in zip(*parts, strict=True))
    reached = "yes" if gain.enough else "**no**"
    shares = [percent(gain.part(key), _ENOUGH) for key in ("f1", "error")]
    count = f"{gain.lessons}, {gain.passed}"
    return f"| {gain.family} | {count} | {first} | {shares[0]} | {second} | {shares[1]} | {reached} |"


def _methods(rows: Sequence[Row]) -> list[str]:
    """Means over families of the parts that each method gains, and what it costs."""
    names = dict.fromkeys([*(name for found in learnt(rows).values() for name in found), *(name for _, name in unmade(rows))])
    head = "method | families | lessons, live | part of the gain in F1 | in the error | held-out F1 lost, mean | most"
    lines = [f"| {head} | F1 lost where it was chosen, mean | most |", "|" + "---|" * 9]
    for name in names:
        found = list(gains(rows, name))
        if not found:
            continue
        went = [row for methods in learnt(rows).values() for row in methods.get(name, ()) if row.get("passed", True)]
        shares = " | ".join(percent(_mean([gain.part(key) for gain in found]), _ENOUGH_IN_THE_MEAN) for key in _LEAST)
        counts = f"{len(found)} | {sum(gain.lessons for gain in found)}, {sum(gain.passed for gain in found)}"
        costs = [told for of in (lost, lost_where_chosen) for told in _mean_and_most([of(row) for row in went])]
        lines.append(f"| {name} | {counts} | {shares} | {' | '.join(costs)} |")
    return lines


def _mean_and_most(values: Sequence[float]) -> tuple[str, str]:
    known = [value for value in values if math.isfinite(value)]
    return tuple(told_lost(of) for of in (_mean(known), max(known, default=math.nan)))  # type: ignore[return-value]


def lost(row: Row) -> float:
    """F1 lost on executions of the pre-training distribution by which nothing was chosen; NaN in reports that did not ask."""
    return float(row["before"].get("fresh_f1", math.nan) - row["after"].get("fresh_f1", math.nan))


def lost_where_chosen(row: Row) -> float:
    """The same on those by which the acceptance test chose the model: called held_out_f1 in rows, as the test calls them."""
    return float(row["before"]["held_out_f1"] - row["after"]["held_out_f1"])


def told_lost(value: float) -> str:
    """F1 lost, and never rounded down to the bar."""
    return rounded(value, 4, MOST_LOST)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def gate(rows: Sequence[Row]) -> list[str]:
    """Whether the acceptance test passed what mends its failure, over all models that it saw."""
    counts: Counter[tuple[bool, bool]] = Counter()
    wrong: Counter[tuple[str, str, bool]] = Counter()
    for family, methods in learnt(rows).items():
        for method, lessons in methods.items():
            for one in (one for row in lessons for one in row.get("judged", ())):
                counts[one["passed"], one["mended"]] += 1
                wrong[family, method, one["passed"]] += one["passed"] != one["mended"]
    failed = unmade(rows).total()
    if not counts:
        return [f"- No lesson could be made from {failed} failures."] * bool(failed)
    good, bad = counts[True, True] + counts[False, True], counts[True, False] + counts[False, False]
    lines = [
        f"- **The acceptance test** saw {good + bad} models. Of {good} that mend their failure's family it refused "
        f"{counts[False, True]}; of {bad} that do not it passed {counts[True, False]}."
    ]
    lessons = [row for methods in learnt(rows).values() for found in methods.values() for row in found if "judged" in row]
    went = [row for row in lessons if row.get("passed")]
    mend = sum(bool(row.get("mended")) for row in went)
    lines.append(f"- Of {len(lessons) + failed} lessons {len(went)} ended in a model that went live, and {mend} of these mend.")
    lines += [f"- From {failed} of these failures nothing could be made to learn from."] * bool(failed)
    for passed, said in ((True, "Passed and not mended"), (False, "Refused and mended")):
        cases = [f"{family} {method} ({count})" for (family, method, which), count in wrong.items() if which == passed and count]
        lines += [f"- {said}: {', '.join(cases)}."] * bool(cases)
    return lines
