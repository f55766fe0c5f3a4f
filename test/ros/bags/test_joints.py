"""Joint states beside images, by their stamps."""

from pathlib import Path

import pytest

from fail2progress.ros.bags.info import info
from fail2progress.ros.bags.joints import Joints
from support import recordings
from support.recordings import BEGIN, PERIOD, Rig


@pytest.mark.parametrize("stamped", [True, False])
def test_joints_are_where_they_were_at_the_time_of_an_image(stamped: bool, tmp_path: Path) -> None:
    """Without stamps, at the time at which they were recorded."""
    said = list(Rig(unstamped=not stamped).say(recordings.simulated(1) * 2))
    for number, place in enumerate((0.1, 0.7)):
        topic, kind, _, message = recordings.joints((BEGIN + number * PERIOD) * stamped, joint_lift=place)
        said.append((topic, kind, BEGIN + number * PERIOD, message))
    bag = info(recordings.write(tmp_path / "bag", sorted(said, key=lambda item: item[2])))
    assert [Joints(bag).at(BEGIN + number * PERIOD) for number in range(2)] == [{"joint_lift": 0.1}, {"joint_lift": 0.7}]
