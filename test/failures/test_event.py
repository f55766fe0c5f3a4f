import io
import json
import uuid
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch, event_id, from_bytes
from fail2progress.skills.base import SkillCall

Make = Callable[..., FailureEvent]


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_events_survive_the_round_trip(make_event: Make, seed: int) -> None:
    event = make_event(seed)
    header = Header.model_validate_json(event.header.model_dump_json())
    assert header == event.header
    again = from_bytes(header, event.to_bytes())
    for key, value in event.arrays().items():
        assert np.array_equal(again.arrays()[key], value, equal_nan=True), key
    assert again.before.names == event.before.names and again.before.categories == event.before.categories
    assert (again.before.stamp, again.after.stamp) == (0, 10**9) and again.before.frame == event.before.frame
    assert again.before.seen.tolist() == [True, True, False]
    assert again.id == event.id
    assert np.array_equal(again.observed.binary, event.observed.binary)


def test_the_same_failure_has_the_same_id(make_event: Make) -> None:
    assert make_event(1).id == make_event(1).id
    assert uuid.UUID(make_event(1).id).version == 5


def test_whatever_differs_gives_another_id(make_event: Make) -> None:
    before, other = make_event(0).before, make_event(1).before
    call, turned = SkillCall("push", "cup", (0.0, 0.1)), SkillCall("push", "cup", (0.1, 0.1))
    ids = [
        event_id(before, call, "m", 0, 0),
        event_id(other, call, "m", 0, 0),
        event_id(before, turned, "m", 0, 0),
        event_id(before, call, "n", 0, 0),
        event_id(before, call, "m", 1, 0),
        event_id(before, call, "m", 0, 1),
    ]
    assert len(set(ids)) == len(ids)


def test_calls_keep_their_target_and_bounds() -> None:
    call = SkillCall("pick_place", "cup", (0.1, 0.2, 0.3, 0.4), "table")
    assert Call.of(call).call() == call
    with pytest.raises(ValueError, match=r"distance = 9 m is outside \[0, 0\.4\]"):
        Call(skill="push", object="cup", parameters=(0.0, 9.0)).call()


def test_a_mismatch_says_what_happened() -> None:
    lost = Mismatch(relation="inside", subject="pill", other="cup", expected=0.9, observed=0.1)
    assert str(lost) == "inside(pill, cup) did not hold (expected 0.90, observed 0.10)"
    kept = lost.model_copy(update={"expected": 0.1, "observed": 0.9})
    assert "held all the same" in str(kept)
    with pytest.raises(ValidationError, match=r"observed"):
        Mismatch(relation="inside", subject="pill", other="cup", expected=0.9, observed=1.1)


@pytest.mark.parametrize(
    "change",
    [{"schema_version": 2}, {"schema_version": None}, {"extra": 1}, {"step": "two"}, {"stamps": [0.0]}, {"call": {}}],
)
def test_headers_of_another_form_are_refused(make_event: Make, change: dict[str, object]) -> None:
    content = {**json.loads(make_event(0).header.model_dump_json()), **change}
    with pytest.raises(ValidationError, match=next(iter(change))):
        Header.model_validate_json(json.dumps(content))


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_no_header_text_does_more_than_raise_value_error(content: bytes | str) -> None:
    with pytest.raises(ValueError):
        Header.model_validate_json(content)


@settings(max_examples=200)
@given(st.data())
def test_damaged_header_text_is_read_or_refused(make_event: Make, data: st.DataObject) -> None:
    content = bytearray(make_event(0).header.model_dump_json().encode())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    try:
        Header.model_validate_json(bytes(content))
    except ValueError:
        return


def refused(make_event: Make, content: bytes) -> None:
    header = make_event(0).header
    with pytest.raises(ValueError, match=rf"failure {header.id}: its data are damaged"):
        from_bytes(header, content)


@settings(max_examples=100)
@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY\x01\x00", b"\x80\x04"]))
def test_no_bytes_do_more_than_raise_value_error(make_event: Make, content: bytes, beginning: bytes) -> None:
    refused(make_event, beginning + content)


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_a_truncated_blob_is_refused(make_event: Make, cut: int) -> None:
    whole = make_event(0).to_bytes()
    refused(make_event, whole[: cut % len(whole)])


@settings(max_examples=300)
@given(st.data())
def test_a_blob_with_wrong_bytes_is_read_or_refused(make_event: Make, data: st.DataObject) -> None:
    content = bytearray(make_event(0).to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        from_bytes(make_event(0).header, bytes(content))
    except ValueError as error:
        assert "damaged" in str(error)


def saved(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("points_before", np.zeros((2, 4, 3), np.float32)),
        ("points_after", np.array(["a", "b"])),
        ("visibility_before", np.zeros(5)),
        ("binary_expected", np.zeros((3, 3, 8))),
        ("binary_observed", np.array("x")),
        ("unary_before", np.array([None, 1], object)),
    ],
)
def test_arrays_that_do_not_fit_the_header_are_refused(make_event: Make, key: str, value: np.ndarray) -> None:
    arrays = {**make_event(0).arrays(), key: value}
    refused(make_event, saved(**arrays))


def test_shares_that_earlier_versions_took_from_robots_are_read(make_event: Make) -> None:
    arrays = make_event(0).arrays()
    shares = np.linspace(-0.1, 1.0000002, len(arrays["visibility_before"])).astype(np.float32)
    shares[0] = np.nan
    again = from_bytes(make_event(0).header, saved(**{**arrays, "visibility_before": shares}))
    assert ((again.before.visibility >= 0) & (again.before.visibility <= 1)).all() and again.before.visibility[0] == 0


def test_missing_arrays_are_refused(make_event: Make) -> None:
    for key in make_event(0).arrays():
        refused(make_event, saved(**{name: value for name, value in make_event(0).arrays().items() if name != key}))


def test_a_single_array_is_no_event(make_event: Make) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    refused(make_event, buffer.getvalue())
