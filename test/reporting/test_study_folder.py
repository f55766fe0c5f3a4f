"""A folder of reports as pages: what somebody wrote comes first, every part has a title of its own."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fail2progress.reporting.study_folder import NoReportError, parts, write
from fail2progress.reporting.study_page import Part, html
from support.scripted import Scripted, small_study, unpictured


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of two methods, without pictures of failures: plots and pictures take time and are asked of the page itself."""
    study = small_study(tmp_path_factory.mktemp("study"))
    return unpictured(replace(study, counts=(3,), bases=study.bases[:1], methods=study.methods[-2:]).run(Scripted()))


def put(folder: Path, name: str, report: object) -> None:
    (folder / f"{name}.json").write_text(json.dumps(report))


def test_parts_come_in_the_order_of_the_paper_with_what_was_written_about_them(report: dict[str, Any], tmp_path: Path) -> None:
    for name, table in (("a", "figure7"), ("z", "table3"), ("own", "of-ones-own")):
        put(tmp_path, name, {**report, "table": table, "title": table})
    put(tmp_path, "other", {"rows": []})  # of another kind
    (tmp_path / "z.lead.md").write_text("# All in one\n\n**Nothing** of <b>this</b> is `real`.\n")
    (tmp_path / "index.lead.md").write_text("Before all of them.\n")
    page = tmp_path / "page.html"
    write(tmp_path, page)
    assert list(parts(tmp_path)) == ["z", "a", "own"]
    text = page.read_text()
    assert re.findall(r"<h2>(.*?)</h2>", text) == ["All in one", "figure7", "of-ones-own"]
    assert "<p><strong>Nothing</strong> of &lt;b&gt;this&lt;/b&gt; is <code>real</code>.</p>" in text
    assert text.index("Before all of them.") < text.index("<h2>")
    told = (tmp_path / "z.md").read_text()
    assert told.startswith("# All in one\n\n**Nothing**") and "| model | method |" in told
    assert "McNemar" in (tmp_path / "a.md").read_text() and not (tmp_path / "other.md").exists()
    write(tmp_path, page)
    assert (tmp_path / "z.md").read_text() == told


def test_titles_are_told_apart_by_models_trials_and_code(report: dict[str, Any]) -> None:
    later = {**report, "provenance": {**report["provenance"], "commit": "0123456789"}}
    more = {**report, "rows": [{**row, "asked": 77} for row in report["rows"]]}
    titles = re.findall(r"<h2>(.*?)</h2>", html([Part(report), Part(later), Part(more), Part(report, "Mine"), Part(later)]))
    assert len(set(titles)) == 5 and titles[3] == "Mine"
    assert "commit 0123456" in titles[1] and "77 trials" in titles[2] and titles[4].endswith("(5)")


def test_a_folder_without_reports_and_a_broken_one_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "other", {"rows": []})
    with pytest.raises(NoReportError, match="no report of a study lies here"):
        write(tmp_path, tmp_path / "page.html")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(NoReportError, match=r"broken\.json: no JSON"):
        write(tmp_path, tmp_path / "page.html")
