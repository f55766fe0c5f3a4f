"""Is the friction of the world told by one push? Pushes of the pre-training kind in worlds with another friction between things.

The true share of the ordinary friction is drawn in equal ratios between a tenth and 1.4; the scene is rebuilt from the cloud, as
after a real failure. Two questions: where the motion tells the friction, is it right; where it does not, is the spread honest?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fail2progress.core.executor import Executor
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.rows import Row, Rows
from fail2progress.evaluation.studies.reconstruction import share
from fail2progress.failures.physics import SURFACE, Inference, shifts
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.reconstruction import rebuild
from fail2progress.skills.registry import skill
from fail2progress.tasks.pretraining import job

NEAR = 0.2
"""Share of the truth within which an estimate is right."""
INSIDE = 0.9
"""Probability of the interval that is to hold the truth."""


@dataclass(frozen=True)
class Study:
    """The pushes among the first so many executions of a seed."""

    folder: Path
    executions: int = 2000
    seed: int = 417

    def run(self, executor: Executor, progress: Callable[[int], None]) -> dict[str, object]:
        """Carry out what is missing, and return the report. RowsError where the folder holds another study's rows."""
        rows = Rows(self.folder / "rows.jsonl", {"study": "physics", "seed": self.seed})
        missing = [(self.seed, i) for i in range(self.executions) if str(i) not in rows.by_key]
        for row in executor.map_unordered(measure, missing):
            rows.add(row)
            progress(len(rows.by_key))
        found = [row for i in range(self.executions) if (row := rows.by_key[str(i)])["true"] is not None]
        return {**report(found), "provenance": provenance(executions=self.executions, seed=self.seed)}


def measure(item: tuple[int, int]) -> Row:
    """One push in a world with another friction; no truth where the execution is no push, or its scene cannot be rebuilt."""
    wanted, none = job(*item), {"key": str(item[1]), "true": None}
    if skill(wanted.call.skill).carries:
        return none
    rng = np.random.default_rng(item)
    true = float(np.exp(rng.uniform(np.log(SURFACE.low), np.log(SURFACE.high))))
    with simulators.make() as simulator:
        world = simulator.execute(replace(wanted, disturbances=SURFACE.disturb(true)))
        if not world.stable:
            return none
        try:
            scene = rebuild(world.before.cloud, world.before.relations).scene
            seen = shifts(world.before.cloud, world.after.cloud, scene.names)
            found = Inference(simulator, wanted.camera).infer(scene, wanted.call, seen, seed=item[1])
        except ValueError as error:
            return {**none, "reason": str(error)}
    low, high = found.interval(INSIDE)
    numbers = {"true": true, "found": found.mean, "spread": found.spread, "low": low, "high": high}
    return {"key": str(item[1]), **numbers, "tells": found.tells, "surprise": found.surprise()}


def report(rows: Sequence[Row]) -> dict[str, object]:
    """Shares of right estimates among the motions that tell, and of intervals that hold the truth among all and the others."""
    tells = [row for row in rows if row["tells"]]
    rest = [row for row in rows if not row["tells"]]
    bands = ((SURFACE.low, 0.2), (0.2, 0.4), (0.4, SURFACE.high))
    return {
        "pushes": len(rows),
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
    rows = {
        "the motion tells the friction": found["tells"],
        **{f"the same, true share {band}": row for band, row in found["tells_by_truth"].items()},
        f"where told: within {NEAR:.0%} of the truth": found["right_where_told"],
        f"{INSIDE:.0%} interval holds the truth": found["interval_holds"],
        "the same, where not told": found["interval_holds_where_not_told"],
    }
    lines = ["# Friction from one push", "", "| | share | 95 % interval | of |", "|---|---|---|---|"]
    for name, row in rows.items():
        interval = f"{row['ci95'][0]:.1%} to {row['ci95'][1]:.1%}" if row["ci95"] else "-"
        rate = "-" if row["rate"] is None else f"{row['rate']:.1%}"
        lines.append(f"| {name} | {rate} | {interval} | {row['of']} |")
    return "\n".join([*lines, "", "Made by `fail2progress reproduce physics`.", ""])
