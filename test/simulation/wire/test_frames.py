import ast
import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fail2progress.simulation.wire import frames, serving
from fail2progress.simulation.wire.frames import DTYPES, MAGIC, PREFIX, VERSION, Frame, ProtocolError, encode, read_frame

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
HEADERS = st.dictionaries(st.text().filter(lambda key: key not in ("kind", "arrays")), JSON, max_size=4)
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, min_side=0)))
FRAMES = st.builds(Frame, st.text(), HEADERS, st.dictionaries(st.text(), ARRAYS, max_size=4))


def read(data: bytes) -> Frame | None:
    return read_frame(io.BytesIO(data))


def sample() -> bytes:
    return encode(Frame("execute", {"jobs": [{"seed": 1}]}, {"0/poses": np.zeros((3, 7)), "0/contact": np.eye(2, dtype=bool)}))


@given(FRAMES)
def test_what_is_written_is_read(frame: Frame) -> None:
    stream = io.BytesIO(encode(frame) * 2)
    for _ in range(2):
        again = read_frame(stream)
        assert again is not None and (again.kind, again.header) == (frame.kind, frame.header)
        assert list(again.arrays) == list(frame.arrays)
        for name, array in frame.arrays.items():
            np.testing.assert_array_equal(again.arrays[name], array)
            assert again.arrays[name].dtype == array.dtype
    assert read_frame(stream) is None


@settings(max_examples=300)
@given(st.binary(max_size=300))
@example(b"")
@example(b"Importing module 'gym_38'\n" * 4)
@example(PREFIX.pack(MAGIC, VERSION, 0, 2, 0) + b"{}")
@example(PREFIX.pack(MAGIC, VERSION, 0, 40000, 0) + b"[" * 40000)
def test_any_bytes_are_a_frame_or_a_protocol_error(data: bytes) -> None:
    for beginning in (b"", PREFIX.pack(MAGIC, VERSION, 0, len(data), 0)):
        try:
            frame = read(beginning + data)
        except ProtocolError:
            continue
        assert frame is None or isinstance(frame, Frame)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_frame_is_a_frame_or_a_protocol_error(data: st.DataObject) -> None:
    damaged = bytearray(sample())
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    for piece in (bytes(damaged), bytes(damaged[:cut])):
        try:
            frame = read(piece)
        except ProtocolError:
            continue
        assert frame is None or isinstance(frame, Frame)


@pytest.mark.parametrize("size", range(1, 200, 7))
def test_a_frame_cut_short_is_refused(size: int) -> None:
    with pytest.raises(ProtocolError, match="ends within a frame"):
        read(sample()[:size])


def test_a_stated_size_takes_no_memory() -> None:
    tracemalloc.start()
    with pytest.raises(ProtocolError, match="over the limits"):
        read(PREFIX.pack(MAGIC, VERSION, 0, 2**31, 2**60))
    with pytest.raises(ProtocolError, match="ends within"):
        read(PREFIX.pack(MAGIC, VERSION, 0, 2, frames.MAX_ARRAYS_BYTES) + b"{}")
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"Hello, I am no worker\n", r"not the worker protocol.*Hello, I am no"),
        (PREFIX.pack(MAGIC, 7, 0, 2, 0) + b"{}", r"speaks version 7 of the worker protocol, this side version 1"),
        (PREFIX.pack(MAGIC, VERSION, 0, 3, 0) + b"[1]", r"no JSON object"),
        (PREFIX.pack(MAGIC, VERSION, 0, 30, 0) + b'{"kind":"a","arrays":[],"x":NaN}'[:30], r"no JSON"),
        (encode(Frame("a", {}, {})).replace(b'"arrays":[]', b'"arrays":{}'), r"list of arrays"),
        (sample().replace(b"(3, 7)", b"(9, 9)"), r"'0/poses' .*does not fit its"),
        (sample().replace(b"'<f8'", b"'|O8'"), r"'0/poses' of type object.* does not fit"),
        (sample().replace(b"\x93NUMPY\x01", b"\x93NUMPY\x09", 1), r"'0/poses' is not in the .npy format"),
        (sample().replace(b"'fortran_order': False", b"'fortran_order': True ", 1), r"not in C order"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        read(data)


def test_only_numbers_are_sent() -> None:
    with pytest.raises(ProtocolError, match=r"arrays of object are not part"):
        encode(Frame("a", {}, {"x": np.array([None])}))


@pytest.mark.parametrize("module", [frames, serving])
def test_the_worker_s_side_is_python_3_8_with_numpy_alone(module: object) -> None:
    source = Path(str(module.__file__)).read_text()  # type: ignore[attr-defined]
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    imported |= {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    allowed = {"__future__", "io", "json", "os", "struct", "sys", "typing", "collections.abc", "numpy"}
    assert imported <= allowed | {"fail2progress.simulation.wire.frames"}
