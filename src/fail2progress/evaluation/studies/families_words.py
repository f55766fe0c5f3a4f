"""What the study of families says in words: where Stein inference wins, where not, and whether its bars are reached."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from fail2progress.core.shares import percent
from fail2progress.evaluation.comparison import holm, leaning, signed_rank
from fail2progress.evaluation.studies.families_bars import Row, learnt, unmade

RIVALS = ("gradient", "sampling", "rejection", "prior", "near-copies", "domain-randomisation", "adapt-1", "adapt-10", "adapt-100")
_LEVEL = 0.05
"""Of the paired tests together."""
_KEPT = 0.02
"""Share of R_F in D+ by which two generators differ."""


def compared(rows: Sequence[Row]) -> list[str]:
    """A line for every family in which something can be said, and one for each rival over all. P values are Holm's: those of
    all families and rivals together, and those of the sums."""
    pairs = list(_by_family(rows))
    tested = zip(pairs, _tested([apart for _, _, apart in pairs]), strict=True)
    grouped: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (family, rival, apart), (word, p) in tested:
        grouped[family][word].append(f"{rival} ({np.nanmean(apart):+.3f}, p {p:.2g})")
    lines = [_learning(family, words) for family, words in grouped.items()]
    lines += [line for family, found in _data(rows).items() if (line := _relations(family, found))]
    return [*lines, *_sums(rows)]


def _by_family(rows: Sequence[Row]) -> Iterator[tuple[str, str, list[float]]]:
    """Family, rival, and differences of F1. Every test execution is a pair: under the models of both methods, mean over the
    failures that both learnt from."""
    for family, found in learnt(rows).items():
        for rival in RIVALS:
            apart = [np.subtract(one["f1s"], other["f1s"]) for one, other in _pairs(found, rival)]
            if apart:
                yield family, rival, np.nanmean(apart, axis=0).tolist()


def _learning(family: str, words: dict[str, list[str]]) -> str:
    said = "; ".join(f"{word} {', '.join(names)}" for word, names in words.items())
    return f"- **{family}**, F1 of what is learnt: Stein's samples {said}."


def _pairs(found: dict[str, list[Row]], rival: str) -> Iterator[tuple[Row, Row]]:
    """Lessons of Stein's samples and of a rival's from the same failure."""
    theirs = {row["failure"]: row for row in found.get(rival, ())}
    return ((row, theirs[row["failure"]]) for row in found.get("stein", ()) if row["failure"] in theirs)


def _tested(pairs: Sequence[Sequence[float]]) -> list[tuple[str, float]]:
    """Word and p of the signed-rank test of each set of paired differences, after Holm over all sets."""
    known = [np.array([value for value in values if np.isfinite(value)]) for values in pairs]
    adjusted = holm([signed_rank(values) for values in known])
    return [(_word(leaning(values), p), p) for values, p in zip(known, adjusted, strict=True)]


def _word(side: int, p: float) -> str:
    if p >= _LEVEL:
        return "show no difference to"
    return "win against" if side > 0 else "lose against"


def _sums(rows: Sequence[Row]) -> Iterator[str]:
    """Against each rival over all lessons: a lesson is a pair."""
    found = learnt(rows)
    pairs = {rival: [pair for methods in found.values() for pair in _pairs(methods, rival)] for rival in RIVALS}
    apart = {
        rival: [one["after"]["f1"] - other["after"]["f1"] for one, other in lessons]
        for rival, lessons in pairs.items()
        if lessons
    }
    for (rival, values), (word, p) in zip(apart.items(), _tested(list(apart.values())), strict=True):
        yield (
            f"- **Over all {len(values)} lessons**, F1: Stein's samples {word} {rival} "
            f"(mean {np.mean(values):+.4f}, better in {sum(one > 0 for one in values)}, p {p:.2g})."
        )
    left_out = Counter[str]()
    for (_, method), count in unmade(rows).items():
        left_out[method] += count
    if apart and left_out:
        told = ", ".join(f"{count} of {method}" for method, count in sorted(left_out.items()))
        yield f"- In none of these comparisons, as no lesson could be made: {told}."
    if not apart:
        yield "- Stein inference was compared with nothing here: no cell of another method was run."


def spreads(rows: Iterable[Row]) -> list[str]:
    """A line for every generator: means over families of what its samples keep and how far they spread."""
    found: dict[str, dict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["kind"] == "data" and "kept" in row:
            kept, spread = row["kept"], row["spread"]
            values = [kept["chosen"], kept["simulated"], kept["believed"], 1000 * spread["within"], spread["places"]]
            values += [row["stable"] / row["tried"], row.get("states_s", np.nan)]
            found[row["method"]][row["family"]].append(values)
    lines = []
    for method, families in found.items():
        means = np.mean([np.mean(values, axis=0) for values in families.values()], axis=0)
        kept, around, believed, within, places, still, seconds = means
        said = f"{kept:.3f} of R_F in D+, {around:.3f} around all particles, {believed:.3f} believed; "
        said += f"{within:.0f} mm within, {places:.2f} m of places; {percent(still)} of particles stand still"
        shares = said + (f"; {seconds:.1f} s for states" if np.isfinite(seconds) else "")
        lines.append(f"- **{method}**, mean of {len(families)} families: {shares}.")
    return lines


def by_things(rows: Iterable[Row]) -> list[str]:
    """A line for every number of things that failures concern: what the states of each generator keep, and how long they took."""
    found: dict[int, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["kind"] == "data" and "states_s" in row:
            found[row["concerned"]][row["method"]].append((row["kept"]["believed"], row["states_s"]))
    lines = []
    for count, methods in sorted(found.items()):
        means = {name: np.mean(values, axis=0) for name, values in methods.items()}
        said = [f"{name} {kept:.3f} in {spent:.1f} s" for name, (kept, spent) in means.items()]
        most = max(map(len, methods.values()))
        head = f"{count} thing{'s' * (count > 1)}**, {most} failure{'s' * (most > 1)}"
        lines.append(f"- **{head}, R_F believed of the states: {', '.join(said)}.")
    return lines


def states_compared(rows: Iterable[Row]) -> list[str]:
    """A line for each rival whose states were made around the same failures as Stein's: which keep more of R_F, as the detector
    believes. A failure is a pair; p values are Holm's over the rivals."""
    found: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    for row in rows:
        if row["kind"] == "data" and "kept" in row:
            found[row["method"]][row["family"], row["failure"]] = row["kept"]["believed"]
    mine = found.pop("stein", {})
    apart = {
        rival: [mine[key] - value for key, value in theirs.items() if key in mine]
        for rival, theirs in found.items()
        if rival in RIVALS
    }
    apart = {rival: values for rival, values in apart.items() if values}
    return [
        f"- **R_F believed of the states, {len(values)} failures**: Stein's {word} {rival}'s (mean {np.mean(values):+.3f}, "
        f"more in {sum(one > 0 for one in values)}, less in {sum(one < 0 for one in values)}, p {p:.2g})."
        for (rival, values), (word, p) in zip(apart.items(), _tested(list(apart.values())), strict=True)
    ]


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
