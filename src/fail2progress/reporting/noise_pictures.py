"""Detection against noise as a picture and as a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fail2progress.core.relations import BINARY
from fail2progress.perception.relations.registry import COMBINED, GEOMETRIC, LEARNED
from fail2progress.reporting.saving import unsigned

_COLOURS = {LEARNED: "#2d6ca8", GEOMETRIC: "#e4772e", COMBINED: "#5d9b4c"}
_INK, _GRID = "#24292f", "#e4e7ea"
_MIRRORED = {"right": "left", "behind": "front", "below": "above"}


def curves(report: Mapping[str, Any]) -> bytes:
    """PNG: for every kind of scene, pooled F1 against sigma by source of the segments, and F1 by relation."""
    sources = list(dict.fromkeys(row["segments"] for row in report["rows"]))
    kinds = list(report["views"])
    figure = Figure(figsize=(4.6 * len(sources) + 9.4, 4.2 * len(kinds)), layout="constrained")
    grid = figure.subplots(len(kinds), len(sources) + 2, squeeze=False)
    lowest = min([row["f1"] for row in report["rows"]] + [report["bar"]])
    for axes, kind in zip(grid, kinds, strict=True):
        rows = [row for row in report["rows"] if row["scenes"] == kind]
        for ax, source in zip(axes, sources, strict=False):
            _against_sigma(ax, [row for row in rows if row["segments"] == source], report["bar"])
            ax.set_ylim(min(0.85, lowest - 0.02), 1.005)
            ax.set_title(f"{kind}, {source} segments ({report['views'][kind]} views)", loc="left", fontsize=10)
        last = [row for row in rows if row["segments"] == sources[-1]]
        _by_relation(axes[-2], last)
        axes[-2].set_title(f"{kind}, {sources[-1]} segments, by relation", loc="left", fontsize=10)
        _reliability(axes[-1], last)
        axes[-1].set_title(f"{kind}, {sources[-1]} segments, reliability", loc="left", fontsize=10)
    return unsigned(figure, 110)


def _against_sigma(ax: Axes, rows: Sequence[Mapping[str, Any]], bar: float) -> None:
    for name, colour in _COLOURS.items():
        own = [row for row in rows if row["detector"] == name]
        ax.plot([1000 * row["sigma_m"] for row in own], [row["f1"] for row in own], "o-", color=colour, label=name, lw=2)
    ax.axhline(bar, color=_INK, lw=1, ls=":", label=f"bar {bar:g}")
    _dress(ax, "noise on every point and axis, standard deviation (mm)", "detection F1, all relations pooled")
    ax.legend(frameon=True, framealpha=0.8, edgecolor="none", fontsize=9, loc="best")


def _by_relation(ax: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Bars by relation for the two detectors, without and with the strongest noise; mirrored relations once."""
    names = [name for name in BINARY if name not in _MIRRORED]
    sigmas = [row["sigma_m"] for row in rows]
    for k, (name, sigma) in enumerate([(d, s) for s in (min(sigmas), max(sigmas)) for d in (LEARNED, GEOMETRIC)]):
        row = next(row for row in rows if (row["detector"], row["sigma_m"]) == (name, sigma))
        values = [row["by_relation"].get(relation, float("nan")) for relation in names]
        places = [i + 0.2 * (k - 1.5) for i in range(len(names))]
        pale = 1.0 if sigma == min(sigmas) else 0.45
        ax.bar(places, values, 0.19, color=_COLOURS[name], alpha=pale, label=f"{name}, {1000 * sigma:g} mm")
    ax.set_xticks(range(len(names)), [f"{name}/\n{m}" if (m := _mirror(name)) else name for name in names])
    _dress(ax, "", "F1")
    ax.set_ylim(0.0, 1.005)
    ax.tick_params(axis="x", labelsize=8)
    ax.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, columnspacing=1.0)


