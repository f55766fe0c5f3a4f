"""Nodes killed with -9 at random moments: the stack recovers, and no failure is lost or doubled."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from fail2progress.failures.store import FailureStore
from fail2progress.ros.bags.reader import read
from fail2progress.ros.launch.supervisor import Launch, Supervisor

VICTIMS = ("segmentation", "relations", "monitor", "classifier", "learner", "planner", "recorder", "sim_stretch")
LIMIT = 500
KILLS = int(os.environ.get("FAIL2PROGRESS_KILLS", "4"))
"""How many nodes are killed, seven a run at most."""
RUNS = [(number + 1, min(7, KILLS - 7 * number)) for number in range((KILLS + 6) // 7)]


def killed_run(folder: Path, variables: dict[str, str], seed: int, kills: int) -> tuple[int, list[str], list[str]]:
    """Exit code, what was said and who was killed."""
    rng = np.random.default_rng(seed)
    said: list[str] = []
    victims: list[str] = []
    lesson = {"samples": 6, "epochs": 40, "patience": 0.0}
    values = {"robot": "hand", "moving_rate": 0.2, "attempts": 30, "result": str(folder / "result.json"), "story": True}
    supervisor = Supervisor(Launch("sim", folder, {**values, **lesson}), said.append, variables)

    def kill() -> None:
        until_asked(said)
        for _ in range(kills):
            if supervisor.stopping.wait(float(rng.uniform(0.2, 6.0))):
                return
            name = VICTIMS[rng.integers(len(VICTIMS))]
            process = supervisor.processes.get(name)
            if process is not None and process.running.poll() is None:
                victims.append(name)
                os.kill(process.running.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    watchdog = threading.Timer(LIMIT, supervisor.stopping.set)
    watchdog.start()
    try:
        return supervisor.run(), said, victims
    finally:
        watchdog.cancel()
        killer.join()


def until_asked(said: list[str]) -> None:
    end = time.monotonic() + 120
    while not any(line.startswith("task:") for line in said) and time.monotonic() < end:
        time.sleep(0.1)


def check(folder: Path, code: int, said: list[str]) -> None:
    """Done, or ended with a typed error; every failure that anybody told of is in the store, once, and can be read."""
    result = json.loads((folder / "result.json").read_text())
    last = result["rounds"][-1]
    assert code == (0 if last["error_code"] == 0 else 1), said
    assert last["error_code"] == 0 or last["error_msg"]
    store = FailureStore(folder / "failures.sqlite")
    stored = [head.id for head in store.headers()]
    told = {identity for r in result["rounds"] for identity in r["failures"]}
    assert told | on_the_wire(folder) <= set(stored)
    assert len(stored) == len(set(stored))
    assert all(store.get(identity).header.id == identity for identity in stored)


def on_the_wire(folder: Path) -> set[str]:
    """Ids of the failures in all bags of a run."""
    pytest.importorskip("rclpy")
    from fail2progress_msgs.msg import FailureEvent
    from rclpy.serialization import deserialize_message

    from fail2progress.ros.conversions.values import uuid_text

    events = (item for bag in (folder / "bags").iterdir() for item in read(bag) if item.topic == "/failures")
    return {uuid_text(deserialize_message(item.data, FailureEvent).id) for item in events}


@pytest.mark.parametrize(("seed", "kills"), RUNS)
def test_the_stack_survives_kills(seed: int, kills: int, variables: dict[str, str], tmp_path: Path) -> None:
    code, said, victims = killed_run(tmp_path / "run", variables, seed, kills)
    print(f"killed: {', '.join(victims)}")
    check(tmp_path / "run", code, said)
    assert victims
