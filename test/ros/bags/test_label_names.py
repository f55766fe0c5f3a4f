"""Names of labels in recordings: of one image each, or of all that come."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from rclpy.serialization import deserialize_message, serialize_message

from fail2progress.core.observation import SECOND
from fail2progress.ros.bags.cdr import header_stamp
from fail2progress.ros.bags.info import BagInfo, info
from fail2progress.ros.bags.playback import messages
from fail2progress.ros.bags.writer import BagWriter
from fail2progress.ros.delivery import message_type
from fail2progress.ros.graph import CAMERA, LABELS, TOPICS
from fail2progress.ros.moments import Moments
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


def recording(folder: Path, named: Iterable[int], unstamped: Iterable[int] = (), late: int = 0) -> BagInfo:
    """20 images, ten a second; names of some come after their label images (late: ns), and some of them have no stamp."""
    writer, said = BagWriter(folder), list[tuple[int, str, bytes]]()
    for name in (*CAMERA, *LABELS):
        writer.add_topic(f"/{name}", TOPICS[name].type.replace("/", "/msg/"))
    for number in range(20):
        time = 100 * SECOND + number * SECOND // 10
        for order, name in enumerate((*CAMERA, *LABELS)):
            message = traffic.VALID[name]()
            names = name == LABELS[1]
            if names and number not in named:
                continue
            if names:
                message.names, message.categories = [str(number)], ["cup"]
            stamp = 0 if names and number in unstamped else time
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, SECOND)
            said.append((time + order + late * names, f"/{name}", serialize_message(message)))
    for time, topic, data in sorted(said):
        writer.write(topic, data, time)
    writer.close()
    return info(folder)


def used(bag: BagInfo) -> dict[int, int]:
    """Whose names label images have once they are played: the numbers of both."""
    moments, found = Moments((*CAMERA[:2], *LABELS), {LABELS[0]: LABELS[1]}), dict[int, int]()
    for item in messages(bag):
        name = bag.played[item.topic]
        if name in moments.parts:
            message = deserialize_message(item.data, message_type(TOPICS[name].type))
            for moment in moments.take(name, header_stamp(item.data), message, SECOND // 50):
                of = moment[LABELS[0]].header.stamp
                found[(of.sec - 100) * 10 + of.nanosec * 10 // SECOND] = int(moment[LABELS[1]].names[0])
            moments.give_up()
    return found


@pytest.mark.parametrize("late", [0, SECOND // 3], ids=["at once", "late"])
def test_label_images_are_played_with_the_names_of_their_own(tmp_path: Path, late: int) -> None:
    """However many have some, and whether the first ones have no stamp; those without have none, or those before them."""
    every, few = range(20), range(0, 18, 2)
    assert used(recording(tmp_path / "each", every, late=late)) == {number: number for number in every}
    assert used(recording(tmp_path / "lost", range(1, 20), late=late)) == {number: number for number in range(1, 20)}
    assert used(recording(tmp_path / "few", few, late=late)) == {number: min(number // 2 * 2, 16) for number in every}
    assert used(recording(tmp_path / "changed", (0, 10), late=late)) == {number: number // 10 * 10 for number in every}
    assert used(recording(tmp_path / "first", every, {0}, late))[19] == 19


def test_names_without_a_stamp_count_until_label_images_have_their_own(tmp_path: Path) -> None:
    bag = recording(tmp_path / "bag", (0, *range(5, 20)), {0})
    assert bag.named_each and used(bag) == {number: number if number >= 5 else 0 for number in range(20)}
    told = [header_stamp(item.data) for item in messages(bag) if bag.played[item.topic] == LABELS[1]]
    assert told == [0, *(100 * SECOND + number * SECOND // 10 for number in range(1, 20))], "and are said with each of the others"


def test_it_is_told_which_names_label_images_have_that_have_none_of_their_own(tmp_path: Path) -> None:
    told = {
        size: [note for note in recording(tmp_path / str(size), range(size)).warnings() if "own" in note] for size in (20, 15, 5)
    }
    assert not told[20] and "15 of 20 label images have names of their own; the others are left out" in told[15][0]
    assert "5 of 20 label images have names of their own; the others have those that came before them" in told[5][0]
