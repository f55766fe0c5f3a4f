"""The relations node: what it remembers, and who detects for it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fail2progress_msgs.msg import ModelUpdate, Step

from fail2progress.core.observation import SECOND
from fail2progress.perception.relations.registry import DETECTORS
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.observations import observation_of
from support import box_detector, traffic
from support import messages as m
from support.plugins import install_plugin
from support.rigs import rig, wait_for


def test_memory_of_other_points_is_forgotten(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that speaks of clouds of another size (another camera, another program) does not stop what comes after it."""
    ros()
    with rig("relations", monkeypatch) as made:
        made.activate()
        said = made.collect("relations")
        assert made.send("steps", traffic.step(0))
        for stamp in (5.0, 6.0):
            assert made.send("segments", convert.segments_msg(m.scene_cloud(stamp=stamp, points=64)))
        assert wait_for(lambda: len(said) == 2)
        assert not made.node.refused and [message.finished for message in said] == [1, 1]


def test_a_step_that_nobody_ended_is_over_with_its_episode(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its planner has died in the middle of it; else nobody would take what is seen for what is at rest, ever again."""
    ros()
    with rig("relations", monkeypatch) as made:
        made.activate()
        said = made.collect("relations")
        assert made.send("steps", traffic.step(0, Step.STARTED))
        assert made.send("segments", convert.segments_msg(m.scene_cloud(stamp=5.0)))
        assert made.send("steps", Step(schema_version=convert.SCHEMA, phase=Step.OVER))
        assert made.send("segments", convert.segments_msg(m.scene_cloud(stamp=6.0)))
        assert wait_for(lambda: len(said) == 2) and [message.moving for message in said] == [True, False]


@pytest.mark.parametrize("next_task", [True, False])
def test_a_clock_that_is_set_back_does_not_make_everything_move(
    ros: Any, monkeypatch: pytest.MonkeyPatch, next_task: bool
) -> None:
    """A step ended an hour later than what is seen now: in the middle of a task, or before the next one."""
    ros()
    with rig("relations", monkeypatch) as made:
        made.activate()
        said = made.collect("relations")
        step = traffic.step(0)
        step.header.stamp = convert.time_of(3700 * SECOND)
        assert made.send("segments", convert.segments_msg(m.scene_cloud(stamp=3698.0))) and made.send("steps", step)
        assert made.send("segments", convert.segments_msg(m.scene_cloud(stamp=3699.0)))
        if next_task:
            over = Step(header=convert.header(100 * SECOND, ""), schema_version=convert.SCHEMA, phase=Step.OVER)
            assert made.send("steps", over)
        for stamp in (101.0, 102.0):
            assert made.send("segments", convert.segments_msg(m.scene_cloud(stamp=stamp)))
        assert wait_for(lambda: len(said) == 4) and [message.moving for message in said] == [False, True, False, False]
        assert made.node.refused == {"clock": 1 + next_task}


def test_a_still_scene_is_detected_once(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message has its own time, and what would be detected in it."""
    ros()
    with rig("relations", monkeypatch) as made:
        made.activate()
        said, asked = made.collect("relations"), []
        observe = made.node.detector.observe
        monkeypatch.setattr(made.node.detector, "observe", lambda cloud: asked.append(cloud) or observe(cloud))
        still = [m.scene_cloud(stamp=5.0 + number) for number in range(3)]
        pushed = still[2].shifted(np.full((len(still[2]), 3), 0.1))
        for cloud in (*still, pushed, still[2]):
            assert made.send("segments", convert.segments_msg(cloud))
        assert wait_for(lambda: len(said) == 5) and len(asked) == 3
        assert [message.segments.header.stamp.sec for message in said] == [5, 6, 7, 7, 7]
        for message in said:
            found = observation_of(message)
            np.testing.assert_allclose(found.relations.binary, observe(found.cloud).relations.binary, atol=1e-6)


def test_relations_by_a_detector_from_outside(ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node tells who detected them, and keeps to it when a model is learnt."""
    source = Path(box_detector.__file__).read_text()
    install_plugin(tmp_path, source, {"fail2progress.relation_detectors": {"boxes": "BoxDetector"}}, "boxes_for_a_node")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(DETECTORS, "_searched", False)
    ros(relations="boxes")
    with rig("relations", monkeypatch) as made:
        made.activate()
        said = made.collect("relations")
        for number in range(2):
            assert made.send("segments", convert.segments_msg(m.scene_cloud(stamp=5.0 + number)))
            made.node.update_model(
                ModelUpdate(schema_version=convert.SCHEMA, kind=ModelUpdate.ACCEPTED, digest=made.node.live.current.digest)
            )
        assert wait_for(lambda: len(said) == 2) and [message.model for message in said] == ["boxes", "boxes"]
        assert set(said[0].relations.binary) <= {0.0, 1.0} and made.node.facts["detector"] == "boxes"
    DETECTORS.unregister("boxes")
