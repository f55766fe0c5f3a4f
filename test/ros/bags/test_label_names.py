"""Names of labels in recordings: of one image each, or of all that come."""

from pathlib import Path

from rclpy.serialization import serialize_message

from fail2progress.core.observation import SECOND
from fail2progress.ros.bags.cdr import header_stamp
from fail2progress.ros.bags.info import info
from fail2progress.ros.bags.playback import messages
from fail2progress.ros.bags.writer import BagWriter
from fail2progress.ros.graph import CAMERA, LABELS, TOPICS
from support import traffic


def test_names_of_one_label_image_count_for_all_that_come_after_them(tmp_path: Path) -> None:
    """As recordings were made that say them once: whichever stamp they have, they are played without."""
    for stamp in (1, 500):
        writer = BagWriter(tmp_path / f"bag {stamp}")
        for name in (*CAMERA, *LABELS):
            writer.add_topic(f"/{name}", TOPICS[name].type.replace("/", "/msg/"))
        for second in range(1, 6):
            for name in (*CAMERA, *LABELS) if second == 1 else (*CAMERA, LABELS[0]):
                message = traffic.VALID[name]()
                message.header.stamp.sec, message.header.stamp.nanosec = stamp if name == LABELS[1] else second, 0
                writer.write(f"/{name}", serialize_message(message), second * SECOND)
        writer.close()
        bag = info(tmp_path / f"bag {stamp}")
        assert bag.seen == {*CAMERA, LABELS[0]} and not bag.unstamped and bag.moments == 5
        assert [header_stamp(item.data) for item in messages(bag) if item.topic.endswith(LABELS[1])] == [0]
