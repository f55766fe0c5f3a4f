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

Row = dict[str, Any]
_ENOUGH = 0.8
"""Of what the most true executions gain."""
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


def gains(rows: Iterable[Row], method: str = "stein") -> Iterator[Gain]:
    """Families in which both the method and true executions were run."""
    for family, found in learnt(rows).items():
        name = next((name for name in _ORACLES if name in found), None)
        if name is None or method not in found:
            continue
        lessons, oracle = found[method], found[name][0]
        after = [live(row) for row in lessons]
        means = {key: float(np.mean([each[key] for each in after])) for key in _LEAST}
        passed = sum(bool(row.get("passed", True)) for row in lessons)
        before, true = figures(oracle["before"]), figures(oracle["after"])
        yield Gain(family, len(lessons), passed, int(oracle["executions"]), before, means, true)


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


def bars(rows: Sequence[Row]) -> list[str]:
    """A table of families, and one of methods; nothing where no true executions were learnt from."""
    found = list(gains(rows))
    if not found:
        return []
    head = "family | lessons, accepted | F1 before | one failure | true executions | part of the gain"
    lines = [f"| {head} | error (mm) before | one failure | true executions | part | reached |", "|" + "---|" * 11]
    lines += [_line(gain) for gain in found]
    means = {key: _mean([gain.part(key) for gain in found]) for key in _LEAST}
    lines += [f"| mean | | | | | {_share(means['f1'])} | | | | {_share(means['error'])} | |", "", *_methods(rows)]
    return lines


def _line(gain: Gain) -> str:
    parts = [(f"{side['f1']:.3f}", f"{side['error']:.0f}") for side in (gain.before, gain.mine, gain.true)]
    first, second = (" | ".join(column) for column in zip(*parts, strict=True))
    reached = "yes" if gain.enough else "**no**"
    shares = _share(gain.part("f1")), _share(gain.part("error"))
    count = f"{gain.lessons}, {gain.passed}"
    return f"| {gain.family} | {count} | {first} | {shares[0]} | {second} | {shares[1]} | {reached} |"


def _methods(rows: Sequence[Row]) -> list[str]:
    """Means over families of the parts that each method gains, and what it costs."""
    names = dict.fromkeys(method for found in learnt(rows).values() for method in found)
    head = "method | families | lessons, live | part of the gain in F1 | in the error | held-out F1 lost, mean | most"
    lines = [f"| {head} |", "|" + "---|" * 7]
    for name in names:
        found = list(gains(rows, name))
        if not found:
            continue
        lost = [_lost(row) for methods in learnt(rows).values() for row in methods.get(name, ()) if row.get("passed", True)]
        shares = " | ".join(_share(_mean([gain.part(key) for gain in found])) for key in _LEAST)
        counts = f"{len(found)} | {sum(gain.lessons for gain in found)}, {sum(gain.passed for gain in found)}"
        lines.append(f"| {name} | {counts} | {shares} | {_mean(lost):.4f} | {max(lost, default=math.nan):.4f} |")
    return lines


def _lost(row: Row) -> float:
    return float(row["before"]["held_out_f1"] - row["after"]["held_out_f1"])


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def _share(value: float) -> str:
    return f"{value + 0.0:.0%}" if math.isfinite(value) else "-"  # no minus before a nought


def gate(rows: Sequence[Row]) -> list[str]:
    """Whether the acceptance test passed what mends its failure, over all models that it saw."""
    counts: Counter[tuple[bool, bool]] = Counter()
    wrong: Counter[tuple[str, str, bool]] = Counter()
    for family, methods in learnt(rows).items():
        for method, lessons in methods.items():
            for one in (one for row in lessons for one in row.get("judged", ())):
                counts[one["passed"], one["mended"]] += 1
                wrong[family, method, one["passed"]] += one["passed"] != one["mended"]
    if not counts:
        return []
    good, bad = counts[True, True] + counts[False, True], counts[True, False] + counts[False, False]
    lines = [
        f"- **The acceptance test** saw {good + bad} models. Of {good} that mend their failure's family it refused "
        f"{counts[False, True]}; of {bad} that do not it passed {counts[True, False]}."
    ]
    lessons = [row for methods in learnt(rows).values() for found in methods.values() for row in found if "judged" in row]
    went = [row for row in lessons if row.get("passed")]
    mend = sum(bool(row.get("mended")) for row in went)
    lines.append(f"- Of {len(lessons)} lessons {len(went)} ended in a model that went live, and {mend} of these mend.")
    for passed, said in ((True, "Passed and not mended"), (False, "Refused and mended")):
        cases = [f"{family} {method} ({count})" for (family, method, which), count in wrong.items() if which == passed and count]
        lines += [f"- {said}: {', '.join(cases)}."] * bool(cases)
    return lines
