"""Does a rebuilt scene behave as the true one? Executions of the pre-training distribution, seen, rebuilt, and run again.

Each execution is run three times: in the true scene, in the scene rebuilt from the cloud alone (no true relations), and, as the
floor of what can be asked, in the true scene with the moved object started 4 mm elsewhere.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fail2progress.core.executor import Executor
from fail2progress.core.intervals import wilson
from fail2progress.core.provenance import provenance
from fail2progress.core.relations import SUPPORT
from fail2progress.core.scene import Scene
from fail2progress.core.shares import percent
from fail2progress.evaluation.rows import Row, Rows
from fail2progress.evaluation.studies.cells import study_rows
from fail2progress.failures.assets.case import Case
from fail2progress.failures.assets.contact import Contact
from fail2progress.failures.assets.geometry import Geometry
from fail2progress.failures.assets.joint import Joint
from fail2progress.failures.assets.refine import EditRecord, Refinement, Refiner, coupled
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Job, Outcome, Simulator, Snapshot
from fail2progress.simulation.reconstruction import Rebuilt, rebuild
from fail2progress.skills.registry import skill
from fail2progress.tasks.pretraining import job

SHIFT = 0.004
"""Metres by which the floor's start differs."""
NEAR = 0.02
"""Metres within which a drawer must end."""
_AHEAD = 100_000
"""Numbers of the drawer executions start here, so that they are others than the first ones."""


@dataclass(frozen=True)
class Study:
    """So many executions from a seed, and drawer executions beside them."""

    folder: Path
    executions: int = 500
    drawers: int = 60
    seed: int = 907

    def run(self, executor: Executor, progress: Callable[[int], None]) -> dict[str, object]:
        """Carry out what is missing, and return the report. RowsError where the folder holds another study's rows."""
        rows = study_rows(self.folder, "reconstruction", seed=self.seed)
        for batch in self._batches(rows):
            for row in executor.map_unordered(measure, batch):
                rows.add(row)
                progress(len(rows.by_key))
        return self.report(list(rows.by_key.values()))

    def _batches(self, rows: Rows) -> Iterator[list[tuple[int, int]]]:
        """Executions until enough stable ones are there, then drawer skills; none that has been done."""
        number = 0
        while (missing := self.executions - self._stable(rows, 0)) > 0:
            wanted = range(number, number + missing)
            number += missing
            yield [(self.seed, i) for i in wanted if str(i) not in rows.by_key]
        number = _AHEAD
        while self._stable(rows, _AHEAD) < self.drawers:
            batch: list[int] = []
            while len(batch) < self.drawers - self._stable(rows, _AHEAD):
                if _moves_drawer(job(self.seed, number).call.skill):
                    batch.append(number)
                number += 1
            yield [(self.seed, i) for i in batch if str(i) not in rows.by_key]

    @staticmethod
    def _stable(rows: Rows, first: int) -> int:
        """Stable executions counted towards the first batch (0) or the drawers."""
        return sum(row["stable"] for row in rows.by_key.values() if (row["index"] >= _AHEAD) == (first >= _AHEAD))

    def report(self, rows: Sequence[Row]) -> dict[str, object]:
        """Shares with their intervals, and which executions differ."""
        stable = sorted((row for row in rows if row["stable"]), key=lambda row: int(row["index"]))
        main = [row for row in stable if row["index"] < _AHEAD][: self.executions]
        extra = [row for row in stable if row["index"] >= _AHEAD][: self.drawers]
        drawers = [row for row in (*main, *extra) if _moves_drawer(str(row["skill"]))]
        return {
            "agreement": _agreement(main),
            "drawers": {
                "executions": len(drawers),
                "within_20_mm": share([_near(row["corrected"]) for row in drawers]),
                "within_20_mm_rebuilt_only": share([_near(row["rebuilt"]) for row in drawers]),
            },
            "scenes": _scenes(main),
            "coupled": _coupled(main),
            "seconds": {key: float(np.median([row["seconds"][key] for row in main])) for key in ("rebuild", "correct")},
            "differ": [_short(row) for row in main if row["corrected"] and not row["corrected"]["agrees"]],
            "provenance": provenance(executions=len(main), drawers=len(drawers), seed=self.seed, shift_m=SHIFT, relations="none"),
        }


def _moves_drawer(name: str) -> bool:
    return skill(name).acts_on == "drawer"


def measure(item: tuple[int, int]) -> Row:
    """One execution, by seed and number, in the true, the shifted, the rebuilt and the corrected scene."""
    simulator, wanted = simulators.make(), job(*item)
    true = simulator.execute(wanted)
    row: Row = {"key": str(item[1]), "index": item[1], "skill": wanted.call.skill, "stable": true.stable}
    if not true.stable:
        return row
    began = time.perf_counter()
    rebuilt = rebuild(true.before.cloud)
    built = time.perf_counter()
    seen = wanted.call.object in rebuilt.scene.names
    found = _corrected(rebuilt, true.before, wanted)
    seconds = {"rebuild": built - began, "correct": time.perf_counter() - built}
    floor = _started_elsewhere(wanted, np.random.default_rng([*item, 1]))
    return {
        **row,
        "left_out": list(rebuilt.left_out),
        "open": {"first": _open(found.initial), "last": sorted({reading.signal for reading in found.open})},
        "history": [record.model_dump(mode="json") for record in found.history],
        "floor": _compare(true, simulator.execute(floor), true.before.scene.names),
        "rebuilt": _again(simulator, wanted, rebuilt.scene, true) if seen else None,
        "corrected": _again(simulator, wanted, found.case.scene, true) if seen else None,
        "seconds": seconds,
    }


