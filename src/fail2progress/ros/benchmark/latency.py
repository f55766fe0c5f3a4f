"""Measures a running stack over DDS: latency, swaps of the model, stop. Run by `fail2progress bench --stack` and by the tests.

python -m fail2progress.ros.benchmark.latency latency|swaps|stops --out FILE [--count N]
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
import torch
from fail2progress_msgs.action import ExecuteSkill
from fail2progress_msgs.msg import ErrorCode, Heartbeat
from fail2progress_msgs.srv import LoadModel
from std_srvs.srv import Trigger

from fail2progress.core.camera import Camera
from fail2progress.core.files import write_whole
from fail2progress.core.observation import SECOND, SegmentedCloud
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.store import Registry
from fail2progress.ros import graph as table
from fail2progress.ros.actions import Dispatcher
from fail2progress.ros.benchmark.client import Probe
from fail2progress.ros.conversions.values import call_msg
from fail2progress.ros.delivery import qos
from fail2progress.ros.executor import NodeExecutor
from fail2progress.ros.launch.claim import RUN
from fail2progress.ros.launch.supervisor import Launch, Supervisor
from fail2progress.simulation import registry as simulators
from fail2progress.skills.base import call_moving
from fail2progress.tasks import DEFAULT
from fail2progress.tasks.registry import task

VERSIONS = 8
"""More than a node keeps loaded, so that every swap reads a file."""
SWAPPED = ("relations", "planner")
PERIOD = 0.1


def eight_segments() -> SegmentedCloud:
    """An observation of two tables and six objects."""
    cloud = simulators.make().settle(task(DEFAULT).trial(7, 3).scene, Camera()).cloud
    return SegmentedCloud(cloud.names[:8], cloud.categories[:8], cloud.points[:8], cloud.visibility[:8])


def latency(probe: Probe, count: int) -> dict[str, object]:
    """Seconds from segments in to relations out, at ten observations a second."""
    for _ in range(count):
        probe.send()
        time.sleep(PERIOD)
    probe.wait(lambda: len(probe.delays) == count, 5.0)
    delays = sorted(probe.delays.values())
    late = sum(delay > PERIOD for delay in delays)
    return {
        "sent": count,
        "answered": len(delays),
        "median_s": statistics.median(delays),
        "p95_s": delays[int(0.95 * (len(delays) - 1))],
        "later_than_the_next": late,
    }


def swaps(probe: Probe, count: int) -> dict[str, object]:
    """Seconds from a model update to the last node's report of the new digest, with ten observations a second going on."""
    client = probe.create_client(LoadModel, "load_model")
    if not client.wait_for_service(timeout_sec=30.0):
        raise RuntimeError("no learner offers load_model")
    ending = threading.Event()
    load = threading.Thread(target=_load, args=(probe, ending))
    load.start()
    seconds: list[float] = []
    slowest: list[str] = []
    try:
        for number in range(count):
            version = f"v{(number + 1) % VERSIONS + 1:04d}"
            probe.announced = 0.0
            answer = _result(client.call_async(LoadModel.Request(version=version)), 30.0)
            if answer.error_code:
                raise RuntimeError(answer.error_msg)
            if not probe.wait(partial(_all_run, probe, answer.digest), 10.0):
                raise RuntimeError(f"swap {number}: not all nodes run {version}: {probe.reasons or probe.digests}")
            last = max(SWAPPED, key=lambda node: probe.reported[node])
            seconds.append(probe.reported[last] - probe.announced)
            slowest.append(last)
    finally:
        ending.set()
        load.join()
    probe.wait(lambda: len(probe.delays) == len(probe.sent), 5.0)
    return {
        "swaps": len(seconds),
        "median_s": statistics.median(seconds),
        "longest_s": max(seconds),
        "longest_was": f"number {seconds.index(max(seconds))}, {slowest[seconds.index(max(seconds))]}",
        "over_half_a_second": sum(value > 0.5 for value in seconds),
        "sent": len(probe.sent),
        "answered": len(probe.delays),
    }


def _load(probe: Probe, ending: threading.Event) -> None:
    while not ending.wait(PERIOD):
        probe.send()


def _all_run(probe: Probe, digest: str) -> bool:
    return all(probe.digests.get(node) == digest for node in SWAPPED) and probe.announced > 0


def stops(probe: Probe, count: int) -> dict[str, object]:
    """Seconds from a request to stop until no joint moves, in real time; another goal follows every stop."""
    ended = []
    for number in range(count):
        ended.append(_stop_once(probe, 0.3 + 0.25 * number))
    return {
        "stops": len(ended),
        "aborted": sum(e["aborted"] for e in ended),
        "moving_when_asked": sum(e["moving"] for e in ended),
        "wall_s": [e["wall_s"] for e in ended],
        "said": [e["said"] for e in ended],
    }


