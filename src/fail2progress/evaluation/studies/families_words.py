"""What the study of families says in words: where Stein inference wins, where not, and whether its bars are reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy.stats import wilcoxon

from fail2progress.evaluation.studies.families_bars import Row, learnt

RIVALS = ("gradient", "sampling", "prior", "near-copies", "domain-randomisation", "adapt-1", "adapt-10", "adapt-100")
_LEVEL = 0.05
"""Of the paired test."""
_KEPT = 0.02
"""Share of R_F in D+ by which two generators differ."""


def compared(rows: Sequence[Row]) -> list[str]:
    """A line for every family in which something can be said, and one for the sum."""
    lines = [line for family, found in learnt(rows).items() if (line := _learning(family, found))]
    lines += [line for family, found in _data(rows).items() if (line := _relations(family, found))]
    return [*lines, *_sums(rows)]


def _learning(family: str, found: dict[str, list[Row]]) -> str:
    """Every test execution is a pair: its F1 under the models of both methods, mean over the failures that both learnt from."""
    grouped: dict[str, list[str]] = defaultdict(list)
    for rival in RIVALS:
        apart = [np.subtract(one["f1s"], other["f1s"]) for one, other in _pairs(found, rival)]
        if apart:
            values = np.nanmean(apart, axis=0)
            word, p = _verdict(values.tolist())
            grouped[word].append(f"{rival} ({np.nanmean(values):+.3f}, p {p:.2g})")
    said = "; ".join(f"{word} {', '.join(names)}" for word, names in grouped.items())
    return f"- **{family}**, F1 of what is learnt: Stein's samples {said}." if said else ""


def _pairs(found: dict[str, list[Row]], rival: str) -> Iterator[tuple[Row, Row]]:
    """Lessons of Stein's samples and of a rival's from the same failure."""
    theirs = {row["failure"]: row for row in found.get(rival, ())}
    return ((row, theirs[row["failure"]]) for row in found.get("stein", ()) if row["failure"] in theirs)


def _verdict(values: Sequence[float]) -> tuple[str, float]:
    """Word and p of the signed-rank test of paired differences."""
    known = np.array([value for value in values if np.isfinite(value)])
    p = float(wilcoxon(known).pvalue) if np.any(known != 0.0) else 1.0
    if p >= _LEVEL:
        return "show no difference to", p
    return ("win against" if known.mean() > 0 else "lose against"), p


def _sums(rows: Sequence[Row]) -> Iterator[str]:
    """Against each rival over all lessons: a lesson is a pair."""
    found, any_rival = learnt(rows), False
    for rival in RIVALS:
        pairs = [pair for methods in found.values() for pair in _pairs(methods, rival)]
        if pairs:
            any_rival = True
            apart = [one["after"]["f1"] - other["after"]["f1"] for one, other in pairs]
            word, p = _verdict(apart)
            yield (
                f"- **Over all {len(pairs)} lessons**, F1: Stein's samples {word} {rival} "
                f"(mean {np.mean(apart):+.4f}, better in {sum(one > 0 for one in apart)}, p {p:.2g})."
            )
    if not any_rival:
        yield "- Stein inference was compared with nothing here: no cell of another method was run."


def spreads(rows: Iterable[Row]) -> list[str]:
    """A line for every generator: means over families of what its samples keep and how far they spread."""
    found: dict[str, dict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["kind"] == "data" and "kept" in row:
            kept, spread = row["kept"], row["spread"]
            values = [kept["chosen"], kept["simulated"], kept["believed"], 1000 * spread["within"], spread["places"]]
            found[row["method"]][row["family"]].append(values)
    lines = []
    for method, families in found.items():
        means = np.mean([np.mean(values, axis=0) for values in families.values()], axis=0)
        shares = "{:.3f} of R_F in D+, {:.3f} around all particles, {:.3f} believed; {:.0f} mm within, {:.2f} m of places".format(
            *means
        )
        lines.append(f"- **{method}**, mean of {len(families)} families: {shares}.")
    return lines


def _data(rows: Iterable[Row]) -> dict[str, dict[str, list[float]]]:
    """Shares of R_F in D+ by family and generator."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["kind"] == "data" and "kept" in row:
            found[row["family"]][row["method"]].append(row["kept"]["chosen"])
    return found


def _relations(family: str, found: dict[str, list[float]]) -> str:
    if "stein" not in found or len(found) < 2:
        return ""
    means = {name: float(np.mean(values)) for name, values in found.items()}
    mine = means.pop("stein")
    more = [f"{name} ({value:.2f})" for name, value in means.items() if mine - value > _KEPT]
    less = [f"{name} ({value:.2f})" for name, value in means.items() if value - mine > _KEPT]
    said = [f"more than {', '.join(more)}"] * bool(more) + [f"less than {', '.join(less)}"] * bool(less)
    return f"- **{family}**, relations of the failure in D+: Stein's keep {mine:.2f}, {'; '.join(said) or 'as the others do'}."
