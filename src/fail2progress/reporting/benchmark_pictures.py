"""Plots of a benchmark's report: separation, accuracies by level and structure, rounds, and what was learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fail2progress.core.shares import per_cent
from fail2progress.reporting.saving import unsigned

_INK, _GRID = "#24292f", "#e4e7ea"
_COLOURS = ("#2d6ca8", "#e4772e", "#5d9b4c", "#8a5fb0", "#b3261e", "#6b737c", "#c99a1d")
_MODES = {"null": "fresh static draws"}
"""Ways of making rounds that need more than their name."""


def separations(slices: Mapping[str, Any]) -> bytes:
    """PNG: S and S_c of every slice with 95 % intervals, and the mean accuracy beside."""
    figure = Figure(figsize=(9.4, 0.5 * len(slices) + 1.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2), sharey=True)
    for row, found in enumerate(slices.values()):
        for offset, key, colour in ((-0.14, "S", _COLOURS[5]), (0.14, "S_c", _COLOURS[0])):
            value, lo, hi = (found[key][name] for name in ("value", "lo", "hi"))
            left.plot([lo, hi], [row + offset] * 2, color=colour, lw=2, label=key if row == 0 else None)
            left.plot([value], [row + offset], "o", color=colour)
        right.barh(row, found["accuracy"], 0.55, color=_COLOURS[0], alpha=0.7)
    left.set_yticks(range(len(slices)), list(slices))
    left.invert_yaxis()
    right.set_xlim(0, 1)
    _dress(left, "separation of the levels (95 % interval)")
    _dress(right, "mean accuracy of the evaluees")
    left.legend(frameon=False, fontsize=9)
    return _png(figure)


def levels(slices: Mapping[str, Any], names: Sequence[str]) -> bytes:
    """PNG: accuracy of every level, a line a slice."""
    figure = Figure(figsize=(9.4, 3.8), layout="constrained")
    ax = figure.subplots()
    for (name, found), colour in zip(slices.items(), _COLOURS * 3, strict=False):
        ax.plot(range(len(names)), [found["accuracy_by_level"][level] for level in names], "o-", color=colour, label=name, lw=1.6)
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
    ax.set_ylim(-0.02, 1.02)
    _dress(ax, "", "accuracy")
    ax.legend(frameon=False, fontsize=8, ncols=4)
    return _png(figure)


def structures(slices: Mapping[str, Any]) -> bytes:
    """PNG: share of the items that were made as each structure, shaded by the evaluees' accuracy on them."""
    names = sorted({structure for found in slices.values() for structure in found["by_structure"]})
    figure = Figure(figsize=(9.4, 0.42 * len(slices) + 1.5), layout="constrained")
    ax = figure.subplots()
    values = [[found["by_structure"].get(name, {}).get("accuracy", float("nan")) for name in names] for found in slices.values()]
    image = ax.imshow(values, vmin=0, vmax=1, cmap="RdYlGn", alpha=0.6, aspect="auto")
    for row, found in enumerate(slices.values()):
        for column, name in enumerate(names):
            if name in found["by_structure"]:
                share = found["by_structure"][name]["items"] / found["n"]
                ax.text(column, row, f"{per_cent(share)} %", ha="center", va="center", fontsize=8, color=_INK)
    ax.set_xticks(range(len(names)), names, fontsize=9)
    ax.set_yticks(range(len(slices)), list(slices), fontsize=9)
    figure.colorbar(image, label="accuracy of the evaluees")
    return _png(figure)


def rounds(series: Mapping[str, Sequence[Mapping[str, Any]]], rules: Mapping[str, Any]) -> bytes:
    """PNG: drift, agreement on the anchors, separation and accuracy from round to round, a line a mode; dotted: bounds of H3."""
    return _png(rounds_figure(series, rules))


def rounds_figure(series: Mapping[str, Sequence[Mapping[str, Any]]], rules: Mapping[str, Any]) -> Figure:
    """See `rounds`."""
    figure = Figure(figsize=(9.4, 5.6), layout="constrained")
    grid = figure.subplots(2, 2).ravel()
    shown = (("drift", "drift of the clusters"), ("ari", "ARI on the anchors"), ("S_c", "S_c"), ("accuracy", "accuracy"))
    for ax, (key, label) in zip(grid, shown, strict=True):
        for (mode, rows), colour in zip(series.items(), _COLOURS, strict=False):
            known = [row for row in rows if row[key] is not None]
            across, name = [row["round"] for row in known], _MODES.get(mode, mode)
            ax.plot(across, [row[key] for row in known], "o-", color=colour, label=name, lw=1.8)
        _dress(ax, "round", label)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for ax, bound in zip(grid[:2], (rules["drift"], rules["ari"]), strict=True):
        ax.axhline(bound, color=_INK, lw=1, ls=":")
    grid[0].legend(frameon=False, fontsize=9)
    return figure


def _dress(ax: Axes, x: str, y: str = "") -> None:
    ax.set_xlabel(x, color=_INK, fontsize=9)
    ax.set_ylabel(y, color=_INK, fontsize=9)
    ax.grid(color=_GRID, lw=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=8)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _png(figure: Figure) -> bytes:
    return unsigned(figure, 110)