def _corrected(rebuilt: Rebuilt, before: Snapshot, wanted: Job) -> Refinement:
    case = Case(rebuilt.scene, before.cloud, eye=wanted.camera.eye)
    return Refiner((Geometry(), Joint(), Contact())).refine(case)


def _open(rows: Sequence[Any]) -> list[str]:
    """Which signals failed at first, by name."""
    names = ("joint_clearance_fail", "contact_equilibrium_fail")
    return sorted({name for row in rows for name in names if getattr(row, name)})


def _started_elsewhere(wanted: Job, rng: np.random.Generator) -> Job:
    angle = rng.uniform(0.0, 2 * np.pi)
    offset = SHIFT * np.array([np.cos(angle), np.sin(angle), 0.0])
    return replace(wanted, scene=wanted.scene.moved(wanted.call.object, offset))


def _again(simulator: Simulator, wanted: Job, scene: Scene, true: Outcome) -> dict[str, object]:
    return _compare(true, simulator.execute(replace(wanted, scene=scene)), scene.names)


def _compare(true: Outcome, other: Outcome, names: Sequence[str]) -> dict[str, object]:
    """Whether the moved object ends in the same support relations to what was rebuilt, and how far from the true place (m)."""
    name = true.call.object
    off = float(np.linalg.norm(other.after.scene.position(name) - true.after.scene.position(name)))
    return {"agrees": supports(other.after, name, names) == supports(true.after, name, names), "off_m": off}


def supports(snapshot: Snapshot, name: str, others: Sequence[str]) -> set[tuple[str, str]]:
    """What an object is above, below or inside of."""
    state = snapshot.relations
    return {(kind, other) for kind in SUPPORT for other in others if other != name and state.value(kind, name, other) > 0.5}


def share(values: Sequence[bool]) -> dict[str, object]:
    """A share with its 95 % Wilson interval."""
    if not values:
        return {"rate": None, "of": 0, "ci95": None}
    return {"rate": sum(values) / len(values), "of": len(values), "ci95": list(wilson(sum(values), len(values)))}


def _near(run: dict[str, Any] | None) -> bool:
    return run is not None and run["off_m"] <= NEAR


def _agreement(rows: Sequence[Row]) -> dict[str, object]:
    """Of the scenes in which the moved object could be rebuilt, and of all, where one that could not counts as different."""
    rebuilt = [row for row in rows if row["corrected"] is not None]
    return {
        "corrected": share([row["corrected"]["agrees"] for row in rebuilt]),
        "corrected_of_all": share([row["corrected"] is not None and row["corrected"]["agrees"] for row in rows]),
        "rebuilt_only": share([row["rebuilt"]["agrees"] for row in rebuilt]),
        "floor_start_shifted_4_mm": share([row["floor"]["agrees"] for row in rows]),
        "moved_object_not_seen": len(rows) - len(rebuilt),
        "by_skill": {
            skill: share([row["corrected"]["agrees"] for row in rebuilt if row["skill"] == skill])
            for skill in sorted({row["skill"] for row in rebuilt})
        },
    }


def _scenes(rows: Sequence[Row]) -> dict[str, object]:
    """How many scenes have open signals, before and after the corrections."""
    first = Counter(name for row in rows for name in row["open"]["first"])
    last = Counter(name for row in rows for name in row["open"]["last"])
    return {
        "open_at_first": dict(sorted(first.items())),
        "open_at_last": dict(sorted(last.items())),
        "well_at_last": share([not row["open"]["last"] for row in rows]),
    }


def _coupled(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    return coupled(EditRecord.model_validate(record) for row in rows for record in row["history"])


def _short(row: Row) -> dict[str, object]:
    return {"index": row["index"], "skill": row["skill"], "off_m": row["corrected"]["off_m"], "open": row["open"]["last"]}


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    lines = ["# Rebuilt scenes against true ones", "", "| | share | 95 % interval | of |", "|---|---|---|---|"]
    agreement, drawers = report["agreement"], report["drawers"]
    table = {
        "same support relations of the moved object, rebuilt and corrected": agreement["corrected"],
        "the same, an object that was not seen counted as different": agreement["corrected_of_all"],
        "rebuilt, not corrected": agreement["rebuilt_only"],
        "floor: the true scene, started 4 mm elsewhere": agreement["floor_start_shifted_4_mm"],
        "drawer skills that end within 20 mm of the true scene": drawers["within_20_mm"],
        "scenes without an open signal after the corrections": report["scenes"]["well_at_last"],
    }
    lines += [f"| {name} | {_percent(row)} | {row['of']} |" for name, row in table.items()]
    lines += ["", f"By skill: {', '.join(f'{name} {_percent(row)}' for name, row in agreement['by_skill'].items())}.", ""]
    lines += [f"Made by `fail2progress reproduce reconstruction`, seed {report['provenance']['configuration']['seed']}.", ""]
    return "\n".join(lines)


def _percent(row: dict[str, Any]) -> str:
    if row["rate"] is None:
        return "- | -"
    return " | ".join((percent(row["rate"], digits=1), " to ".join(percent(end, digits=1) for end in row["ci95"])))
