"""The simulated robot's camera: what its detector says of an image has the stamp of that image."""

from typing import Any

import pytest
from fail2progress_msgs.msg import ErrorCode
from fail2progress_msgs.srv import SetTrial

from fail2progress.ros import graph as table
from fail2progress.ros.conversions.values import stamp_of
from fail2progress.tasks.registry import task
from support.rigs import rig, wait_for

LABELS, NAMES = table.LABELS


def test_each_label_image_has_the_names_of_its_own_trial(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(robot="hand")
    with rig("sim_stretch", monkeypatch) as made:
        labels, names = made.collect(LABELS), made.collect(NAMES)
        made.activate()
        for objects in (5, 3):
            trial = task("hierarchical-tabletop").trial(objects, 1)
            request = SetTrial.Request(task=trial.reference, objects=objects, seed=1)
            begin = made.node.now()
            assert made.call(SetTrial, "set_trial", request).error_code == ErrorCode.OK
            end = made.node.now()
            assert wait_for(lambda end=end: sum(stamp_of(image.header.stamp) > end for image in labels) > 2)
            said = {stamp_of(message.header.stamp): tuple(message.names) for message in names}
            after = [stamp_of(image.header.stamp) for image in labels if stamp_of(image.header.stamp) > end]
            assert {said.get(stamp) for stamp in after} == {trial.scene.names}
            before = {said[stamp] for stamp in said if stamp < begin}
            assert 0 not in said and (objects == 5 or trial.scene.names not in before)
