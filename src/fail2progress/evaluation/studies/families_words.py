"""What the study of families says in words: where Stein inference wins, where not, and what a family's learning is short of."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

Row = dict[str, Any]
RIVALS = ("gradient", "sampling", "prior", "near-copies", "domain-randomisation", "adapt")
_F1 = 0.01
"""F1 by which two models differ."""
_ERROR = 3.0
"""Millimetres by which they do, where the F1 does not."""
_KEPT = 0.02
"""Share of R_F in D+ by which two generators differ."""
_ENOUGH = 0.8
"""Of what the most true executions gain."""
_ORACLES = ("true-executions-200", "true-executions")


def compared(rows: Iterable[Row]) -> list[str]:
    """A line for every family in which something can be said, and one for the sum."""
    learnt, data = _by_family(rows, "learn", "after"), _by_family(rows, "data", "kept")
    lines = [line for family, found in learnt.items() for line in (_learning(family, found), _oracle(family, found)) if line]
    lines += [line for family, found in data.items() if (line := _relations(family, found))]
    return [*lines, _sum(learnt)]


def _by_family(rows: Iterable[Row], kind: str, key: str) -> dict[str, dict[str, Row]]:
    """The cells of a kind that were run, by family and failure, and by method."""
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row["kind"] == kind and key in row:
            found[f"{row['family']} {row['failure']}"][row["method"]] = row
    return dict(found)


def _learning(family: str, found: dict[str, Row]) -> str:
    verdicts = _verdicts(found)
    if not verdicts:
        return ""
    said = [f"{word} {', '.join(names)}" for word, names in _grouped(verdicts).items()]
    return f"- **{family}**, what is learnt: Stein's samples {'; '.join(said)}."


def _grouped(verdicts: dict[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for name, word in verdicts.items():
        grouped[word].append(name)
    return grouped


def _verdicts(found: dict[str, Row]) -> dict[str, str]:
    """Against every rival that was run: by F1, else by the error of what moves."""
    if "stein" not in found:
        return {}
    mine = found["stein"]["after"]
    return {rival: _against(mine, found[rival]["after"]) for rival in RIVALS if rival in found}


def _against(mine: Row, other: Row) -> str:
    if abs(mine["f1"] - other["f1"]) > _F1:
        return "win against" if mine["f1"] > other["f1"] else "lose against"
    apart = error(other) - error(mine)
    return "do as well as" if abs(apart) <= _ERROR or not math.isfinite(apart) else "win against" if apart > 0 else "lose against"


def error(figures: Row) -> float:
    """Millimetres: of what moves along, else of the object itself."""
    along = float(figures["along_mm"])
    return along if math.isfinite(along) else float(figures["moved_mm"])


def _oracle(family: str, found: dict[str, Row]) -> str:
    """Which part of what true executions gain is gained from one failure."""
    name = next((name for name in _ORACLES if name in found), None)
    if name is None or "stein" not in found:
        return ""
    true, mine = found[name], found["stein"]
    parts = [_part(mine["before"][key], mine["after"][key], true["after"][key]) for key in ("f1", "along_mm", "moved_mm")]
    said = [
        f"{part:.0%} in {what}"
        for part, what in zip(parts, ("F1", "error along", "error of the object"), strict=True)
        if part >= 0
    ]
    enough = all(part >= _ENOUGH for part in parts[:2] if part >= 0)
    return f"- **{family}**: of what {true['executions']} true executions gain, one failure gains {', '.join(said)}" + (
        "." if enough else " (**below 80 %**)."
    )


def _part(before: float, after: float, best: float) -> float:
    """Share of the gain; -1 where there is too little to gain (.02 F1 or 5 mm) or nothing to compare."""
    gain, least = best - before, 0.02 if max(before, best) <= 1.0 else 5.0
    return (after - before) / gain if math.isfinite(gain) and abs(gain) > least else -1.0


def _relations(family: str, found: dict[str, Row]) -> str:
    if "stein" not in found or len(found) < 2:
        return ""
    mine = found["stein"]["kept"]["chosen"]
    rest = {name: row["kept"]["chosen"] for name, row in found.items() if name != "stein"}
    more = [f"{name} ({value:.2f})" for name, value in rest.items() if mine - value > _KEPT]
    less = [f"{name} ({value:.2f})" for name, value in rest.items() if value - mine > _KEPT]
    said = [f"more than {', '.join(more)}"] * bool(more) + [f"less than {', '.join(less)}"] * bool(less)
    return f"- **{family}**, relations of the failure in D+: Stein's keep {mine:.2f}, {'; '.join(said) or 'as the others do'}."


def _sum(learnt: dict[str, dict[str, Row]]) -> str:
    """Over all families, against each rival."""
    counts: dict[str, list[str]] = defaultdict(list)
    for found in learnt.values():
        for rival, word in _verdicts(found).items():
            counts[rival].append(word)
    if not counts:
        return "- Stein inference was compared with nothing here: no cell of another method was run."
    return "- **Over all**: Stein's samples " + "; ".join(_counted(words, rival) for rival, words in counts.items()) + "."


def _counted(words: Sequence[str], rival: str) -> str:
    won, lost = words.count("win against"), words.count("lose against")
    return f"win {won}, lose {lost}, do as well {len(words) - won - lost} of {len(words)} against {rival}"
