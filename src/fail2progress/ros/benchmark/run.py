"""The stack's figures against the bars of the design, measured by a process with ROS. Imports no ROS itself."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fail2progress.core.children import module_command
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.performance import Measurement
from fail2progress.ros.benchmark.usage import measure_usage
from fail2progress.ros.launch.environment import environment, free_domain

COUNTS = {"usage": 1, "latency": 200, "swaps": 100, "stops": 10}


def measure_stack(tell: Callable[[str], None], counts: dict[str, int] | None = None) -> dict[str, object]:
    """All figures. NoRosError where ROS is not there, RuntimeError where a node does not answer."""
    variables = environment({**os.environ, "ROS_DOMAIN_ID": os.environ.get("ROS_DOMAIN_ID", free_domain())})
    found: dict[str, Any] = {}
    for what, count in (counts or COUNTS).items():
        tell(what)
        found[what] = measure_usage(variables) if what == "usage" else _measure(what, count, variables)
    rows = [row.to_dict() for row in _rows(found)]
    return {"benchmarks": rows, "details": found, "provenance": provenance(counts=counts or COUNTS)}


def _measure(what: str, count: int, variables: dict[str, str]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        words = ["fail2progress.ros.benchmark.latency", what, "--count", str(count), "--out", str(out)]
        done = subprocess.run(module_command(*words), env=variables, stderr=subprocess.PIPE, text=True)
        if done.returncode or not out.exists():
            raise RuntimeError(f"{what}: {(done.stderr.strip().splitlines() or ['it ended without a word'])[-1]}")
        return json.loads(out.read_text())


def _rows(found: dict[str, Any]) -> list[Measurement]:
    rows = _usage_rows(found["usage"]) if "usage" in found else []
    if "latency" in found:
        rows.append(Measurement("segments_to_relations_s", found["latency"]["median_s"], 0.05, "limit: median, 8 segments", "s"))
        share = found["latency"]["answered"] / found["latency"]["sent"]
        rows.append(Measurement("observations_answered", share, 1.0, "limit: all, at 10 Hz", "share"))
    if "swaps" in found:
        swaps = found["swaps"]
        rows.append(Measurement("model_swap_s", swaps["longest_s"], 0.5, "limit: longest, to the last of three nodes", "s"))
        share = swaps["answered"] / swaps["sent"]
        rows.append(Measurement("observations_answered_in_swaps", share, 1.0, "limit: all, at 10 Hz", "share"))
    if "stops" in found:
        longest = max(*found["stops"]["wall_s"], 1e-3)
        rows.append(Measurement("stop_s", longest, 0.2, "limit: longest, request to joints at rest, in real time", "s"))
        share = found["stops"]["aborted"] / found["stops"]["stops"]
        rows.append(Measurement("stopped_goals_aborted", share, 1.0, "limit: all", "share"))
    return rows


def _usage_rows(usage: dict[str, Any]) -> list[Measurement]:
    cores = usage["cores"]
    startup = f"limit: first task taken, {cores} cores, load {usage['load_before']:.1f}"
    return [
        Measurement("first_line_s", usage["first_line_s"], 2.0, "limit", "s"),
        Measurement("ready_s", usage["ready_wall_s"], 15.0, startup, "s"),
        *(
            Measurement(f"memory_{phase}_gb", usage["memory_bytes"][phase] / 1e9, 1.5, "limit: shared pages once", "GB")
            for phase in ("acting", "learning")
        ),
        *(
            Measurement("failure_to_judged_model_s", seconds, 60.0, f"limit: {cores} cores, load {usage['load_before']:.1f}", "s")
            for seconds in usage.get("lesson_s", ())
        ),
    ]
