from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.files import whole_file, write_whole


@given(first=st.binary(), second=st.text())
def test_the_last_content_is_there_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, first: bytes, second: str) -> None:
    path = tmp_path_factory.mktemp("files") / "new" / "a.json"
    write_whole(path, first)
    assert path.read_bytes() == first
    write_whole(path, second)
    assert path.read_bytes() == second.encode()
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_finished_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, "old")
    with pytest.raises(OSError, match="No space"), whole_file(path) as unfinished:
        unfinished.write_text("ne")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a") as unfinished:
        unfinished.write_text("ne")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
