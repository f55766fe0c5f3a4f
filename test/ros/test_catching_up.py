"""What a node says of the pace at which it keeps up with a camera."""

from fail2progress.core.observation import SECOND
from fail2progress.ros.catching_up import FEWEST, REPORT, Pace


def test_a_pace_is_said_once_in_a_while_and_counts_what_was_left_out() -> None:
    pace = Pace()
    said = []
    for tick in range(1, 40 * 30):
        now = tick * SECOND // 30
        pace.see(now)
        if tick % 15 == 0:
            said.append((now, pace.tell(now - SECOND // 2, now)))
    told = [(now, text) for now, text in said if text]
    assert [now // REPORT for now, _ in told] == [1, 2, 3]
    assert {text for _, text in told} == {"2.0 of 30.0 images a second, each time the newest; 0.50 s old when told"}


def test_where_no_image_was_counted_nothing_is_said_of_their_pace() -> None:
    pace = Pace()
    assert {pace.tell(0, now * REPORT) for now in range(1, 4 * FEWEST)} == {""}


def test_a_few_images_make_no_pace() -> None:
    pace = Pace()
    for now in range(1, FEWEST):
        pace.see(now * REPORT)
        assert pace.tell(now * REPORT, now * REPORT) == ""
    assert pace.tell(FEWEST * REPORT, FEWEST * REPORT).startswith("0.1 of 0.1 images a second")
