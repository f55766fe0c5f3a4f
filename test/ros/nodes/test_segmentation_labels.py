"""The segmentation node with labels: whose names they have."""

from typing import Any

import pytest
from fail2progress_msgs.msg import LabelNames
from rclpy.qos import qos_profile_sensor_data

from fail2progress.core.observation import SECOND
from fail2progress.ros import graph as table
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.images import OPTICAL_FRAME
from support import traffic
from support.rigs import rig, wait_for

COLOUR, DEPTH, INFO = table.CAMERA
LABELS, NAMES = table.LABELS


def names(name: str, stamp: int = 0) -> LabelNames:
    return LabelNames(header=convert.header(stamp, OPTICAL_FRAME), names=[name], categories=["table"])


def of_time(topic: str, stamp: int) -> Any:
    message = traffic.VALID[topic]()
    message.header.stamp = convert.time_of(stamp)
    return message


def test_new_names_for_the_same_image_are_taken(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said = made.collect("segments")
        assert made.send("tf_static", traffic.transforms())
        for number, name in enumerate(("table_a", "table_b")):
            assert made.send(NAMES, names(name))
            for topic in (*table.CAMERA, LABELS):
                assert made.send(topic, of_time(topic, (10 + number) * SECOND))
        assert wait_for(lambda: len(said) == 2)
        assert [message.names for message in said] == [["table_a"], ["table_b"]]


def test_images_from_nowhere_are_refused(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without names for the labels, then without a pose of the camera."""
    ros()
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        for stamp in (SECOND, 2 * SECOND):
            for topic in (*table.CAMERA, LABELS):
                assert made.send(topic, of_time(topic, stamp))
        assert made.node.refused == {"label_names": 1} and NAMES in made.node.reasons["label_names"]
        assert made.send(NAMES, names("table_a"))
        assert made.node.refused == {"label_names": 1, f"{NAMES}/perception": 1}


@pytest.mark.parametrize("labels_first", [True, False])
def test_labels_have_the_names_of_their_own_frame(ros: Any, monkeypatch: pytest.MonkeyPatch, labels_first: bool) -> None:
    """A detector numbers its labels anew in each frame; the next frame's names come before the moment is whole."""
    ros()
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said = made.collect("segments")
        assert made.send("tf_static", traffic.transforms()) and made.send(INFO, of_time(INFO, SECOND))
        detected = [(LABELS, of_time(LABELS, SECOND)), (NAMES, names("table_a", SECOND))]
        for topic, message in detected if labels_first else reversed(detected):
            assert made.send(topic, message)
        assert made.send(COLOUR, of_time(COLOUR, SECOND)) and made.send(NAMES, names("table_b", 2 * SECOND))
        assert made.send(DEPTH, of_time(DEPTH, SECOND))
        assert wait_for(lambda: len(said) == 1)
        for topic in (LABELS, COLOUR, DEPTH):
            assert made.send(topic, of_time(topic, 2 * SECOND))
        assert wait_for(lambda: len(said) == 2) and not made.node.refused
    assert [message.names for message in said] == [["table_a"], ["table_b"]]


def test_names_that_come_once_with_a_stamp_name_the_labels_of_all_images(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said = made.collect("segments")
        assert made.send("tf_static", traffic.transforms()) and made.send(INFO, of_time(INFO, SECOND))
        assert made.send(NAMES, names("table_a", SECOND // 2))
        for second in range(1, 15):
            for topic in (LABELS, COLOUR, DEPTH):
                assert made.send(topic, of_time(topic, second * SECOND))
        assert wait_for(lambda: convert.stamp_of(said[-1].header.stamp) == 13 * SECOND if said else False)
        assert not made.node.refused and "without a stamp" in made.node.facts["names"]
    assert len(said) >= 6 and {tuple(message.names) for message in said} == {("table_a",)}


def test_names_of_no_image_that_came_are_told_with_both_stamps(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector's clock that is ahead: nobody is told that no names come."""
    ros()
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        assert made.send("tf_static", traffic.transforms()) and made.send(INFO, of_time(INFO, SECOND))
        for second in range(1, 15):
            for topic in (LABELS, COLOUR, DEPTH):
                assert made.send(topic, of_time(topic, second * SECOND))
            assert made.send(NAMES, names("table_a", (second + 90) * SECOND))
        assert made.node.refused.keys() == {"incomplete"} and made.node.cloud is None
        told = made.node.reasons["incomplete"]
        assert f"none on {NAMES} " in told and f"{LABELS} 14.000 s" in told and f"{NAMES} 103.000 s" in told


@pytest.mark.parametrize("profile", [10, qos_profile_sensor_data], ids=["default", "best effort"])
@pytest.mark.parametrize("name", ["segmentation", "recorder"])
def test_names_are_heard_once_by_whatever_profile_they_come(
    ros: Any, monkeypatch: pytest.MonkeyPatch, name: str, profile: Any
) -> None:
    ros()
    with rig(name, monkeypatch) as made:
        made.activate()
        assert made.send(NAMES, names("table_a"))
        outlet = made.peer.create_publisher(LabelNames, NAMES, profile)
        assert wait_for(outlet.get_subscription_count)
        assert made.handled[NAMES] == 1, "by the profile of the table, which keeps them for who comes late"
        sent = 0
        while made.handled[NAMES] == 1 and sent < 20:  # what is sent as best effort may be lost, or come late
            outlet.publish(names("table_b"))
            sent += 1
            wait_for(lambda: made.handled[NAMES] > 1, 2.0)
        wait_for(lambda: made.handled[NAMES] > 1 + sent, 0.5)
        assert 1 < made.handled[NAMES] <= 1 + sent and not made.node.refused
