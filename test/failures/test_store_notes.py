"""What is noted of a failure that is no longer in the store: nothing."""

from collections.abc import Callable

from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore


def test_nothing_is_noted_of_a_failure_that_was_removed_meanwhile(
    store: FailureStore, make_event: Callable[..., FailureEvent]
) -> None:
    """As while a lesson of it was under way."""
    event, other = make_event(0), make_event(1)
    store.add(event)
    store.add(other)
    store.remove(event.id)
    store.add_lesson(event.id, "v0002", "better")
    assert store.lessons(event.id) == ()
    store.add_lesson(other.id, "v0002", "better")
    assert store.lessons(other.id) == (("v0002", "better"),)
