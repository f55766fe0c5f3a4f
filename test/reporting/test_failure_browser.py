import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.images import png
from fail2progress.failures.assets.schema import FailureSignals
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.reporting.failure_browser import Entry, browser, expected_scene
from fail2progress.simulation.reconstruction import rebuild
from support.failures import event as of_kind
from support.samples import failure

CHROMIUM = shutil.which("chromium")


SEEN = png(np.zeros((4, 4, 3), np.uint8))


@pytest.mark.parametrize("kind", ["stack", "nested", "row"])
def test_the_expected_scene_moves_the_object_and_what_was_expected_to_come_along(kind: str) -> None:
    event = of_kind(kind)
    start = rebuild(event.before, event.relations_before).scene

    def moved(one: FailureEvent) -> set[str]:
        expected = expected_scene(one)
        return {name for name in start.names if np.linalg.norm(expected.position(name) - start.position(name)) > 1e-6}

    assert moved(event) == {"stack": {"base", "top"}, "nested": {"box", "cup", "capsule"}, "row": {"row_0"}}[kind]
    nothing = replace(event.expected, binary=np.zeros_like(event.expected.binary))
    assert moved(event.model_copy(update={"expected": nothing})) == {event.header.call.object}


def report_of(event: FailureEvent, category: FailureClass) -> FailureReport:
    rows = (FailureSignals(asset="cup_1", geometry_mismatch_mm=-21.0, contact_equilibrium_fail=True),)
    return FailureReport(
        failure=event.id, category=category, confidence=0.0, repetitions=0, differences=(), rebuilt=(),
        reason="<b>cup_1</b> was not seen", final_signals=rows,
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    event: FailureEvent = failure().model_copy(update={"images": dict.fromkeys(("before", "after"), SEEN)})
    nothing = replace(event.before, points=np.full_like(event.before.points, np.nan))
    header = event.header.model_copy(update={"id": "f" * 8 + event.id[8:]})
    blind = event.model_copy(update={"header": header, "before": nothing, "after": nothing})
    lessons = (("v0002", "better"), ("", "worse"))
    entries = [Entry(event, None), Entry(blind, report_of(blind, FailureClass.UNDECIDED), lessons)]
    path = tmp_path_factory.mktemp("browser") / "failures.html"
    path.write_text(browser(entries))
    return path


def test_the_page_holds_everything_and_escapes_what_comes_from_outside(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"(src|href)=.?https?:", text) and "&lt;b&gt;cup_1&lt;/b&gt; was not seen" in text
    assert text.count("<article") == 2 and text.count("data:image/png;base64,") == 7
    for title, count in (
        ("before, camera", 2),
        ("after, camera", 2),
        ("before, as rebuilt (colours stand for names)", 1),
        ("expected", 1),
    ):
        assert text.count(f"<figcaption>{title}</figcaption>") == count
    assert "<option>geometry_mismatch_mm</option>" in text
    assert "v0002: better; later no new model: worse" in text and "nothing was learnt from it yet" in text


def test_a_surprise_has_a_sentence_too() -> None:
    event = failure()
    surprise = event.model_copy(update={"header": event.header.model_copy(update={"mismatches": ()})})
    assert "ended elsewhere than the model expected" in browser([Entry(surprise, None)])


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        ("", 2),
        ("class=undecided", 1),
        ("signal=contact_equilibrium_fail", 1),
        ("signal=geometry_mismatch_mm", 1),
        ("class=not_classified", 1),
    ],
)
def test_a_browser_filters_by_the_address(page: Path, filters: str, shown: int, tmp_path: Path) -> None:
    words = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--dump-dom"]
    done = subprocess.run([*words, f"file://{page}#{filters}"], capture_output=True, text=True, timeout=120)
    assert f'<output id="count">{shown}</output>' in done.stdout
    assert len(re.findall("<article [^>]*hidden", done.stdout)) == 2 - shown
