from collections.abc import Callable
from pathlib import Path

import pytest
from mcap.reader import make_reader

from fail2progress.core.gaps import FILE, read
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.exports import gaps_of, note_gaps, to_mcap
from fail2progress.failures.store import FailureStore


def test_gaps_of_failures_are_noted_beside_their_store(store: FailureStore, make_event: Callable[..., FailureEvent]) -> None:
    path, events = store.path.with_name(FILE), [make_event(seed) for seed in range(2)]
    for event in events:
        note_gaps(store.path, event)
    noted = {one.id: one for one in read(path)}
    assert {gap.what for event in events for gap in gaps_of(event)} == {one.what for one in noted.values()} != set()
    unseen = next(one for one in noted.values() if "was not seen" in one.what)
    assert unseen.count == 2 and unseen.run_id == events[1].id
    path.write_text("not json")
    with pytest.warns(RuntimeWarning, match=f"cannot be read.*gaps of failure {events[0].id} are not noted"):
        note_gaps(store.path, events[0])
    assert path.read_text() == "not json"


@pytest.mark.parametrize("time", ["2026-11-30T21:21:11.123457+00:00", "2026-11-30T23:21:11.123457+02:00"])
def test_messages_are_stamped_with_the_very_time_of_the_failure(
    tmp_path: Path, make_event: Callable[..., FailureEvent], time: str
) -> None:
    event, path = make_event(0), tmp_path / "failure.mcap"
    to_mcap(path, event.model_copy(update={"header": event.header.model_copy(update={"time": time})}), None)
    with path.open("rb") as file:
        stamps = {(message.log_time, message.publish_time) for _, _, message in make_reader(file).iter_messages()}
    assert stamps == {(1_796_073_671_123_457_000, 1_796_073_671_123_457_000)}
