"""A robot is taken by a task from one of its planner's heartbeats to the last one, or until they fail to come."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from fail2progress.ros import engagement
from fail2progress.ros.engagement import Engagement


def beat(episode: str) -> Any:
    return SimpleNamespace(header=SimpleNamespace(frame_id=episode))


def test_a_task_is_named_while_its_planner_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Engagement("/f2p")
    assert not found.reason
    found.hear(beat("abc"))
    assert "task abc is under way" in found.reason and "/f2p/stop_the_robot" in found.reason
    found.hear(beat(""))
    assert not found.reason, "the planner has said that it is over"
    monkeypatch.setattr(engagement, "BEATS", 0.01)
    found.hear(beat("abc"))
    time.sleep(0.02)
    assert not found.reason, "nobody has ended it, and nobody beats any more"
