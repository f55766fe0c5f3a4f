"""Which messages belong to one moment, and which names to which labels."""

from collections.abc import Iterable

from fail2progress.core.observation import SECOND
from fail2progress.ros.moments import Moments

IMAGES = ("colour", "labels")
SLOP = 20.0


def explained() -> Moments:
    return Moments((*IMAGES, "names"), {"labels": "names"}, kept=2)


def test_messages_of_one_stamp_are_put_together() -> None:
    moments = Moments(IMAGES)
    assert moments.take("colour", 100, "c1", SLOP) == moments.take("colour", 130, "c2", SLOP) == []
    assert moments.take("labels", 118, "l2", SLOP) == [{"colour": "c2", "labels": "l2"}], "the nearest of two"
    assert moments.take("labels", 100, "l1", SLOP) == [{"colour": "c1", "labels": "l1"}]
    assert moments.take("labels", 200, "l3", SLOP) == moments.take("colour", 221, "c3", SLOP) == []


def test_names_with_a_stamp_are_those_of_its_labels_only() -> None:
    """Also where the next ones come before the moment is whole, and where names come last."""
    moments = explained()
    for topic, stamp, message in (("names", 100, "n1"), ("labels", 100, "l1"), ("names", 200, "n2")):
        assert moments.take(topic, stamp, message, SLOP) == []
    assert moments.take("colour", 100, "c1", SLOP) == [{"names": "n1", "labels": "l1", "colour": "c1"}]
    assert moments.take("colour", 200, "c2", SLOP) == []
    assert moments.take("labels", 200, "l2", SLOP) == [{"names": "n2", "labels": "l2", "colour": "c2"}]
    assert moments.take("labels", 300, "l3", SLOP) == moments.take("colour", 300, "c3", SLOP) == []
    assert moments.take("names", 300, "n3", SLOP) == [{"names": "n3", "labels": "l3", "colour": "c3"}]


def test_names_without_a_stamp_are_those_of_all_labels_that_come_after_them() -> None:
    moments = explained()
    assert moments.take("labels", 100, "l1", SLOP) == moments.take("colour", 100, "c1", SLOP) == []
    assert moments.take("names", 0, "n1", SLOP) == [{"names": "n1", "labels": "l1", "colour": "c1"}], "nothing else is known"
    assert moments.take("labels", 200, "l2", SLOP) == moments.take("names", 0, "n2", SLOP) == []
    assert moments.take("colour", 200, "c2", SLOP) == [{"names": "n1", "labels": "l2", "colour": "c2"}]
    assert moments.take("colour", 300, "c3", SLOP) == []
    assert moments.take("labels", 300, "l3", SLOP) == [{"names": "n2", "labels": "l3", "colour": "c3"}]
    assert moments.take("names", 400, "n4", SLOP) == moments.take("colour", 500, "c5", SLOP) == []
    assert moments.take("labels", 500, "l5", SLOP) == [], "from now on each has its own"


def test_labels_that_nobody_explains_are_told_from_the_second_on() -> None:
    moments = explained()
    moments.take("labels", 100, "l1", SLOP)
    assert not moments.unexplained, "its names may be on their way"
    moments.take("labels", 200, "l2", SLOP)
    assert moments.unexplained == {"labels"}
    moments.take("names", 200, "n2", SLOP)
    moments.take("labels", 300, "l3", SLOP)
    assert not moments.unexplained


def test_what_did_not_come_is_told_of_moments_that_are_given_up() -> None:
    moments = explained()
    for stamp in (100, 200):
        moments.take("names", stamp, "n", SLOP)
    moments.take("labels", 200, "l2", SLOP)
    assert moments.give_up() == []
    for stamp in (300, 400):
        moments.take("colour", stamp, "c", SLOP)
    assert moments.give_up() == [("colour",)], "names of labels that never came are nothing that is missed"


def test_names_with_a_stamp_that_come_once_stand_for_later_labels() -> None:
    """From when as many as are waited for have none; whatever stamp they have. Each waits for the next: its own may follow it."""
    for stamp in (50, 100, 130):
        moments, whole = explained(), []
        moments.take("names", stamp, "n", SLOP)
        for number in range(1, 31):
            for topic in IMAGES:
                whole += moments.take(topic, 100 * number, number, SLOP)
            assert moments.give_up() == [] or stamp == 130
        assert [moment["labels"] for moment in whole] == list(range(1 + (stamp == 130), 30))
        assert {moment["names"] for moment in whole} == {"n"} and moments.outlived == {"labels"}
    assert moments.take("names", 3100, "own", SLOP) == [{"names": "n", "labels": 30, "colour": 30}], "those of a later one"
    assert not moments.outlived and moments.take("labels", 3100, "l", SLOP) == []
    assert moments.take("colour", 3100, "c", SLOP) == [{"names": "own", "labels": "l", "colour": "c"}]


def test_labels_whose_names_are_lost_do_not_get_those_of_others() -> None:
    """While each has its own; the same where names come long before their images."""
    moments, whole = explained(), []
    for number in range(1, 40):
        if number % 5:
            moments.take("names", 100 * number, number, SLOP)
        for topic in IMAGES:
            whole += moments.take(topic, 100 * (number - 10), number - 10, SLOP)
        moments.give_up()
    assert [moment["labels"] for moment in whole] == [number for number in range(1, 30) if number % 5]
    assert all(moment["names"] == moment["labels"] for moment in whole) and not moments.outlived


