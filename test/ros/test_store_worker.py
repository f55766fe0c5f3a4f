"""The thread that works off a store, without a node around it."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from fail2progress.failures.store import FailureStore
from fail2progress.ros import store_worker
from fail2progress.ros.lifecycle import StackNode
from fail2progress.ros.store_worker import StoreWorker


@dataclass
class Node:
    """What the thread asks of its node; counts how often it is asked whether it is active."""

    active: bool = False
    asked: int = 0
    done: list[str] = field(default_factory=list)

    def __getattribute__(self, name: str) -> object:
        if name == "active":
            object.__setattr__(self, "asked", object.__getattribute__(self, "asked") + 1)
        return object.__getattribute__(self, name)

    def guarded(self, topic: str, work: object, given: object) -> None:
        self.done.append(topic)


def test_a_worker_that_is_woken_while_its_node_is_not_active_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_worker, "UNASKED", 60.0)
    node = Node()
    worker = StoreWorker(
        cast(StackNode, node), FailureStore(tmp_path / "failures.db"), "work", lambda identity: None, lambda: None
    )
    worker.start()
    worker.wake()
    time.sleep(0.5)
    assert 1 <= node.asked <= 5 and not node.done
    node.active = True
    worker.wake()
    end = time.monotonic() + 5.0
    while len(node.done) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    worker.close()
    assert node.done == ["work", "work"]