def _stop_once(probe: Probe, after: float) -> dict[str, Any]:
    robot = Dispatcher(probe, ExecuteSkill, "execute_skill")
    stop, resume = probe.create_client(Trigger, "stop_the_robot"), probe.create_client(Trigger, "resume_the_robot")
    beat = probe.create_publisher(Heartbeat, "heartbeat", qos(table.TOPICS["heartbeat"]))
    timer = probe.create_timer(0.05, lambda: beat.publish(Heartbeat(run=probe.run)))
    if not robot.found(30.0) or not stop.wait_for_service(timeout_sec=5.0):
        raise RuntimeError("no robot offers execute_skill and stop_the_robot")
    call = call_moving("cup_1", np.array([0.0, -0.05, 0.0]))
    handle = _result(robot.send(ExecuteSkill.Goal(call=call_msg(call))), 10.0)
    result = handle.get_result_async()
    time.sleep(after)
    moving = _now(probe) - probe.moved < 3 * PERIOD
    probe.moved = began = _now(probe)
    _result(stop.call_async(Trigger.Request()), 5.0)
    answer = _result(result, 30.0)
    seconds = probe.moved - began
    _result(resume.call_async(Trigger.Request()), 60.0)
    probe.destroy_timer(timer)
    aborted = answer.result.error_code == ErrorCode.ROBOT_STOPPED
    return {"aborted": aborted, "moving": moving, "said": answer.result.error_msg, "wall_s": round(seconds, 3)}


def _now(probe: Probe) -> float:
    return float(probe.get_clock().now().nanoseconds) / SECOND


def _result(future: Any, seconds: float) -> Any:
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    if not done.wait(seconds):
        raise RuntimeError(f"no answer within {seconds:.0f} s")
    return future.result()


def make_versions(state_dir: Path) -> None:
    """A registry with the package's model, and others that differ from it by a breath."""
    start = load_checkpoint(weights.path(weights.RELATIONAL))
    versions = Registry(state_dir / "models")
    versions.folder.mkdir(parents=True)
    first = versions.begin(start)
    gate = {"passed": True, "reason": "made for measuring"}
    for number in range(1, VERSIONS):
        other = copy.deepcopy(start.model)
        with torch.no_grad():
            next(other.parameters()).add_(1e-6 * number)
        versions.register(other, {"parent": first.digest, "parent_version": "v0001", "gate": gate})


STACKS: dict[str, tuple[str, ...]] = {
    "latency": ("relations",),
    "swaps": (*SWAPPED, "learner"),
    "stops": ("sim_stretch",),
}


def measure(what: str, count: int, state_dir: Path) -> dict[str, object]:
    """Start the nodes that are needed, measure, and end them. RuntimeError where something does not answer."""
    if what == "swaps":
        make_versions(state_dir)
    values: dict[str, table.Value] = {"pace": 1.0} if what == "stops" else {}
    supervisor = Supervisor(Launch("sim", state_dir, values, nodes=STACKS[what]), lambda text: print(text, file=sys.stderr))
    rclpy.init()
    probe = Probe(eight_segments(), supervisor.variables[RUN])
    executor = NodeExecutor(3)
    executor.add_node(probe)
    spinning = threading.Thread(target=executor.spin, daemon=True)
    spinning.start()
    supervisor.start()
    try:
        _await_nodes(probe, STACKS[what])
        chosen = {"latency": latency, "swaps": swaps, "stops": stops}[what]
        return chosen(probe, count)
    finally:
        supervisor.stop()
        executor.shutdown(timeout_sec=2.0)
        spinning.join(timeout=2.0)
        rclpy.shutdown()


def _await_nodes(probe: Probe, names: tuple[str, ...]) -> None:
    """Until all nodes are there, and the first observation was answered where somebody answers."""
    if not probe.wait(lambda: set(names) <= set(probe.get_node_names()), 90.0):
        raise RuntimeError(f"not all nodes came up: {probe.get_node_names()}")
    if "monitor" in names and not probe.wait(lambda: set(SWAPPED) <= set(probe.digests), 60.0):
        raise RuntimeError(f"not all nodes tell their model: {probe.digests}")
    if "relations" in names:
        end = time.monotonic() + 60.0
        while not probe.delays and time.monotonic() < end:
            probe.send()
            time.sleep(0.2)
        time.sleep(1.0)
        probe.sent.clear()
        probe.delays.clear()


def main() -> int:
    """One measurement, as JSON in a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=sorted(STACKS))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.what, options.count, Path(folder) / "stack")
    write_whole(options.out, json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
