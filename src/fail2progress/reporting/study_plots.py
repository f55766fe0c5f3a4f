"""Plots of studies: success with its interval along an axis, beside the paper's; time and quality of making data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, PercentFormatter

from fail2progress.evaluation.studies.conditions import CONDITIONS
from fail2progress.evaluation.studies.methods import METHODS
from fail2progress.reporting.pictures import png

Row = Mapping[str, Any]
_COLOURS = ("#2d6ca8", "#e4772e", "#5d9b4c", "#7462b3", "#cf3f52", "#3f9c94", "#b8478f", "#8a6d3b", "#74b9dc", "#9aa3ab")
_INK, _GRID = "#24292f", "#e4e7ea"
_REACHED = "trials that reach the goal"


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
        _dress(axes, model, _REACHED)
        _shares(axes)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5), frameon=False, fontsize=8)
    return png(figure, dpi=110)


def _colour(method: str, number: int) -> str:
    """A known method has the same colour in every plot; others go by their place."""
    known = METHODS.names()
    return _COLOURS[(known.index(method) if method in known else number) % len(_COLOURS)]


def _place(row: Row, axis: str) -> str:
    seen = "" if row["condition"] == "usual" else f", {row['condition']}"
    return _condition(row["condition"]) if axis == "condition" else f"{row['objects']} objects{seen}"


def _condition(name: str) -> str:
    """What it is along an axis of noise."""
    known = name in CONDITIONS.names() and CONDITIONS.get(name).learns
    return f"{1000 * CONDITIONS.get(name).camera.noise:g} mm" if known else name


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
        found = axes.errorbar(at, row["rate"], [[row["rate"] - low], [high - row["rate"]]], color=_INK, lw=1, capsize=2)
        for line in (*found.lines[1], *found.lines[2]):
            line.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
        if row["paper"] is not None:
            axes.plot(at, row["paper"], "D", color="white", markeredgecolor=_INK, markersize=5)


def lines(rows: Sequence[Row], further: Mapping[str, float], axis: str, names: tuple[str, str]) -> bytes:
    """Success with its interval, and a further quantity of each row, along samples or conditions. `names`: of axis and quantity.

    `further` is found by the place on the axis as text; what is missing is left out.
    """
    run = [row for row in rows if row["trials"]]
    places = [str(row["samples"] if axis == "samples" else row["condition"]) for row in run]
    told = places if axis == "samples" else [_condition(place) for place in places]
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    across = range(len(run))
    bars = [[row["rate"] - row["ci95"][0] for row in run], [row["ci95"][1] - row["rate"] for row in run]]
    rates = [row["rate"] for row in run]
    success = axes.errorbar(across, rates, bars, fmt="o-", color=_COLOURS[0], capsize=3, lw=2, label=_REACHED)
    axes.set_xticks(across, told)
    _dress(axes, "", "")
    axes.set_ylabel(_REACHED, color=_COLOURS[0])
    _shares(axes)
    axes.set_xlabel(names[0])
    beside = axes.twinx()
    known = [(at, further[place]) for at, place in zip(across, places, strict=True) if place in further]
    further_line = beside.plot(
        [at for at, _ in known], [value for _, value in known], "s--", color=_COLOURS[1], lw=1.5, label=names[1]
    )
    beside.set_ylabel(names[1], color=_COLOURS[1])
    beside.set_ylim(bottom=0.0)
    beside.spines["top"].set_visible(False)
    figure.legend(handles=[success, *further_line], loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return png(figure, dpi=110)


def generators(rows: Sequence[Row]) -> bytes:
    """For every generator: seconds for states and actions on a logarithmic scale, relations kept, and spread of actions."""
    made = [row for row in rows if "kept" in row]
    figure = Figure(figsize=(9.6, 3.2), layout="constrained")
    panels = figure.subplots(1, 3)
    parts = (
        ("inference", None, "seconds for states and actions, logarithmic"),
        ("kept", "paper_kept", "share of the failure's relations kept"),
        ("actions", "paper_spread_m", "standard deviation of actions, m"),
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
    for which in (panels[0].yaxis.set_major_formatter, panels[0].yaxis.set_minor_formatter):
        which(FuncFormatter(_second))
    return png(figure, dpi=110)


def _second(value: float, place: int) -> str:
    """A tick of an axis of seconds: 0.1, 0.2, 0.5, 1, 2, ..."""
    return f"{value:g}" if f"{value:e}"[0] in "125" else ""


def _shares(axes: Axes) -> None:
    """An axis of shares, all of it."""
    axes.set_ylim(0.0, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def _dress(axes: Axes, title: str, up: str) -> None:
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_ylabel(up)
    axes.grid(axis="y", color=_GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
