"""The report of table3 for people: first who beats whom, then the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fail2progress.core.shares import percent, rounded
from fail2progress.evaluation.comparison import LEVEL, Comparison
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies.table3 import comparisons

OURS = "fail2progress"
HEADS = ("model", "method", "objects", "seen", "success", "95 % interval", "paper", "P(goal)")
FURTHER = ("error along", "bystanders", "relation F1", "seen F1", "detection F1", "gap", "skills", "failed at")
MEANINGS = (
    "seen: from which viewpoint or through which noise. P(goal): what first plans promised, on the mean. error along, "
    "bystanders: median over trials of the mean error of the motion predicted for what came along and for what stayed. relation "
    "F1: predicted relations of what moved. seen F1: detected relations. detection F1: saying that a skill failed. gap: Sim2Real "
    "gap. skills: carried out, on the mean. failed at: the first skill that missed what it was for, in trials without success "
    "(none: each did what it was for). A dash: the paper reports none, or there was nothing of the kind."
)
"""What stands under HEADS and FURTHER, in words."""

Overview = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""Title, heads and rows."""
BRIEF = ("model", "method", "objects", "success", "95 %", "paper")
"""For a terminal of 80 columns."""
_OF_ALL, _KEPT = "kept by all particles", "relations kept"
DATA_HEADS = (
    "generator",
    "states (s)",
    "actions (s)",
    "both (s)",
    "set-up (s)",
    "simulation (s)",
    _OF_ALL,
    _KEPT,
    f"{_KEPT}, paper",
    "actions (m)",
    "actions, paper",
    "places (m)",
)
_DECIDED = "see below"
_LOST = f"Where {OURS} is not shown to be better:"


@dataclass(frozen=True)
class Verdicts:
    """What the tests say: how they were made; in words where our method is beaten; a table of where no difference is shown; what
    is shown."""

    how: str
    lost: tuple[str, ...]
    heads: tuple[str, ...]
    equal: tuple[tuple[str, ...], ...]
    shown: tuple[str, ...]

    @property
    def worse(self) -> str:
        """Heads what is said of places where our method is not shown to be better; "" where there is none."""
        return _LOST if self.lost or self.equal else ""


def markdown(report: Mapping[str, object]) -> str:
    """The report as a page."""
    rows = report["rows"]
    found: list[Row] = list(rows) if isinstance(rows, list) else []
    if is_data(report):
        return "\n".join([f"## {report['title']}", "", *_table(DATA_HEADS, [data_values(row) for row in found])])
    lines = _told(verdicts(report))
    for title, heads, table in overview(report):
        lines += [f"{title[0].upper()}{title[1:]}:", "", *_table(heads, table)]
    for spare in dict.fromkeys(row["spare"] for row in found):
        title = way(spare)
        told = [(*values(row), *further(row)) for row in found if row["spare"] == spare]
        lines += [f"## {report['title']}", "", f"{title[0].upper()}{title[1:]}:", "", *_table((*HEADS, *FURTHER), told)]
    seen = comparisons(report, "conditions") if report["axis"] == "condition" else []
    lines += ["The same method and trials, seen otherwise:", "", *(f"- {one}" for one in seen), ""] if seen else []
    return "\n".join([*lines, MEANINGS, ""])


def way(spare: int | None) -> str:
    """How the cells of a table act."""
    if spare is None:
        return "one plan carried out, as in the paper"
    return f"planning again, at most the shortest plan's skills + {spare}"


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (heads, ("---",) * len(heads), *rows)] + [""]


def is_data(report: Mapping[str, object]) -> bool:
    """Whether it is about making data; otherwise about trials."""
    return "comparisons" not in report