def _reliability(ax: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """How often relations hold, by how probable they are said to be, without noise; larger dots for more relations."""
    ax.plot((0, 1), (0, 1), color=_INK, lw=1, ls=":", label="as said")
    for row in rows:
        if row["sigma_m"] == min(other["sigma_m"] for other in rows):
            said, holds, count = ([part[key] for part in row["reliability"]] for key in ("said", "holds", "relations"))
            ax.plot(said, holds, color=_COLOURS[row["detector"]], lw=1)
            sizes = [12 + 6 * math.log10(number) ** 2 for number in count]
            label = f"{row['detector']}, off by {row['calibration_error']:.3f}"
            ax.scatter(said, holds, sizes, color=_COLOURS[row["detector"]], label=label)
    _dress(ax, "probability that is said", "share that holds")
    ax.legend(frameon=False, fontsize=8, loc="upper left")


def _mirror(name: str) -> str | None:
    return next((other for other, one in _MIRRORED.items() if one == name), None)


def _dress(ax: Axes, across: str, up: str) -> None:
    ax.set_xlabel(across)
    ax.set_ylabel(up)
    ax.grid(color=_GRID, lw=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def page(report: Mapping[str, Any]) -> str:
    """Markdown: what was measured, and the numbers."""
    origin = report["provenance"]["configuration"]
    sigmas = sorted({row["sigma_m"] for row in report["rows"]})
    head = ["scenes", "segments", "detector", *(f"{1000 * sigma:g} mm" for sigma in sigmas), "only objects found, 0 mm"]
    counts = ", ".join(f"{count} `{kind}`" for kind, count in report["views"].items())
    reliability = _reliability_rows(report["rows"], min(sigmas))
    lines = [
        "# Detection of relations against noise on the clouds (figure 3b)",
        "",
        f"F1 of all nine relations pooled, over simulated views ({counts}; RGB-D by ray casting at 640 x 480, seed "
        f"{origin['seed']}, depth noise {_depth_noise(origin['depth_noise'])}), against the simulator's truth, by the standard "
        "deviation of Gaussian noise added to every point and axis. `after skills`: two tables as the robot's head sees them, "
        "after each of five skills. `cluttered`: one table from anywhere around it, things touching, stacked and nested. `ideal` "
        "segments are the true labels, `geometric` ones the stack's own segmentation. An object in view that no segment matches "
        "(pixel IoU over 0.5) counts as a miss of all its relations; the last column leaves such objects out.",
        "",
        *_table(head, _rows(report["rows"], sigmas)),
        "",
        "By relation, without noise:",
        "",
        *_table(["scenes", "segments", "detector", *BINARY], _relation_rows(report["rows"], min(sigmas))),
        "",
        "Share of relations between objects found that hold, by how probable they are said to be (reliability; in brackets their "
        "number), and the mean difference of the two; without noise:",
        "",
        *_table(reliability[0], reliability[1:]),
        "",
    ]
    lost = {name: count for name, count in report["frames_without_a_result"].items() if count}
    if lost:
        lines += [f"Frames that a segmenter could not make sense of: {lost}.", ""]
    return "\n".join(lines)


def _depth_noise(noise: Mapping[str, float]) -> str:
    if not any(noise.values()):
        return "none beyond whole millimetres"
    return f"{1000 * noise['at_one_metre']:g} mm at 1 m, {noise['dropped']:.1%} of the readings dropped"


def _rows(rows: Iterable[Mapping[str, Any]], sigmas: list[float]) -> list[list[str]]:
    table: dict[tuple[str, ...], list[str]] = {}
    found: dict[tuple[str, ...], str] = {}
    for row in rows:
        key = (row["scenes"], row["segments"], row["detector"])
        table.setdefault(key, ["" for _ in sigmas])[sigmas.index(row["sigma_m"])] = f"{row['f1']:.3f}"
        if row["sigma_m"] == sigmas[0]:
            found[key] = f"{row['f1_of_found']:.3f}"
    return [[*key, *values, found[key]] for key, values in table.items()]


def _relation_rows(rows: Iterable[Mapping[str, Any]], sigma: float) -> list[list[str]]:
    keys = ("scenes", "segments", "detector")
    chosen = [row for row in rows if row["sigma_m"] == sigma]
    return [
        [*(row[key] for key in keys), *(f"{row['by_relation'].get(name, float('nan')):.3f}" for name in BINARY)] for row in chosen
    ]


def _reliability_rows(rows: Iterable[Mapping[str, Any]], sigma: float) -> list[list[str]]:
    chosen = [row for row in rows if row["sigma_m"] == sigma]
    starts = sorted({part["from"] for row in chosen for part in row["reliability"]})
    found = [["scenes", "segments", "detector", *(f"{start:g} and more" for start in starts), "off by"]]
    for row in chosen:
        values = {part["from"]: f"{part['holds']:.2f} ({part['relations']})" for part in row["reliability"]}
        own = [values.get(start, "") for start in starts]
        found.append([row["scenes"], row["segments"], row["detector"], *own, f"{row['calibration_error']:.4f}"])
    return found


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]
