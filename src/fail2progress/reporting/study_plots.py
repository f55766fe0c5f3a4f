"""Plots of studies: success with its interval along an axis, beside the paper's; time and quality of making data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fail2progress.evaluation.studies.methods import METHODS
from fail2progress.reporting.pictures import png

Row = Mapping[str, Any]
_COLOURS = ("#2d6ca8", "#e4772e", "#5d9b4c", "#7462b3", "#cf3f52", "#3f9c94", "#b8478f", "#8a6d3b", "#5b7f95", "#24292f")
_INK, _GRID = "#24292f", "#e4e7ea"


def success(rows: Sequence[Row], axis: str) -> bytes:
    """Bars of success for each base model: groups along the axis, a bar for each method, the paper's rate as a diamond."""
    models = list(dict.fromkeys(row["base_model"] for row in rows))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    groups = list(dict.fromkeys(_place(row, axis) for row in rows))
    figure = Figure(figsize=(max(6.4, 0.32 * len(methods) * len(groups) + 2.4), 3.1 * len(models)), layout="constrained")
    for axes, model in zip(np.ravel(figure.subplots(len(models), 1, squeeze=False)), models, strict=True):
        for number, method in enumerate(methods):
            own = [row for row in rows if row["base_model"] == model and row["method"] == method]
            _bars(axes, own, groups, axis, (number, len(methods)), _colour(method, number))
        axes.set_xticks(range(len(groups)), groups)
        axes.set_ylim(0.0, 1.05)
        _dress(axes, model, "success")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5), frameon=False, fontsize=8)
    return png(figure, dpi=110)


def _colour(method: str, number: int) -> str:
    """A known method has the same colour in every plot; others go by their place."""
    known = METHODS.names()
    return _COLOURS[(known.index(method) if method in known else number) % len(_COLOURS)]


def _place(row: Row, axis: str) -> str:
    seen = "" if row["condition"] == "usual" else f", {row['condition']}"
    return str(row["condition"]) if axis == "condition" else f"{row['objects']} objects{seen}"


def _bars(axes: Axes, rows: Sequence[Row], groups: list[str], axis: str, order: tuple[int, int], colour: str) -> None:
    width = 0.8 / order[1]
    for row in rows:
        at = groups.index(_place(row, axis)) + (order[0] - (order[1] - 1) / 2) * width
        named = None if any(label == row["method"] for label in axes.get_legend_handles_labels()[1]) else row["method"]
        if not row["trials"]:
            axes.text(at, 0.02, "not run", rotation=90, fontsize=6, ha="center", color="#6b737c")
            axes.bar(at, 0.0, width, color=colour, label=named)
            continue
        low, high = row["ci95"]
        axes.bar(at, row["rate"], width * 0.92, color=colour, label=named)
        axes.errorbar(at, row["rate"], [[row["rate"] - low], [high - row["rate"]]], color=_INK, lw=1, capsize=2)
        if row["paper"] is not None:
            axes.plot(at, row["paper"], "D", color="white", markeredgecolor=_INK, markersize=5)


def lines(rows: Sequence[Row], further: Mapping[str, float], axis: str, names: tuple[str, str]) -> bytes:
    """Success with its interval, and a further quantity of each row, along samples or conditions. `names`: of axis and quantity.

    `further` is found by the place on the axis as text; what is missing is left out.
    """
    run = [row for row in rows if row["trials"]]
    places = [str(row["samples"] if axis == "samples" else row["condition"]) for row in run]
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    across = range(len(run))
    bars = [[row["rate"] - row["ci95"][0] for row in run], [row["ci95"][1] - row["rate"] for row in run]]
    axes.errorbar(across, [row["rate"] for row in run], bars, fmt="o-", color=_COLOURS[0], capsize=3, lw=2, label="success")
    axes.set_xticks(across, places)
    axes.set_ylim(0.0, 1.05)
    _dress(axes, "", "success")
    axes.set_xlabel(names[0])
    beside = axes.twinx()
    known = [(at, further[place]) for at, place in zip(across, places, strict=True) if place in further]
    beside.plot([at for at, _ in known], [value for _, value in known], "s--", color=_COLOURS[1], lw=1.5, label=names[1])
    beside.set_ylabel(names[1], color=_COLOURS[1])
    beside.set_ylim(bottom=0.0)
    return png(figure, dpi=110)


def generators(rows: Sequence[Row]) -> bytes:
    """For every generator: seconds of inference on a logarithmic scale, relations kept, and spread of actions."""
    made = [row for row in rows if "kept" in row]
    figure = Figure(figsize=(9.6, 3.2), layout="constrained")
    panels = figure.subplots(1, 3)
    parts = (
        ("inference", None, "inference, s"),
        ("kept", "paper_kept", "relations kept"),
        ("actions", "paper_spread_m", "spread of actions, m"),
    )
    for axes, (key, paper, title) in zip(panels, parts, strict=True):
        for at, row in enumerate(made):
            axes.bar(at, row[key]["mean"], 0.7, color=_COLOURS[at % len(_COLOURS)])
            axes.errorbar(at, row[key]["mean"], row[key]["std"], color=_INK, lw=1, capsize=3)
            if paper is not None and row[paper] is not None:
                axes.plot(at, row[paper], "D", color="white", markeredgecolor=_INK, markersize=5)
        axes.set_xticks(range(len(made)), [row["method"].replace("-", "-\n") for row in made], fontsize=8)
        _dress(axes, title, "")
    panels[0].set_yscale("log")
    return png(figure, dpi=110)


def _dress(axes: Axes, title: str, up: str) -> None:
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_ylabel(up)
    axes.grid(axis="y", color=_GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
