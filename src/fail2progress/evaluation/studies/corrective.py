"""Jitter against named corrections: the document's four assets, and the robot's seven scenarios; resumable."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fail2progress.core.executor import Executor
from fail2progress.core.files import write_whole
from fail2progress.core.provenance import provenance
from fail2progress.core.shares import percent
from fail2progress.evaluation.studies import corrective_document as document
from fail2progress.evaluation.studies import corrective_robot as robot
from fail2progress.evaluation.studies.cells import study_rows
from fail2progress.failures.assets.refine import POLICIES

LAW_RUNS = 500
"""Runs a scenario by which the jitter's law itself is told from the luck of twenty."""
REMARKS = (
    "The law of the document's jitter is not published: ours changes one parameter, drawn at random, by a normal step of "
    f"{document.SIGMA_MM} mm before each further evaluation.",
    "The document says that every scenario is solvable in one edit: with its printed policy the first and the last need two.",
    "The printed policy has no branch for reachability_fail; the document's scenarios never raise it.",
)


@dataclass(frozen=True)
class Study:
    """So many runs of each scenario and policy, from a seed."""

    folder: Path
    runs: int = document.RUNS
    seed: int = 0

    @property
    def total(self) -> int:
        """Runs on the robot's scenarios."""
        return len(robot.FAULTS) * self.runs * len(POLICIES)

    def run(self, executor: Executor, progress: Callable[[int], None]) -> dict[str, object]:
        """Carry out what is missing, and return the report. RowsError where the folder holds another study's rows."""
        rows = study_rows(self.folder, "corrective", seed=self.seed)
        wanted = list(robot.items(self.seed, self.runs))
        for row in executor.map_unordered(robot.trial, [item for item in wanted if item.key not in rows.by_key]):
            rows.add(row)
            progress(len(rows.by_key))
        of_document = document.run(self.seed, self.runs)
        runs: Any = of_document.pop("runs")
        write_whole(self.folder / "document_runs.jsonl", "".join(json.dumps(run) + "\n" for run in runs))
        law: Any = document.run(self.seed + 10_000, LAW_RUNS)
        rate = law["jitter"]["passed"] / law["trials"]
        return {
            **of_document,
            "jitter_law": {"mean_iterations": law["jitter"]["mean_iterations"], "passed_share": rate, "trials": law["trials"]},
            "robot": robot.report([rows.by_key[item.key] for item in wanted]),
            "remarks": list(REMARKS),
            "provenance": provenance(seed=self.seed, runs=self.runs, sigma_mm=document.SIGMA_MM, robot_jitter=robot.JITTER),
        }


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    lines = ["# Corrections by name against jitter", "", "The document's four assets:", ""]
    lines += ["| policy | mean iterations | passed | of |", "|---|---|---|---|"]
    for policy in ("corrective", "jitter"):
        row = report[policy]
        lines.append(f"| {policy} | {row['mean_iterations']:.2f} | {row['passed']} | {report['trials']} |")
    law = report["jitter_law"]
    text = f"The jitter's law over {law['trials']} runs: {law['mean_iterations']:.2f} iterations, "
    text += f"{percent(law['passed_share'], digits=1)} pass."
    lines += ["", text, "", "The robot's scenarios (a run that does not pass counts as 12 iterations):", ""]
    names = list(report["robot"]["accepting"]["by_scenario"])
    lines += [f"| policy | passed | mean iterations | {' | '.join(names)} |", "|---|---|---|" + "---|" * len(names)]
    for policy, row in report["robot"].items():
        cells = " | ".join(f"{cell['passed']} of {cell['of']}" for cell in row["by_scenario"].values())
        lines.append(f"| {policy} | {row['passed']} of {row['trials']} | {row['mean_iterations']:.2f} | {cells} |")
    lines += ["", "Coupled failures (policy `accepting`): a signal's edits, how many were rejected, and what they raised.", ""]
    lines += [f"- `{signal}`: {', '.join(f'{k} {v}' for k, v in row.items())}" for signal, row in _matrix(report).items()]
    lines += ["", *(f"- {remark}" for remark in report["remarks"]), "", "Made by `fail2progress reproduce corrective`.", ""]
    return "\n".join(lines)


def _matrix(report: dict[str, Any]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = report["robot"]["accepting"]["coupled"]
    return found
