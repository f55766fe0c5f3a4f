"""Each number of a segmenter is moved by a fifth, and what changes is told."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fail2progress.evaluation.rows import RowsError
from fail2progress.evaluation.studies import thresholds
from fail2progress.learning.segmentation.meshes import box
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.fused.segmenter import FusedSegmenter
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.perception.segmentation.registry import LABEL_IMAGE, segmenter
from support.tabletop_frames import frame_of


def test_every_number_of_every_rule_is_moved_both_ways() -> None:
    found = list(thresholds.variants(GeometricSegmenter()))
    names = {variant.name for variant in found}
    assert {"merge.alike", "cut.crease", "stand.pixels", "outsider.colour[1]"} <= names and len(found) == 2 * len(names)
    for variant in found:
        assert abs(variant.moved - variant.value) / max(abs(variant.value), 1e-9) > 0.1 or variant.value == 0, variant.name
        group, field, *_ = variant.name.split("[")[0].split(".")
        changed = getattr(getattr(variant.segmenter, f"{group}_rules"), field)
        assert changed != getattr(getattr(GeometricSegmenter(), f"{group}_rules"), field)


def test_rules_within_rules_are_moved_as_well() -> None:
    start = FusedSegmenter()
    every = list(thresholds.variants(start))
    found = {variant.name: variant for variant in every if variant.moved > variant.value}
    assert {"merge.alike", "vote.seed", "join.distance", "fuse.own", "fuse.free.ring[1]", "fuse.seams.on.overlap"} <= found.keys()
    assert len(every) == 2 * len({variant.name for variant in every})
    moved = found["fuse.free.ring[1]"].segmenter
    assert isinstance(moved, FusedSegmenter) and moved.model is start.model
    assert moved.fuse_rules == replace(start.fuse_rules, free=replace(start.fuse_rules.free, ring=(2, 8)))


def test_a_study_goes_on_and_tells_what_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = frame_of(
        [(box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105)), (box(0.1, 0.07, 0.12), (180, 50, 45))],
        (0.0, -0.8, 0.6),
        (0.0, 0.0, 0.03),
    )
    Image.fromarray(frame.colour).save(tmp_path / "a-color.png")
    Image.fromarray(np.round(frame.depth * 1000).astype(np.uint16)).save(tmp_path / "a-depth.png")
    k = frame.intrinsics
    (only,) = GeometricSegmenter().segment(frame).segments
    truth = {"objects": [{"name": "box", "box_xyxy_px": only.box_px(k.width)}], "inside": [], "on": []}
    camera = {"width": k.width, "height": k.height, "fx": k.fx, "fy": k.fy, "cx": k.cx, "cy": k.cy, "depth_unit_m": 0.001}
    (tmp_path / "a.json").write_text(json.dumps({**camera, **truth}))
    frames = thresholds.Frames.read(tmp_path)
    few = list(thresholds.variants(GeometricSegmenter()))[:3]
    monkeypatch.setattr(thresholds, "variants", lambda start: iter(few))
    out = tmp_path / "out"
    out.mkdir()
    first = thresholds.study(GeometricSegmenter(), frames, out, lambda line: None)
    assert first["base"] == {"found": 1, "segments": 1, "relations_found": 0, "false_relations": 0} and first["variants"] == 3
    rows = (out / "rows.jsonl").read_text()
    again = thresholds.study(GeometricSegmenter(), frames, out, lambda line: None)
    assert again["rows"] == first["rows"] and (out / "rows.jsonl").read_text() == rows
    (out / "rows.jsonl").write_text(rows[:-20])  # ended while it wrote the last one
    assert thresholds.study(GeometricSegmenter(), frames, out, lambda line: None)["rows"] == first["rows"]
    other = thresholds.Frames((*frames.frames, *frames.frames))
    with pytest.raises(RowsError, match="another run"):
        thresholds.study(GeometricSegmenter(), other, out, lambda line: None)
    monkeypatch.setattr(thresholds, "variants", lambda start: iter([replace(one, segmenter=start) for one in few]))
    with pytest.raises(RowsError, match="another run"):
        thresholds.study(FusedSegmenter(), frames, out, lambda line: None)
    assert "one at a time" in thresholds.page(first)


def test_a_segmenter_without_thresholds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PerceptionError, match="'label-image' has no thresholds to move"):
        thresholds.study(segmenter(LABEL_IMAGE), thresholds.Frames(()), tmp_path, lambda line: None)
