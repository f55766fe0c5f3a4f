"""A robot is taken by a task from one of its planner's heartbeats until they fail to come; what is part of it goes on."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from fail2progress.ros import engagement
from fail2progress.ros.engagement import Engagement


def beat(episode: str, last: bool = False) -> Any:
    return SimpleNamespace(episode=episode, last=last)


def test_a_task_is_named_while_its_planner_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Engagement("/f2p")
    assert not found.reason()
    found.hear(beat("abc"))
    assert "task abc is under way" in found.reason() and "/f2p/stop_the_robot" in found.reason("of another one")
    assert not found.reason("abc"), "what is part of it"
    found.hear(beat(""))
    found.hear(beat("def", last=True))
    assert found.reason(), "others beat as well, for a skill of theirs, and another task is over"
    found.hear(beat("abc", last=True))
    assert not found.reason(), "the planner has said that it is over"
    monkeypatch.setattr(engagement, "BEATS", 0.01)
    found.hear(beat("abc"))
    time.sleep(0.02)
    assert not found.reason(), "nobody beats any more"
