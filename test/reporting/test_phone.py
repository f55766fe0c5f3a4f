"""The pages in a real browser, as wide as a phone: nothing is wider than the page, but for what scrolls by itself."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fail2progress.evaluation.stack_run import read_run
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.failures.store import FailureStore
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.store import Registry
from fail2progress.reporting.failure_browser import Entry, browser
from fail2progress.reporting.stack_report import html as stack_page
from support import samples

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTH = 390
PROBE = """<script>addEventListener("load", () => {
  const wide = [...document.querySelectorAll("*")].filter(
    (e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".wide, .scroll"));
  const drawn = [...document.images].filter((i) => i.naturalWidth);
  parent.postMessage({page: document.documentElement.scrollWidth, pictures: drawn.length,
    wide: wide.map((e) => e.outerHTML.slice(0, 80))}, "*");
});</script>"""
FRAME = """<pre id="said"></pre><iframe src="page.html" style="border:0;width:390px;height:900px"></iframe>
<script>addEventListener("message", (e) => { document.getElementById("said").textContent = JSON.stringify(e.data); });</script>"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a stack leaves that met a failure and learnt from it."""
    event, store = samples.failure(), FailureStore(tmp_path / "failures.sqlite")
    store.add(event)
    store.add_report(
        FailureReport(
            failure=event.id, category=FailureClass.SYMBOLIC_PREDICTION, confidence=1.0, repetitions=5, differences=(), rebuilt=()
        )
    )
    store.add_lesson(event.id, "v0002", "better on the failure, not worse elsewhere")
    registry, start = Registry(tmp_path / "models"), load_checkpoint(weights.path(weights.RELATIONAL))
    registry.begin(start)
    figures = {"failure_f1": 0.5, "held_out_prediction": 0.97}
    gate = {"passed": True, "reason": "better", "before": figures, "after": {**figures, "failure_f1": 0.9}}
    registry.register(start.model, {"parent_version": "v0001", "event": event.id, "gate": gate, "seconds": {"states": 2.0}})
    return tmp_path


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("kind", ["stack", "browser"])
def test_no_page_is_wider_than_a_phone(run: Path, kind: str, tmp_path: Path) -> None:
    store = FailureStore(run / "failures.sqlite")
    event = store.latest()
    page = (
        stack_page(read_run(run)) if kind == "stack" else browser([Entry(event, store.report(event.id), store.lessons(event.id))])
    )
    (tmp_path / "page.html").write_text(page.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME, encoding="utf-8")
    words = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000", "--dump-dom"]
    done = subprocess.run([*words, f"file://{tmp_path / 'frame.html'}"], capture_output=True, text=True, timeout=240)
    found = re.search(r'<pre id="said">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-500:]
    said = json.loads(html.unescape(found[1]))
    assert said["page"] <= WIDTH and said["wide"] == [] and said["pictures"] == page.count("data:image/png")
