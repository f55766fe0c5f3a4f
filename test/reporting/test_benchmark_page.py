import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fail2progress.reporting.benchmark_page import benchmark_page
from fail2progress.reporting.benchmark_pictures import rounds_figure

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "reports" / "induced" / "example" / "report.json"
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(benchmark_page(json.loads(EXAMPLE.read_text())))
    return path


def test_the_page_holds_everything(page: Path) -> None:
    text, report = page.read_text(), json.loads(EXAMPLE.read_text())
    assert not re.search(r"(src|href)=.?https?:", text)
    assert text.count("data:image/png;base64,") == 4
    assert all(f"<td>{name}</td>" in text for name in report["slices"])
    assert all(digest in text for digest in report["provenance"]["models"].values())


def test_bounds_are_drawn_where_the_rules_of_the_run_have_them(page: Path) -> None:
    report = json.loads(EXAMPLE.read_text())
    plots = [re.findall('base64,([^"]+)', text) for text in (page.read_text(), benchmark_page(report))]
    assert plots[0] == plots[1]
    report["rules"] |= {"drift": 0.3}
    moved = re.findall('base64,([^"]+)', benchmark_page(report))
    assert [one == other for one, other in zip(plots[0], moved, strict=True)].count(False) == 1


@pytest.mark.parametrize("last", [1, 2, 3, 40])
def test_rounds_are_whole_numbers_and_fresh_draws_are_called_so(last: int) -> None:
    report = json.loads(EXAMPLE.read_text())
    series = {mode: (rows * 20)[: last + 1] for mode, rows in report["rounds"].items()}
    numbered = {mode: [{**row, "round": number} for number, row in enumerate(rows)] for mode, rows in series.items()}
    figure = rounds_figure(numbered, report["rules"])
    figure.draw_without_rendering()
    ticks = [tick for axes in figure.axes for tick in axes.get_xticks()]
    assert ticks and all(float(tick).is_integer() for tick in ticks)
    legend = figure.axes[0].get_legend()
    assert legend is not None and [text.get_text() for text in legend.get_texts()] == ["accumulate", "fresh static draws"]


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_browser_shows_verdicts_and_loads_every_plot(page: Path, tmp_path: Path) -> None:
    probe = "<script>document.title = [...document.images].filter(i => i.complete && i.naturalWidth > 100).length</script>"
    copy = tmp_path / "probed.html"
    copy.write_text(page.read_text().replace("</body>", f"<script>onload = () => {{{probe[8:-9]}}}</script></body>"))
    words = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'user'}", "--dump-dom"]
    done = subprocess.run([*words, f"file://{copy}"], capture_output=True, text=True, timeout=300)
    assert "<title>4</title>" in done.stdout
    assert len(re.findall(r"<h3>H[123]: <span class=\"(?:good|bad)\">", done.stdout)) == 3