def used(said: Iterable[tuple[str, float, str]], kept: int = 8) -> tuple[dict[str, str], int]:
    """Labels with the names that they were used with, of messages with stamps in seconds; and how many were given up."""
    moments, found, lost = Moments((*IMAGES, "names"), {"labels": "names"}, kept), dict[str, str](), 0
    for topic, stamp, message in said:
        for moment in moments.take(topic, round(stamp * SECOND), message, 0.02 * SECOND):
            found[moment["labels"]] = moment["names"]
        lost += len(moments.give_up())
    return found, lost


def image(number: int, begin: float = 100.0, period: float = 0.1) -> list[tuple[str, float, str]]:
    return [(topic, begin + number * period, str(number)) for topic in IMAGES]


def names_of(number: int, ahead: float = 0.0) -> list[tuple[str, float, str]]:
    return [("names", 100.0 + number * 0.1 + ahead, str(number))]


def test_names_of_each_label_image_that_come_too_late_are_given_to_no_other() -> None:
    """One by one, or many at a time; what is not used is counted."""
    late = [item for number in range(60) for item in image(number) + (names_of(number - 10) if number >= 10 else [])]
    heaps = list[tuple[str, float, str]]()
    for number in range(60):
        due = range(max(number - 32, 0), number - 20) if number % 12 == 8 else ()
        heaps += [*image(number), *(item for of in due for item in names_of(of))]
    for said in (late, heaps):
        found, lost = used(said)
        assert not found and lost == 52


def test_names_that_change_with_a_label_image_are_those_of_that_image() -> None:
    """Though the image comes first; they stand for those after it."""
    said = [item for number in range(50) for item in image(number) + (names_of(number) if number in (0, 20) else [])]
    found, lost = used(said)
    assert found == {str(number): "0" if number < 20 else "20" for number in range(49)} and not lost
    first = [item for number in range(50) for item in (names_of(number) if number in (0, 20) else []) + image(number)]
    assert used(first) == (found, 0)


def test_names_of_its_own_are_preferred_while_a_label_image_waits_for_its_camera() -> None:
    """Though it was told others meanwhile."""
    said = [item for number in range(20) for item in (names_of(number) if number == 0 else []) + image(number)]
    slow = [("labels", 102.0, "20"), *image(21), *names_of(20), ("colour", 102.0, "20")]
    assert used([*said, *slow])[0]["20"] == "20"
    lasting = [("names", 0.0, "0"), ("labels", 100.0, "1"), ("names", 100.0, "1"), ("colour", 100.0, "1")]
    assert used(lasting)[0] == {"1": "1"}


def test_labels_that_miss_their_names_for_a_while_get_none() -> None:
    """Where they had their own before, and have them after."""
    said = [item for number in range(40) for item in image(number) + (names_of(number) if not 2 <= number < 15 else [])]
    found, lost = used(said)
    assert found == {str(number): str(number) for number in range(40) if not 2 <= number < 15}
    assert lost == 6, "as many as are waited for wait yet"


def test_names_that_are_said_again_and_again_with_the_stamp_of_one_image_stand_for_all() -> None:
    said = [item for number in range(40) for item in image(number) + (names_of(0) if number % 3 == 0 else [])]
    assert used(said) == ({str(number): "0" for number in range(39)}, 0)


def test_names_that_are_near_several_label_images_are_those_of_them_all() -> None:
    """Where images come at a higher rate than moments are told apart: they are no names of each."""
    said = [*names_of(0), *(item for number in range(40) for item in image(number, period=0.009))]
    found, lost = used(said)
    assert found.keys() > {"0", "38"} and set(found.values()) == {"0"} and not lost


def test_names_by_a_clock_that_is_ahead_count_where_they_come_once() -> None:
    once = [*names_of(0, ahead=3.0), *(item for number in range(30) for item in image(number))]
    assert used(once) == ({str(number): "0" for number in range(29)}, 0)
    each = [item for number in range(80) for item in image(number) + names_of(number, ahead=3.0)]
    found, lost = used(each)
    assert not found and lost == 72, "no image has the names of one that came three seconds before"


def test_a_late_image_forgets_no_names() -> None:
    names = [item for number in range(5) for item in names_of(number)]
    images = [item for number in range(5) for item in image(number)]
    assert used([*names, ("colour", 97.9, "late"), *images]) == ({str(number): str(number) for number in range(5)}, 0)


def test_names_of_later_times_are_forgotten_once_their_clock_was_set_back() -> None:
    """That of the labels, or that of the names themselves."""
    before = image(-1) + names_of(-1) + names_of(10)
    for back in (image(0, 90.0), [("names", 90.0, "back")]):
        assert "10" not in used([*before, *back, *image(10)])[0]
    assert used([*before, *image(10)])[0]["10"] == "10"
    own = [*before, ("names", 90.0, "back"), *image(0, 90.0), ("names", 90.1, "next"), *image(1, 90.0)]
    assert used(own)[0] == {"-1": "-1", "0": "back", "1": "next"}
