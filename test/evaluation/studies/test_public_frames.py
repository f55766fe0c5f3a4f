"""What is counted of public frames, on simulated ones whose segments are known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.descriptions import COLOURS
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.evaluation.public_frames import read_list
from fail2progress.evaluation.studies.perception import snapshot
from fail2progress.evaluation.studies.public_frames import Study, _interval, page, scored
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segmenter
from fail2progress.perception.segmentation.label_image import LabelledSegmenter
from fail2progress.reporting.frames_picture import sheet
from support.published_frames import kept, published


class _True(Segmenter):
    """Segments that are true, of the table of seed 4."""

    name = "true"

    def segment(self, frame: RgbdFrame) -> Perceived:
        return LabelledSegmenter().segment(replace(snapshot(4)[1], colour=frame.colour))


class _Refuses(Segmenter):
    name = "refuses"

    def segment(self, frame: RgbdFrame) -> Perceived:
        raise PerceptionError("no table found")


def test_true_segments_are_all_found_and_none_is_false(tmp_path: Path) -> None:
    listed = read_list(kept(published(tmp_path / "source"), tmp_path))
    study = Study(listed, tmp_path / "files", str(tmp_path / "source"))
    report = study.run(_True(), "some", lambda text: None)
    assert report["found"] == report["things"] == len(listed.frames[0].things) > 3
    assert report["false_segments"] == report["frames_refused"] == 0 and report["found_share_95"] is None
    assert json.loads(json.dumps(report))["by_support"]["table"]["found"] == report["found"]
    text = page(report, listed.about)
    assert "(100 %, no interval: 1 repository, at least 4 are needed)" in text and listed.about in text
    earlier = page(report | {"found_share_95": [0.7, 0.7]}, "")
    wordless = {
        name: value for name, value in report.items() if name not in ("coloured", "colours_right", "shaped", "shapes_right")
    }
    assert "round or square" in text and "round or square" not in page(wordless, "")
    assert "no interval" in earlier and "70" not in earlier
    assert sheet(study.shown).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("sources", "told"), [(3, "no interval: 3 repositories"), (4, "rough: there are only 4)"), (10, " %), box")]
)
def test_an_interval_is_told_of_as_many_repositories_as_can_spread(sources: int, told: str, tmp_path: Path) -> None:
    listed = read_list(kept(published(tmp_path / "source"), tmp_path))
    report = Study(listed, tmp_path / "files", str(tmp_path / "source")).run(_True(), "some", lambda text: None)
    rows = [{"repository": f"owner/{i}", "found": 2 + i % 3, "things": 5} for i in range(sources)]
    interval = _interval(rows)
    assert (interval is None) == (sources < 4) and (interval is None or interval[0] < interval[1])
    assert told in page(report | {"repositories": sources, "found_share_95": interval}, "")


def test_a_refused_frame_finds_nothing_and_says_why(tmp_path: Path) -> None:
    listed = read_list(kept(published(tmp_path / "source"), tmp_path))
    report = Study(listed, tmp_path / "files", str(tmp_path / "source")).run(_Refuses(), "some", lambda text: None)
    assert report["found"] == 0 and report["frames_refused"] == 1 and report["things"] == len(listed.frames[0].things)
    assert "no table found" in page(report, "")


def test_frames_that_cannot_be_had_are_left_out_and_named(tmp_path: Path) -> None:
    content = published(tmp_path / "source")
    content["frames"].append(content["frames"][0] | {"name": "gone", "repository": "owner/gone"})
    listed = read_list(kept(content, tmp_path))
    report = Study(listed, tmp_path / "files", str(tmp_path / "source")).run(_True(), "some", lambda text: None)
    missing = report["frames_missing"]
    assert report["frames"] == 1 and isinstance(missing, dict) and "gone" in missing["gone"]
    with pytest.raises(PerceptionError):
        Study(listed, tmp_path / "empty", str(tmp_path / "nowhere")).run(_True(), "some", lambda text: None)


def test_a_segment_on_no_thing_is_false_and_what_is_said_of_found_things_alone_counts(tmp_path: Path) -> None:
    item = read_list(kept(published(tmp_path / "source"), tmp_path)).frames[0]
    perceived = _True().segment(snapshot(4)[1])
    first, size = item.things[0], (perceived.width, perceived.height)
    row, boxes, numbers = scored(item.model_copy(update={"things": item.things[1:]}), perceived, size)
    assert row["found"] == len(item.things) - 1 and first.name not in str(row["missed"])
    assert int(str(row["false_segments"])) <= 1 and all(found for _, found in boxes)
    assert int(numbers.max()) == len(perceived.segments)
    nothing, _, _ = scored(item.model_copy(update={"things": ()}), perceived, size)
    assert nothing["false_segments"] == nothing["segments"] == len(perceived.segments)
    named = {thing.name for thing in item.things}
    pair = (sorted(named)[0], sorted(named)[1])
    related, _, _ = scored(item.model_copy(update={"on": (pair,)}), perceived, size)
    assert related["on_true"] == 1 and int(str(related["on_found"])) <= 1


def test_colours_that_names_have_are_compared_with_the_words_that_are_said(tmp_path: Path) -> None:
    item = read_list(kept(published(tmp_path / "source"), tmp_path)).frames[0]
    perceived = _True().segment(snapshot(4)[1])
    size = (perceived.width, perceived.height)
    first, others = item.things[0], item.things[1:]
    found, _, _ = scored(item.model_copy(update={"things": (first,)}), perceived, size)
    assert found["coloured"] == found["colours_right"] == 0
    said = sum(
        int(str(scored(item.model_copy(update={"things": (named, *others)}), perceived, size)[0]["colours_right"]))
        for named in (first.model_copy(update={"name": f"a {colour} thing"}) for colour in COLOURS)
    )
    assert said == 1


def test_names_that_tell_round_or_square_are_compared_with_the_shapes_that_are_said(tmp_path: Path) -> None:
    item = read_list(kept(published(tmp_path / "source"), tmp_path)).frames[0]
    perceived = _True().segment(snapshot(4)[1])
    size = (perceived.width, perceived.height)
    first, others = item.things[0], item.things[1:]
    counts = {}
    for name in ("the block", "orange block on a box", "apple", "red apple", "orange bottle", "apple tree"):
        things = (first.model_copy(update={"name": name}), *others)
        row, _, _ = scored(item.model_copy(update={"things": things}), perceived, size)
        counts[name] = (row["shaped"], row["shapes_right"])
    without, _, _ = scored(
        item.model_copy(update={"things": (first.model_copy(update={"name": "it"}), *others)}), perceived, size
    )
    none, right = int(str(without["shaped"])), int(str(without["shapes_right"]))
    assert counts["orange bottle"] == counts["apple tree"] == (none, right)
    square, round_one = counts["the block"], counts["apple"]
    assert square[0] == round_one[0] == none + 1
    assert int(str(square[1])) + int(str(round_one[1])) == 2 * right + 1  # it is one of the two
    assert counts["orange block on a box"] == square and counts["red apple"] == round_one


def test_boxes_of_images_that_were_made_smaller_are_made_smaller(tmp_path: Path) -> None:
    item = read_list(kept(published(tmp_path / "source"), tmp_path)).frames[0]
    perceived = _True().segment(snapshot(4)[1])
    larger = item.camera.model_copy(update={"width": 2 * item.camera.width, "height": 2 * item.camera.height})
    things = tuple(one.model_copy(update={"box": tuple(2 * np.array(one.box))}) for one in item.things)
    row, _, _ = scored(
        item.model_copy(update={"camera": larger, "things": things}), perceived, (perceived.width, perceived.height)
    )
    assert row["found"] == len(item.things)


def test_a_host_that_does_not_answer_is_asked_once(tmp_path: Path) -> None:
    content = published(tmp_path / "source")
    content["frames"] += [content["frames"][0] | {"name": f"again_{i}"} for i in range(3)]
    listed, told = read_list(kept(content, tmp_path)), list[str]()
    with pytest.raises(PerceptionError, match="refused"):
        Study(listed, tmp_path / "files", "http://127.0.0.1:9/{path}").run(_True(), "some", told.append)
    assert told == []
