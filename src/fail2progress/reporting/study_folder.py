"""A folder of studies' reports: read, and written again as pages for people, each with what somebody wrote about it.

NAME.json         a report, as `reproduce` writes it
NAME.lead.md      what comes before its tables, in Markdown; a first line "# ..." is its title; [...](OTHER.md) leads to another
index.lead.md     what comes before all of them on the page
NAME.md, a page   made from these
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from fail2progress.core.files import write_whole
from fail2progress.evaluation.studies.table3_page import markdown
from fail2progress.reporting.study_page import Part, html

_LEAD = ".lead.md"
_ORDER = ("table3", "table3-budget", "table2", "table2-budget", "table5", "figure3b", "figure6", "figure7", "a15", "detection")
"""Of parts on the page; others come last."""


class NoReportError(ValueError):
    """A folder without reports of studies."""


def parts(folder: Path) -> dict[str, Part]:
    """Its reports by file name, in the order of the page. NoReportError where there are none."""
    found = sorted(_read(folder), key=lambda one: (_place(one[1]), one[0]))
    if not found:
        raise NoReportError(f"{folder}: no report of a study lies here (NAME.json, as `reproduce` writes it)")
    return dict(found)


def _read(folder: Path) -> Iterator[tuple[str, Part]]:
    for path in sorted(folder.glob("*.json")):
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise NoReportError(f"{path}: no JSON ({error}); move it elsewhere") from error
        if isinstance(report, dict) and {"table", "title", "rows", "provenance"} <= report.keys():
            title, lead = _lead(folder / f"{path.stem}{_LEAD}")
            yield path.stem, Part(report, title, lead, path.stem)


def _place(part: Part) -> int:
    name = part.report["table"]
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _lead(path: Path) -> tuple[str, str]:
    """A title, or "", and what follows it."""
    text = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    if not text.startswith("# "):
        return "", text
    title, _, rest = text.partition("\n")
    return title[2:].strip(), rest.strip()


def write(folder: Path, page: Path) -> None:
    """Every report as NAME.md beside it, and all of them as one page."""
    found = parts(folder)
    for name, part in found.items():
        head = [f"# {part.title}"] if part.title else []
        write_whole(folder / f"{name}.md", "\n\n".join([*head, *([part.lead] if part.lead else []), markdown(part.report)]))
    write_whole(page, html(list(found.values()), _lead(folder / f"index{_LEAD}")[1]))
