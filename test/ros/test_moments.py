"""Which messages belong to one moment, and which names to which labels."""

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
    """From when as many as are waited for have none; whatever stamp they have."""
    for stamp in (50, 100, 130):
        moments, whole = explained(), []
        moments.take("names", stamp, "n", SLOP)
        for number in range(1, 31):
            for topic in IMAGES:
                whole += moments.take(topic, 100 * number, number, SLOP)
            assert moments.give_up() == [] or stamp == 130
        assert [moment["labels"] for moment in whole] == list(range(1 + (stamp == 130), 31))
        assert {moment["names"] for moment in whole} == {"n"} and moments.outlived == {"labels"}
    moments.take("names", 3100, "own", SLOP)
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


def test_names_of_later_times_are_forgotten_once_the_clock_was_set_back() -> None:
    moments = explained()
    moments.take("names", 10**10, "before", SLOP)
    for topic in IMAGES:
        moments.take(topic, 5 * 10**9, "x", SLOP)
    moments.take("colour", 10**10, "c", SLOP)
    assert moments.take("labels", 10**10, "l", SLOP) == []