def columns(report: Mapping[str, object]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows in brief."""
    rows = report["rows"]
    found: list[Row] = list(rows) if isinstance(rows, list) else []
    if is_data(report):
        return DATA_HEADS, [data_values(row) for row in found]
    return BRIEF, [_brief(row) for row in found]


def _brief(row: Row) -> tuple[str, ...]:
    way = "" if row["spare"] is None else f", shortest + {row['spare']}"
    seen = "" if row["condition"] == "usual" else f", {row['condition']}"
    _, _, objects, _, success, interval, beside, _ = values(row)
    return (row["base_model"], f"{row['method']}{way}{seen}", objects, success, interval, beside)


def data_values(row: Row) -> tuple[str, ...]:
    """A row's cells under DATA_HEADS."""
    beside = ["-" if row[key] is None else f"{row[key]:.3f}" for key in ("paper_kept", "paper_spread_m")]
    if "kept" not in row:
        return (row["method"], row["not_run"], *"------", beside[0], "-", beside[1], "-")
    of = "" if row["made"] == row["asked"] else f" ({row['made']} of {row['asked']} failures)"
    names = ("states_s", "actions_s", "inference", "setup_s", "simulation", "kept_of_all", "kept", "actions", "places")
    *firsts, actions, places = (f"{row[name]['mean']:.3g} ± {row[name]['std']:.2g}" if name in row else "-" for name in names)
    return (f"{row['method']}{of}", *firsts, beside[0], actions, beside[1], places)


def verdicts(report: Mapping[str, object]) -> Verdicts | None:
    """What the tests of a report say; None where nothing was compared."""
    found = comparisons(report)
    if not found:
        return None
    winners: dict[tuple[str, str], list[str]] = {}
    for one in found:
        if one.shown:
            winners.setdefault((one.where, one.first), []).append(one.second)
    ours = [one for one in found if OURS in (one.first, one.second)]
    both = "those that both went through"
    counts = f"{OURS} : the other: trials in which only the one and only the other reached the goal, of {both}; p: "
    how = (
        f"{counts if ours else f'Of all trials, {both} are compared: '}McNemar's exact test, after Holm over {len(found)} "
        f"comparison{'s' * (len(found) > 1)}, level {LEVEL}."
    )
    lost = tuple(str(one) for one in found if one.shown and one.second == OURS)
    heads, equal = _undecided(ours)
    return Verdicts(how, lost, heads, equal, tuple(_beaten(winners) or ["No difference is shown."]))


def _undecided(found: Sequence[Comparison]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Heads and rows of a table: a row for each place and other method of which some is not shown, a column for each number of
    objects."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for one in found:
        place, objects = _place(one.where)
        ours, others, other = one.only_first, one.only_second, one.second
        if one.second == OURS:
            ours, others, other = others, ours, one.first
        told = _DECIDED if one.shown else f"{ours} : {others} of {one.pairs}, p = {one.adjusted:.2g}"
        cells.setdefault((place, other), {})[objects.strip()] = told
    open_ones = {head: row for head, row in cells.items() if set(row.values()) != {_DECIDED}}
    counts = tuple(dict.fromkeys(objects for row in open_ones.values() for objects in row))
    rows = tuple((*head, *(row.get(objects, "-") for objects in counts)) for head, row in open_ones.items())
    return ("where", f"{OURS} against", *(objects or "trials" for objects in counts)), rows


def _told(found: Verdicts | None) -> list[str]:
    """Where our method is not shown to be better comes first; then what is shown, a line for each winner and those it beats."""
    if found is None:
        return []
    lines = [f"**{found.worse}**", ""] if found.worse else []
    lines += [*(f"- {one}" for one in found.lost), ""] if found.lost else []
    lines += _table(found.heads, found.equal) if found.equal else []
    return [*lines, found.how, "", *(f"- {one}" for one in found.shown), ""]


def _place(where: str) -> tuple[str, str]:
    """Where a comparison was made without the number of objects, and that number for a list: "3 objects "."""
    parts = where.split(", ")
    objects = [part for part in parts if part.endswith(" objects")]
    return ", ".join(part for part in parts if part not in objects), "".join(f"{part} " for part in objects)


def _beaten(winners: Mapping[tuple[str, str], list[str]]) -> list[str]:
    """Numbers of objects with the same verdict share a line."""
    same: dict[tuple[str, str, str], list[str]] = {}
    for (where, first), losers in winners.items():
        place, objects = _place(where)
        same.setdefault((place, first, ", ".join(losers)), []).append(objects.split(" ")[0])
    lines = []
    for (place, first, beaten), counts in same.items():
        with_objects = f", {' and '.join(counts)} objects" if counts[0] else ""
        lines.append(f"{place}{with_objects}: {first} beats {beaten}")
    return lines


def overview(report: Mapping[str, object]) -> list[Overview]:
    """A table for each base model and way to act, as the paper prints it: a row for each method, a column for each condition."""
    rows = report["rows"]
    found: list[Row] = list(rows) if isinstance(rows, list) else []
    tables: dict[tuple[str, int | None, int], dict[str, dict[str, str]]] = {}
    partly: set[tuple[str, int | None, int]] = set()
    for row in found:
        seen = "" if row["condition"] == "usual" else f", {row['condition']}"
        head = (row["base_model"], row["spare"], row["asked"])
        tables.setdefault(head, {}).setdefault(row["method"], {})[f"{row['objects']} objects{seen}"] = _success(row)
        if not row["complete"]:
            partly.add(head)
    return [_laid_out(*head, table, "at most " * (head in partly)) for head, table in tables.items()]


def _laid_out(base: str, spare: int | None, trials: int, table: Mapping[str, Mapping[str, str]], most: str) -> Overview:
    heads = tuple(dict.fromkeys(head for cells in table.values() for head in cells))
    lines = [(method, *(cells.get(head, "-") for head in heads)) for method, cells in table.items()]
    return f"{base}, {way(spare)}, {most}{trials} trials a cell", ("method", *heads), lines


def _success(row: Row) -> str:
    """Success, its interval, of how many trials where some are missing, and the paper's."""
    *_, interval, beside, _ = values(row)
    some = "" if row["complete"] else f" of {row['trials']}"
    told = "not run" if not row["trials"] else f"**{percent(row['rate'])}** ({interval}){some}"
    return told if beside == "-" else f"{told}; paper {beside}"


def values(row: Row) -> tuple[str, ...]:
    """A row's cells under HEADS; one that was not run says so."""
    name = row["configuration"] if row["configuration"] == row["base_model"] else f"{row['base_model']} ({row['configuration']})"
    way = "open loop" if not row["replan"] else "" if row["method"] == "replanning" else "replanning"
    head = (name, ", ".join(filter(None, (row["method"], way))), str(row["objects"]), row["condition"])
    beside = percent(row["paper"])
    if not row["trials"]:
        return (*head, row["not_run"], "-", beside, "-")
    low, high = row["ci95"]
    part = "" if row["complete"] else f" of {row['trials']} trials; {row['asked']} asked for"
    interval = f"{percent(low)} to {percent(high)}"
    return (*head, f"**{percent(row['rate'])}**{part}", interval, beside, _promise(row["plan_probability"]))


def further(row: Row) -> tuple[str, ...]:
    """A row's cells under FURTHER."""
    if not row["trials"]:
        return ("-",) * len(FURTHER)
    failed = ", ".join(f"{name} {count}" for name, count in row["failed_steps"].items()) or "-"
    errors = (_length(row["along_error_m"], 100.0, "cm"), _length(row["bystander_error_m"], 1000.0, "mm"))
    scores = (row["relation_f1"], row["seen_f1"], row["detection_f1"], row["sim2real_gap"])
    return (
        *errors,
        *("-" if score is None or score != score else f"{score:.3f}" for score in scores),
        f"{row['skills']:.1f}",
        failed,
    )


def _promise(probability: float | None) -> str:
    """P(goal); nothing where no trial had a plan."""
    return "-" if probability is None else rounded(probability, 2, 0.0, 1.0)


def _length(metres: float | None, scale: float, unit: str) -> str:
    """A length in another unit; nothing where it was not measured, as null in a report that was read back."""
    return "-" if metres is None or metres != metres else f"{metres * scale:.1f} {unit}"
