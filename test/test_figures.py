"""Figures that README and results state of a committed report are what that report holds."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fail2progress.evaluation.studies.families_bars import gate, learnt

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / "docs" / "reports"
PAGES = ("README.md", "docs/results.md", "docs/results-before.md")
Report = Mapping[str, Any]
NUMBER = re.compile(r"(?<![\w.,])-?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?!\w)")
OF = re.compile(r"(?<![\d.,])(\d[\d,]*) of (\d[\d,]*)")


def rows(page: str) -> Iterator[str]:
    """Lines of a page's tables, without what makes bold."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("**", "")
    yield from (line for line in text.splitlines() if line.startswith("| "))


def linked(row: str) -> dict[str, Report]:
    """The reports that a row links, by name; a page stands for the file that it was made from."""
    names = re.findall(r"\]\((?:docs/)?reports/([\w/.-]+)\.(?:md|json)\)", row)
    files = {name: REPORTS / f"{name}.json" for name in names}
    return {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.is_file()}


def measured(row: str) -> str:
    """What a row of the results says was measured, without the bar beside it and the addresses of links."""
    return re.sub(r"\]\([^)]*\)", "]", row.split(" | ")[1])


def states(text: str, value: float, digits_at_least: int = 3) -> bool:
    """Whether a text has a number that the value rounds to, as a share or in per cent."""
    for found in NUMBER.findall(text):
        digits = found.replace(",", "").removeprefix("-")
        if len(re.sub(r"^[0.]+|\.", "", digits)) < (2 if value < 0.1 else digits_at_least):
            continue  # too little to tell one figure from another
        half = 0.5 * 10.0 ** -len(digits.partition(".")[2]) + 1e-9
        if any(math.isclose(abs(one), float(digits), rel_tol=0.0, abs_tol=half) for one in (value, 100.0 * value)):
            return True
    return False


def counts(text: str) -> set[tuple[int, int]]:
    """Every "3 of 20" of a text."""
    return {(int(one.replace(",", "")), int(all_.replace(",", ""))) for one, all_ in OF.findall(text)}


def clutter(report: Report) -> dict[str, float]:
    everything = report["rows"]["all"]
    return {"found": everything["found"], "mean IoU of all": everything["mean_iou"]}


def noise(report: Report) -> dict[str, float]:
    mine = [row for row in report["rows"] if row["segments"] != "ideal" and row["sigma_m"] == 0 and row["detector"] == "combined"]
    return {f"F1, {row['scenes']}": row["f1"] for row in mine}


def identities(report: Report) -> dict[str, float]:
    mine = (row for row in report["rows"] if row["segments"] != "ideal" and row["expected_shifts"] and row["colours"])
    return {"kept": next(mine)["kept"]}


def lifelong(report: Report) -> dict[str, float]:
    return {f"held-out F1 lost, {key}": value for key, value in report["held_out_f1_lost"].items()}


def monitor(report: Report) -> dict[str, float]:
    return {f"F1, {name}": report["measured"][name]["f1"] for name in ("unseen", "items")}


def rate(report: Report) -> dict[str, float]:
    return {"right": report["right" if "right" in report else "right_where_told"]["rate"]}


HEADLINES: Mapping[str, Callable[[Report], dict[str, float]]] = {
    r"clutter_\w+": clutter,
    r"noise_fused\w*": noise,
    r"identities_\w+": identities,
    r"lifelong\w*": lifelong,
    r"monitor_(combined|learned)\w*": monitor,
    r"classes\w*": rate,
    r"physics_(centre|restitution)": rate,
}
"""What a row of the results that links such a report states of it."""


def headline(name: str, report: Report) -> dict[str, float]:
    kinds = (figures for pattern, figures in HEADLINES.items() if re.fullmatch(pattern, name))
    found = next(kinds, None)
    return {} if found is None else found(report)


@pytest.mark.parametrize("page", PAGES[1:])
def test_a_row_states_what_the_report_that_it_links_says_first(page: str) -> None:
    checked, wrong = 0, []
    for row in rows(page):
        for name, report in linked(row).items():
            for what, value in headline(name, report).items():
                checked += 1
                wrong += [f"{name}: {what} is {value:.4f}: {row[:80]}"] * (not states(measured(row), value))
    assert wrong == [] and checked


