"""Is a property of the world told by one motion? Executions of the pre-training kind in worlds where it is another one.

The true share of the ordinary friction (weight, height of centres of mass, restitution) is drawn in equal ratios over the range
that is tried; the scene is rebuilt from the cloud, as after a real failure. Two questions: where the motion tells the property,
is it right; where it does not, is the spread honest? Friction is asked of pushes and drawers, the others of all skills. A
motion that is the same at both ends of the range and between them tells nothing, and is not repeated at all values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fail2progress.core.executor import Executor
from fail2progress.core.parts import PartError
from fail2progress.core.provenance import provenance
from fail2progress.core.shares import percent
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies.cells import study_rows
from fail2progress.evaluation.studies.reconstruction import share
from fail2progress.failures.physics import PROPERTIES, TOLD_APART, Inference, shifts, untold
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.reconstruction import rebuild
from fail2progress.skills.registry import skill
from fail2progress.tasks.pretraining import job

NEAR = 0.2
"""Share of the truth within which an estimate is right."""
_EDGES = {"friction": (0.2, 0.4), "weight": (1.0, 3.0), "centre": (0.8, 1.2), "restitution": (0.1, 0.3)}
"""Between the bands of true shares that are counted apart."""
INSIDE = 0.9
"""Probability of the interval that is to hold the truth."""


@dataclass(frozen=True)
class Study:
    """The motions among the first so many executions of a seed."""

    folder: Path
    executions: int = 2000
    seed: int = 417
    asked: str = "friction"
    """Which of failures.physics.PROPERTIES."""

    def run(self, executor: Executor, progress: Callable[[int], None]) -> dict[str, object]:
        """Carry out what is missing, and return the report. RowsError where the folder holds another study's rows."""
        about = {} if self.asked == "friction" else {"property": self.asked}
        rows = study_rows(self.folder, "physics", seed=self.seed, **about)
        missing = [(self.seed, i, self.asked) for i in range(self.executions) if str(i) not in rows.by_key]
        for row in executor.map_unordered(measure, missing):
            rows.add(row)
            progress(len(rows.by_key))
        found = [row for i in range(self.executions) if (row := rows.by_key[str(i)])["true"] is not None]
        asked = provenance(executions=self.executions, seed=self.seed, property=self.asked)
        return {**report(found, self.asked), "provenance": asked}


def measure(item: tuple[int, int, str]) -> Row:
    """One motion in a world with another property; no truth where none is asked of its skill, or its scene cannot be rebuilt."""
    (seed, number, asked), prop = item, PROPERTIES[item[2]]
    wanted, none = job(seed, number), {"key": str(number), "true": None}
    if asked == "friction" and skill(wanted.call.skill).carries:
        return none
    true = float(np.exp(np.random.default_rng((seed, number)).uniform(np.log(prop.low), np.log(prop.high))))
    with simulators.make() as simulator:
        world = simulator.execute(replace(wanted, disturbances=prop.disturb(true)))
        if not world.stable:
            return none
        try:
            scene = rebuild(world.before.cloud, world.before.relations).scene
            seen = shifts(world.before.cloud, world.after.cloud, scene.names)
            inference = Inference(simulator, wanted.camera)
            asks = asked == "friction" or inference.depends(scene, wanted.call, prop, number)
            found = inference.infer(scene, wanted.call, seen, prop, number) if asks else untold(prop)
        except PartError:
            raise  # its fault is no reason why nothing can be inferred
        except ValueError as error:
            return {**none, "reason": str(error)}
    low, high = found.interval(INSIDE)
    numbers = {"true": true, "found": found.mean, "spread": found.spread, "low": low, "high": high}
    about = {"tells": found.tells, "surprise": found.surprise(prop.ordinary), "skill": wanted.call.skill, "depends": asks}
    return {"key": str(number), **numbers, **about}


def report(rows: Sequence[Row], asked: str = "friction") -> dict[str, object]:
    """Shares of right estimates among the motions that tell, and of intervals that hold the truth among all and the others."""
    tells = [row for row in rows if row["tells"]]
    rest = [row for row in rows if not row["tells"]]
    edges = [PROPERTIES[asked].low, *_EDGES[asked], PROPERTIES[asked].high]
    bands = list(itertools.pairwise(edges))
    return {
        "property": asked,
        "motions": len(rows),
        "depend": share([bool(row.get("depends", True)) for row in rows]),
        "tells": share([row["tells"] for row in rows]),
        "tells_by_truth": {f"{a:g} to {b:g}": share([r["tells"] for r in rows if a <= r["true"] < b]) for a, b in bands},
        "right_where_told": share([abs(row["found"] / row["true"] - 1.0) <= NEAR for row in tells]),
        "interval_holds": share([_held(row) for row in rows]),
        "interval_holds_where_not_told": share([_held(row) for row in rest]),
        "told": [{key: row[key] for key in ("key", "true", "found", "spread")} for row in tells],
    }


def _held(row: Row) -> bool:
    return bool(row["low"] <= row["true"] <= row["high"])


def markdown(found: dict[str, Any]) -> str:
    """The report as a page."""
    asked = found["property"]
    rows = {
        f"the motion depends on the {asked} by more than {1000 * TOLD_APART:g} mm": found["depend"],
        f"the motion tells the {asked}": found["tells"],
        **{f"the same, true share {band}": row for band, row in found["tells_by_truth"].items()},
        f"where told: within {NEAR:.0%} of the truth": found["right_where_told"],
        f"{INSIDE:.0%} interval holds the truth": found["interval_holds"],
        "the same, where not told": found["interval_holds_where_not_told"],
    }
    rows = {name: row for name, row in rows.items() if asked != "friction" or "depends" not in name}
    moved = "push" if asked == "friction" else "motion"
    lines = [f"# {asked.capitalize()} from one {moved}", "", "| | share | 95 % interval | of |", "|---|---|---|---|"]
    for name, row in rows.items():
        interval = " to ".join(percent(end, digits=1) for end in row["ci95"]) if row["ci95"] else "-"
        rate = percent(row["rate"], digits=1)
        lines.append(f"| {name} | {rate} | {interval} | {row['of']} |")
    command = "reproduce physics" + ("" if asked == "friction" else f" --physics {asked}")
    return "\n".join([*lines, "", f"Made by `fail2progress {command}`.", ""])
