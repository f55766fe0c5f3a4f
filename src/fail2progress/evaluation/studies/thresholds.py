"""How what is found in real frames moves when one number of the geometric segmenter's rules moves by a fifth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from fail2progress.core.provenance import provenance
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.evaluation.studies.perception import compare
from fail2progress.perception.files import read_frame
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter

SHARE = 0.2
"""By which each number is made smaller and larger."""
_SCORES = ("found", "segments", "relations_found", "false_relations")
Progress = Callable[[str], None]
Scores = dict[str, int]


@dataclass(frozen=True)
class Variant:
    """One number moved: its name as `group.field`, what it is, what it becomes, and the segmenter with it."""

    name: str
    value: float
    moved: float
    segmenter: GeometricSegmenter


@dataclass(frozen=True)
class Frames:
    """Frames with boxes drawn by hand, as `reproduce perception --frames` reads them."""

    frames: tuple[tuple[RgbdFrame, Mapping[str, Any]], ...]

    @staticmethod
    def read(folder: Path) -> Frames:
        """All of a folder; PerceptionError where there is none."""
        paths = sorted(folder.glob("*.json"))
        if not paths:
            raise PerceptionError(f"{folder}: no frame NAME.json with boxes there")
        files = [(path.with_name(f"{path.stem}-color.png"), path.with_name(f"{path.stem}-depth.png"), path) for path in paths]
        return Frames(tuple((read_frame(*three), json.loads(three[2].read_bytes())) for three in files))

    def scores(self, segmenter: GeometricSegmenter) -> Scores:
        """Objects found, segments, relations found, and false ones over all frames; a refused frame has none of them."""
        total = dict.fromkeys(_SCORES, 0)
        for frame, truth in self.frames:
            try:
                row = compare(segmenter.segment(frame), truth)
            except PerceptionError:
                continue
            for key in _SCORES:
                total[key] += int(str(row[key]))
        return total


def variants(start: GeometricSegmenter) -> Iterator[Variant]:
    """Every number of every rule, smaller and larger by SHARE; whole numbers by one at least, parts of tuples one by one."""
    for group in fields(start):
        rules = getattr(start, group.name)
        if not is_dataclass(rules) or isinstance(rules, type):
            continue
        for part in fields(rules):
            value = getattr(rules, part.name)
            places = range(len(value)) if isinstance(value, tuple) else [None]
            for place in places:
                number = value if place is None else value[place]
                if isinstance(number, bool) or not isinstance(number, int | float):
                    continue
                name = f"{group.name.removesuffix('_rules')}.{part.name}" + ("" if place is None else f"[{place}]")
                for moved in _moved(number):
                    changed = moved if place is None else (*value[:place], moved, *value[place + 1 :])
                    yield Variant(name, number, moved, _with(start, group.name, replace(rules, **{part.name: changed})))


def _with(start: GeometricSegmenter, group: str, rules: object) -> GeometricSegmenter:
    """The segmenter with one group of rules in place of its own."""
    parts: dict[str, Any] = {group: rules}
    return replace(start, **parts)


def _moved(number: float) -> tuple[float, float]:
    if isinstance(number, int):
        step = max(1, round(abs(number) * SHARE))
        return number - step, number + step
    return number * (1 - SHARE), number * (1 + SHARE)


def study(frames: Frames, out: Path, say: Progress) -> dict[str, object]:
    """The report. Rows are kept in `rows.jsonl` of a folder, so that an interrupted study goes on."""
    path = out / "rows.jsonl"
    done = {(row["name"], row["moved"]): row for row in map(json.loads, path.read_text().splitlines())} if path.is_file() else {}
    base = frames.scores(GeometricSegmenter())
    rows = []
    every = list(variants(GeometricSegmenter()))
    for number, variant in enumerate(every):
        row = done.get((variant.name, variant.moved))
        if row is None:
            row = {"name": variant.name, "value": variant.value, "moved": variant.moved, **frames.scores(variant.segmenter)}
            with path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        rows.append(row)
        say(f"{number + 1} of {len(every)}: {variant.name} {variant.value:.4g} -> {variant.moved:.4g}: {row['found']} found")
    return {
        "frames": len(frames.frames),
        "base": base,
        "variants": len(rows),
        "unchanged": sum(_same(row, base) for row in rows),
        "least_found": min(row["found"] for row in rows),
        "rows": rows,
        "provenance": provenance(frames=len(frames.frames), share=SHARE),
    }


def _same(row: Mapping[str, Any], base: Scores) -> bool:
    return all(row[key] == base[key] for key in _SCORES)


def page(report: Mapping[str, Any]) -> str:
    """The report as a table of the numbers that matter."""
    base = report["base"]
    lines = [
        "# Every threshold moved by a fifth",
        "",
        "`fail2progress reproduce thresholds --frames FOLDER`",
        "",
        "Each number of the geometric segmenter is made 20 % smaller and larger, one at a time.",
        "",
        f"Over {report['frames']} real frames the numbers as they are give {base['found']} found, {base['segments']} segments, "
        f"{base['relations_found']} relations found and {base['false_relations']} false. Of {report['variants']} changes "
        f"{report['unchanged']} change none of these; the worst finds {report['least_found']}. The others:",
        "",
        "| threshold | from | to | found | segments | relations found | false |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        if not _same(row, base):
            scores = " | ".join(str(row[key]) for key in _SCORES)
            lines.append(f"| {row['name']} | {row['value']:.4g} | {row['moved']:.4g} | {scores} |")
    return "\n".join(lines) + "\n"
