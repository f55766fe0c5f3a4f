"""The page of a study, opened in a browser where there is one: all its links lead somewhere, all its pictures are drawn."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fail2progress.evaluation.studies.conditions import CONDITIONS
from fail2progress.evaluation.studies.designs import samples
from fail2progress.reporting.study_page import Part, html
from support.scripted import Scripted, small_study, unpictured

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

PROBE = """<script>
addEventListener("load", () => {
  const links = [...document.querySelectorAll("a[href]")].map((a) => a.getAttribute("href"));
  const dead = links.filter((h) => !h.startsWith("#") || !document.getElementById(h.slice(1)));
  const pictures = [...document.images].map((i) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 40;
    const pen = canvas.getContext("2d");
    pen.drawImage(i, 0, 0, 40, 40);
    return i.complete && i.naturalWidth > 200 && new Set(pen.getImageData(0, 0, 40, 40).data).size > 8;
  });
  const found = document.createElement("pre");
  found.id = "probe";
  const drawn = pictures.filter(Boolean).length;
  found.textContent = JSON.stringify({links: links.length, dead, pictures: pictures.length, drawn});
  document.body.append(found);
});
</script>"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A table, one with a cell that was not run, a figure along noise, one along particles, and one of generators."""
    study = small_study(tmp_path_factory.mktemp("study"))
    noisy = replace(study, conditions=(CONDITIONS.get("noise-0mm"), CONDITIONS.get("noise-5mm")), counts=(3,), spare=None)
    noisy = replace(noisy, bases=study.bases[:1], methods=study.methods[-2:])
    few = replace(study, methods=(samples(5), samples(20)), counts=(3,), spare=None)
    table: dict[str, Any] = study.run(Scripted())
    fewer = {**table, "table": "part", "rows": [replace_row(table["rows"][0]), *table["rows"][1:3]], "complete": False}
    return [
        table,
        fewer,
        replace(noisy, name="figure3b", axis="condition").run(Scripted()),
        replace(few, name="figure7", axis="samples").run(Scripted()),
        generation(table["provenance"]),
    ]


@pytest.fixture(scope="module")
def text(reports: list[dict[str, Any]]) -> str:
    return html(list(map(Part, reports)))


def test_reports_of_one_table_that_were_made_apart_are_parts_of_their_own(reports: list[dict[str, Any]]) -> None:
    few = unpictured({**reports[0], "rows": reports[0]["rows"][:2]})
    both = html([Part(few)] * 2)
    assert both.count('id="table3"') == 1 and both.count('id="table3-2"') == 1 and both.count('href="#table3-2"') > 0


def replace_row(row: dict[str, Any]) -> dict[str, Any]:
    head = {
        key: row[key]
        for key in ("base_model", "configuration", "method", "replan", "spare", "objects", "condition", "paper", "asked")
    }
    return {**head, "samples": None, "complete": False, "trials": 0, "rate": None, "ci95": None, "not_run": "not run"}


def generation(origin: object) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(("stein", "sampling")):
        head = {"method": name, "made": 2, "asked": 2, "complete": True, "paper_kept": 0.9, "paper_spread_m": None}
        names = ("inference", "simulation", "kept_of_all", "kept", "actions", "places")
        parts = {key: {"mean": 1.0 + number, "std": 0.1} for key in names}
        rows.append({**head, **parts})
    return {"table": "figure6", "title": "Making <the> data", "rows": rows, "complete": True, "provenance": origin}


def test_the_page_says_what_was_run_and_what_was_not(text: str) -> None:
    assert not re.search(r"(src|href)=.?https?:", text) and "Making &lt;the&gt; data" in text
    assert "<td>not run</td>" in text and "</a>: 3 cells, 4 trials each, 1 not run</li>" in text
    assert "</a>: 28 cells, 4 trials each</li>" in text and "</a>: 2 cells, 2 failures each</li>" in text
    assert "Where fail2progress is not shown to be better" in text and "changed_files" in text
    anchors = set(re.findall(r'id="([^"]+)"', text))
    links = re.findall(r'href="#([^"]+)"', text)
    assert len(links) > 20 and set(links) <= anchors
    assert text.count("data:image/png;base64,") + text.count("data:image/webp;base64,") == text.count("<img ")


def test_what_was_compared_is_a_table_and_what_was_not_is_left_out(reports: list[dict[str, Any]], text: str) -> None:
    row = "<tr><td>points2plans</td><td>original</td><td>2 : 0 of 4, p = 1</td><td>2 : 0 of 4, p = 1</td></tr>"
    assert row in text and "<th>fail2progress against</th><th>3 objects</th><th>5 objects</th>" in text
    along = html([Part({**unpictured(reports[3]), "comparisons": [], "claims": []})])
    assert "What the tests say" not in along and "No difference" not in along


def test_captions_say_what_is_drawn(text: str) -> None:
    assert "(one plan carried out, as in the paper); diamonds: the paper." in text
    assert "(planning again, at most the shortest plan&#39;s skills + 1)." in text  # of which the paper has none
    assert "points2plans, fail2progress. Trials that reach the goal" in text and "the Sim2Real gap (1 - F1 of" in text
    assert ", and seconds from failure to model by the clock." in text
    assert "as it ended: the plan was carried out; the first skill that missed what it was for is put." in text
    assert "<td>original</td><td>the base model, open loop</td>" in text and "<td>small</td>" not in text


def test_links_to_other_reports_lead_to_their_parts(reports: list[dict[str, Any]]) -> None:
    first, later = map(unpictured, reports[:2])
    parts = [Part(first, lead="See [the other](later.md), [a guide](guide.md).", name="first"), Part(later, name="later")]
    text = html(parts, lead="[Here](first.md).")
    assert '<a href="#later">the other</a>' in text and '<a href="#first">Here</a>' in text and 'id="later"' in text
    assert '<a href="guide.md">a guide</a>' in text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_follows_its_links_and_draws_its_pictures(text: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(text.replace("</body>", PROBE + "</body>"))
    words = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'user'}"]
    address = f"file://{tmp_path / 'index.html'}"
    done = subprocess.run(
        [*words, "--virtual-time-budget=20000", "--dump-dom", address], capture_output=True, text=True, timeout=240
    )
    said = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout)
    assert said is not None, done.stderr[-2000:]
    found = json.loads(said.group(1))
    assert found["dead"] == [] and found["links"] > 20
    assert found["drawn"] == found["pictures"] > 10
