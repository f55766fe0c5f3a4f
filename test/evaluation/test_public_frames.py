"""Lists of public frames: read strictly, their files had from a folder or a URL and held to their digests."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.evaluation.public_frames import FrameList, fetched, lists, read_list
from fail2progress.evaluation.studies.perception import snapshot
from fail2progress.perception.segmentation.base import PerceptionError
from support.published_frames import kept, published


def test_files_come_from_a_folder_or_a_url_and_stay(tmp_path: Path) -> None:
    content = published(tmp_path / "source")
    item = read_list(kept(content, tmp_path)).frames[0]
    frame = fetched(item, tmp_path / "files", str(tmp_path / "source"))
    template = (tmp_path / "source").as_uri() + "/{repository}/{path}"
    again = fetched(item, tmp_path / "others", template)
    offline = fetched(item, tmp_path / "files", str(tmp_path / "nowhere"))
    true = snapshot(4)[1]
    for one in (frame, again, offline):
        assert np.array_equal(one.colour, true.colour) and np.abs(one.depth - true.depth).max() < 0.0006


def test_a_file_of_another_content_is_refused_and_one_damaged_later_had_again(tmp_path: Path) -> None:
    content = published(tmp_path / "source")
    item = read_list(kept(content, tmp_path)).frames[0]
    fetched(item, tmp_path / "files", str(tmp_path / "source"))
    (tmp_path / "files" / "one" / "depth.png").write_bytes(b"half")
    fetched(item, tmp_path / "files", str(tmp_path / "source"))
    other = item.model_copy(update={"depth": item.depth.model_copy(update={"sha256": "1" * 64})})
    with pytest.raises(PerceptionError, match="SHA-256"):
        fetched(other, tmp_path / "new", str(tmp_path / "source"))
    assert not list((tmp_path / "new").rglob("depth*"))


@pytest.mark.parametrize(
    "source",
    ["{nothing}", "file:///nowhere/{path}", "what is that {path}", "http://127.0.0.1:9/{path}", "http://a host/{path}"],
)
def test_what_cannot_be_had_is_named(source: str, tmp_path: Path) -> None:
    item = read_list(kept(published(tmp_path / "source"), tmp_path)).frames[0]
    with pytest.raises(PerceptionError, match=r"colour\.png"):
        fetched(item, tmp_path / "files", source)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"commit": "main"}, "commit"),
        ({"support": "lawn"}, "support"),
        ({"more": 1}, "more"),
        ({"things": [{"name": "a", "box": [5, 5, 5, 9]}]}, "left, top, right, bottom"),
        ({"things": [{"name": "a", "box": [0, 0, 5, 9]}] * 2}, "one name"),
        ({"inside": [["pea", "pod"]]}, "pea"),
        ({"name": "../up"}, "name"),
        ({"color": {"path": "/etc/passwd", "sha256": "0" * 64}}, "path"),
        ({"color": {"path": "a/../../b.png", "sha256": "0" * 64}}, "path"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    content = published(tmp_path / "source")
    content["frames"][0] |= change
    with pytest.raises(PerceptionError, match=said):
        read_list(kept(content, tmp_path))


def test_two_frames_of_one_name_are_refused(tmp_path: Path) -> None:
    content = published(tmp_path / "source")
    content["frames"] *= 2
    with pytest.raises(PerceptionError, match="two frames are called 'one'"):
        read_list(kept(content, tmp_path))


def test_a_list_that_is_not_there_is_named() -> None:
    with pytest.raises(PerceptionError, match="nosuch"):
        read_list("nosuch")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_list_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("lists") / "some.json"
    path.write_bytes(content)
    with pytest.raises(PerceptionError):
        read_list(str(path))


@pytest.mark.parametrize("name", lists())
def test_packaged_lists_are_whole(name: str) -> None:
    found: FrameList = read_list(name)
    names = [frame.name for frame in found.frames]
    assert len(set(names)) == len(names)
    for frame in found.frames:
        for thing in frame.things:
            left, top, right, bottom = thing.box
            assert left >= 0 and top >= 0 and right <= frame.camera.width and bottom <= frame.camera.height, frame.name
