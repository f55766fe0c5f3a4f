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
