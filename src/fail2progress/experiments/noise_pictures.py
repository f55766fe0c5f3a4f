"""Detection against noise as a picture and as a page."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fail2progress.world.relations import BINARY

_COLOURS = {"learned": "#2d6ca8", "geometric": "#e4772e", "mean of both": "#5d9b4c"}
_INK, _GRID = "#24292f", "#e4e7ea"
_MIRRORED = {"right": "left", "behind": "front", "below": "above"}


def curves(report: Mapping[str, Any]) -> bytes:
    """PNG: pooled F1 against sigma for every detector, and F1 by relation of the learned and the geometric one."""
    sources = list(dict.fromkeys(row["segments"] for row in report["rows"]))
    figure = Figure(figsize=(5.2 * len(sources) + 4.8, 4.4), layout="constrained")
    axes = figure.subplots(1, len(sources) + 1, squeeze=False)[0]
    for ax, source in zip(axes, sources, strict=False):
        for name, colour in _COLOURS.items():
            rows = [row for row in report["rows"] if row["segments"] == source and row["detector"] == name]
            ax.plot(
                [1000 * row["sigma_m"] for row in rows], [row["f1"] for row in rows], "o-", color=colour, label=name, lw=2
            )
        ax.axhline(report["bar"], color=_INK, lw=1, ls=":", label=f"bar {report['bar']:g}")
        ax.set_title(f"{source} segments, {report['views']} views", loc="left", fontsize=11)
        _dress(ax, "noise on every point and axis, standard deviation (mm)", "detection F1, all relations pooled")
        ax.legend(frameon=False, fontsize=9, loc="lower left")
    lowest = min([row["f1"] for row in report["rows"]] + [report["bar"]])
    for ax in axes[:-1]:
        ax.set_ylim(min(0.85, lowest - 0.02), 1.005)
    _by_relation(axes[-1], report, sources[0])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    return buffer.getvalue()


def _by_relation(ax: Axes, report: Mapping[str, Any], source: str) -> None:
    """Bars by relation for the two detectors, without and with the strongest noise; mirrored relations once."""
    names = [name for name in BINARY if name not in _MIRRORED]
    sigmas = [row["sigma_m"] for row in report["rows"]]
    for k, (name, sigma) in enumerate([(d, s) for s in (min(sigmas), max(sigmas)) for d in ("learned", "geometric")]):
        rows = [r for r in report["rows"] if (r["segments"], r["detector"], r["sigma_m"]) == (source, name, sigma)]
        values = [rows[0]["by_relation"].get(relation, float("nan")) for relation in names]
        places = [i + 0.2 * (k - 1.5) for i in range(len(names))]
        pale = 1.0 if sigma == min(sigmas) else 0.45
        ax.bar(places, values, 0.19, color=_COLOURS[name], alpha=pale, label=f"{name}, {1000 * sigma:g} mm")
    ax.set_xticks(
        range(len(names)), [f"{name}/{m}" if (m := _mirror(name)) else name for name in names], rotation=25, ha="right"
    )
    _dress(ax, "", "F1")
    ax.set_ylim(0.5, 1.005)
    ax.set_title(f"by relation, {source} segments", loc="left", fontsize=11)
    ax.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=2)


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
    head = ["segments", "detector", *(f"{1000 * sigma:g} mm" for sigma in sigmas), "only objects found, 0 mm"]
    lines = [
        "# Detection of relations against noise on the clouds (figure 3b)",
        "",
        f"F1 of all nine relations pooled, over {report['views']} simulated views (RGB-D by ray casting at 640 x 480, seed "
        f"{origin['seed']}, {origin['episodes']} episodes of five skills; depth noise {_depth_noise(origin['depth_noise'])}), "
        "against the simulator's truth, by the standard deviation of Gaussian noise added to every point and axis. An object in "
        "view that no segment matches (pixel IoU over 0.5) counts as a miss of all its relations, and what is said of segments "
        "that match nothing as false. `ideal`: segments are the true labels; `geometric`: the stack's own segmentation.",
        "",
        *_table(head, _rows(report["rows"], sigmas)),
        "",
        "By relation, without noise:",
        "",
        *_table(["segments", "detector", *BINARY], _relation_rows(report["rows"], min(sigmas))),
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
    table: dict[tuple[str, str], list[str]] = {}
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        key = (row["segments"], row["detector"])
        table.setdefault(key, ["" for _ in sigmas])[sigmas.index(row["sigma_m"])] = f"{row['f1']:.3f}"
        if row["sigma_m"] == sigmas[0]:
            found[key] = f"{row['f1_of_found']:.3f}"
    return [[*key, *values, found[key]] for key, values in table.items()]


def _relation_rows(rows: Iterable[Mapping[str, Any]], sigma: float) -> list[list[str]]:
    chosen = [row for row in rows if row["sigma_m"] == sigma]
    return [
        [row["segments"], row["detector"], *(f"{row['by_relation'].get(name, float('nan')):.3f}" for name in BINARY)]
        for row in chosen
    ]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]
