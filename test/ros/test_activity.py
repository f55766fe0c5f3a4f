"""Nodes that are not active: whoever asks the real robot for something, or waits for what it sees, is told what to do."""

from collections.abc import Callable

import pytest

from fail2progress.ros.nodes import stretch
from support.rigs import rig
from support.stretch_bench import BODY, DRIVER, bench


@pytest.mark.parametrize("by", [BODY, DRIVER])
def test_a_node_that_is_not_active_moves_nothing_for_whoever_asks(
    ros: Callable[..., None], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    with bench(ros, monkeypatch, 10.0, 0.5, by) as made:
        made.body.homed = False
        made.node.trigger_deactivate()
        before = len(made.body.commands)
        name = made.node.get_fully_qualified_name()
        for service in ("look_around", "home_the_robot"):
            answer = made.ask(service)
            assert not answer.success
            assert answer.message == f"the node {name} is inactive: ros2 lifecycle set {name} activate"
        assert len(made.body.commands) == before and not made.body.homed


@pytest.mark.parametrize("state", ["inactive", "unconfigured"])
def test_who_sees_nothing_says_that_segmentation_is_not_active(
    ros: Callable[..., None], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """The node itself, beside it, as a lifecycle manager has left it."""
    monkeypatch.setattr(stretch, "SIGHT", 6.0)
    with bench(ros, monkeypatch, 10.0, 0.5) as made:
        made.seeing = False
        with rig("segmentation", monkeypatch) as beside:
            if state == "inactive":
                assert beside.node.trigger_configure().name == "SUCCESS"
            answer = made.ask("look_around")
    first = {"inactive": "", "unconfigured": "ros2 lifecycle set /segmentation configure && "}[state]
    assert not answer.success
    assert f"the node /segmentation is {state}: {first}ros2 lifecycle set /segmentation activate" in answer.message
