"""Names with $ in them stand in pictures as they are: matplotlib would take them for formulas, and fail where they are none."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import fail2progress
from fail2progress.reporting import pictures
from fail2progress.reporting.benchmark_page import benchmark_page
from fail2progress.reporting.naming import Named, write_names
from fail2progress.reporting.saving import saved

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(fail2progress.__file__).parent
NAMES = ("p$x_$", "$\\q$", "a$b$", "cost $5")


def drawn(name: str, escaped: bool) -> bytes:
    """One text in every place that a figure has; `escaped`: as matplotlib writes a $ that is none of a formula."""
    text = name.replace("$", "\\$") if escaped else name
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.plot([0, 1], label=text)
    ax.bar_label(ax.bar([0, 1], [1, 2]), [text, text])
    ax.set(title=text, xlabel=text, ylabel=text)
    ax.set_xticks([0, 1], [text, text])
    ax.annotate(text, (0.5, 0.5))
    ax.text(0.1, 0.1, text)
    ax.legend()
    figure.legend()
    figure.suptitle(text)
    if not escaped:
        return saved(figure, 80)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_texts_stand_as_they_are(name: str) -> None:
    assert drawn(name, escaped=False) == drawn(name, escaped=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_slice_may_have_any_name(name: str) -> None:
    report = json.loads((ROOT / "docs" / "reports" / "induced" / "example" / "report.json").read_text())
    report["slices"] = {(name if key == "cluster" else key): value for key, value in report["slices"].items()}
    report["rounds"] = dict(zip([name], report["rounds"].values(), strict=False))
    assert benchmark_page(report).count("data:image/png") == 4


@pytest.mark.parametrize("name", NAMES)
def test_names_beside_things_stand_as_they_are(name: str) -> None:
    figure = Figure()
    ax = figure.subplots()
    ax.set_title(name)
    write_names(ax, [Named(name, np.array([[0.2, 0.2], [0.4, 0.4]]), (0.2, 0.4, 0.6))], 9)
    assert pictures.png(figure).startswith(b"\x89PNG")


def test_no_figure_is_saved_in_another_way() -> None:
    saving = [path.name for path in SOURCE.rglob("*.py") if ".savefig(" in path.read_text()]
    assert saving == ["saving.py"]