@pytest.mark.parametrize("page", PAGES[1:])
def test_a_row_counts_what_the_acceptance_test_said_as_its_report_does(page: str) -> None:
    wrong = []
    for row in rows(page):
        for name, report in linked(row).items():
            if name.startswith("families_") and "refuses" in row:
                said = [number for line in gate(report["rows"])[:1] for number in map(int, re.findall(r"\d+", line))]
                _, good, refused, bad, passed = said
                none = {(0, n) for n in (good, bad) if n == 0 or re.search(r"\bnone\b", row)}
                missing = {(refused, good), (passed, bad)} - counts(row) - none
                wrong += [f"{name}: {missing} of {row[:60]}"] * bool(missing)
    assert wrong == []


def most_lost(report: Report) -> float:
    """The most of held-out F1 that a lesson of Stein's which went live lost."""
    lessons = (row for methods in learnt(report["rows"]).values() for row in methods.get("stein", ()))
    return float(max(row["before"]["held_out_f1"] - row["after"]["held_out_f1"] for row in lessons if row.get("passed", True)))


def test_a_row_states_the_most_that_a_lesson_lost() -> None:
    found = [
        (row, name, most_lost(report))
        for page in PAGES[1:]
        for row in rows(page)
        for name, report in linked(row).items()
        if name.startswith("families_") and re.search(r"held-out F1 lost [^;|]*at most", row)
    ]
    assert found and [(name, lost) for row, name, lost in found if not states(measured(row), round(lost, 4))] == []


def tried(report: Report, method: str = "fail2progress") -> dict[str, tuple[int, int]]:
    """Successes and trials of a method, by condition."""
    return {row["condition"]: (row["successes"], row["trials"]) for row in report["rows"] if row["method"] == method}


def test_successes_with_seen_segments_are_those_of_the_reports_one_by_one_and_together() -> None:
    """A row of several sums them, to the last there is."""
    everything, told = sorted(file.stem for file in REPORTS.glob("perceived_1*.json")), set()
    for row in rows("docs/results.md"):
        reports = {name: report for name, report in linked(row).items() if name in everything}
        sums: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for condition, (right, trials) in (item for report in reports.values() for item in tried(report).items()):
            sums[condition] = (sums[condition][0] + right, sums[condition][1] + trials)
        assert set(sums.values()) <= counts(row), row
        assert len(reports) < 2 or list(reports) == everything[-len(reports) :], row
        told |= {"one by one" if len(reports) == 1 else "together"} if reports else set()
    assert told == {"one by one", "together"}


def test_what_bench_measures_is_what_its_report_says() -> None:
    """A row that names the command links its report, and each report of it that a row links holds a figure of that row."""
    for row in rows("docs/results.md"):
        reports = {name: report for name, report in linked(row).items() if re.fullmatch(r"bench\w*", name)}
        assert reports or not re.search(r"`bench`", row), row
        for name, report in reports.items():
            figures = [one[key] for one in report["benchmarks"] for key in ("ours", "ratio")]
            assert any(states(measured(row), value, digits_at_least=2) for value in figures), f"{name}: {row}"


def test_no_part_of_the_study_was_run_and_is_not_told() -> None:
    told = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES[1:])
    pages = (page for page in (REPORTS / "study").glob("*.md") if not page.name.endswith(".lead.md"))
    assert [page.name for page in pages if f"](reports/study/{page.name})" not in told] == []


def test_what_the_readme_counts_stands_where_it_says_that_figures_stand() -> None:
    """In the results, or in the page of a report that its row links."""
    results = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES[1:]).replace("**", "")
    known, stray = counts(results), []
    for row in rows("README.md"):
        pages = [REPORTS / f"{name}.md" for name in linked(row)]
        here = "\n".join(page.read_text(encoding="utf-8") for page in pages if page.is_file()).replace("**", "")
        stray += [f"{one} of {all_}: {row[:60]}" for one, all_ in counts(row) - known - counts(here)]
    assert stray == []
