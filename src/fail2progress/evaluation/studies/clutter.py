"""Crowded scenes of procedural things, rendered and seen by three kinds of depth sensors: what is found, and how well.

Things and places are of the kinds that the learned segmenter is trained on, from other seeds.
The geometric one was not made on them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.provenance import provenance
from fail2progress.core.shares import per_cent
from fail2progress.evaluation.box_measures import BoxScore
from fail2progress.evaluation.clutter_relations import InsideScore
from fail2progress.evaluation.clutter_truth import Snapshot, snapshot
from fail2progress.evaluation.misses import FAULTS, OF_NO_THING, REFUSED, Faults, of_no_thing, why_missed
from fail2progress.evaluation.segment_measures import Measures, mean, measure
from fail2progress.evaluation.studies.identities import NOTHING
from fail2progress.evaluation.studies.labelled_perception import numbered
from fail2progress.learning.segmentation.quality import own_overlaps
from fail2progress.perception.relations.geometric import detect
from fail2progress.perception.segmentation.base import PerceptionError, Segmenter

Progress = Callable[[str], None]
VISIBLE = 150
"""Pixels with a reading of a thing that counts."""
FOUND = 0.5


def study(segmenter: Segmenter, scenes: int, seed: int, say: Progress) -> tuple[dict[str, object], Faults]:
    """The report: shares found (IoU at least 0.5 of pixels with readings), mean IoU, published measures, false segments; and what
    was missed or false."""
    measures: dict[str, list[Measures]] = defaultdict(list)
    overlaps: dict[str, list[float]] = defaultdict(list)
    refused = said = 0
    inside, boxes, faults = InsideScore(), BoxScore(), Faults()
    for number in range(scenes):
        shot = snapshot(seed, number)
        try:
            perceived = segmenter.segment(shot.frame)
            found = numbered(perceived)
        except PerceptionError:
            refused += 1
            perceived, found = NOTHING, np.zeros(shot.things.shape, np.int64)
        said += int(found.max())
        own = _own(found, shot)
        _note(faults, number, shot, found, own, perceived is NOTHING)
        inside.add(shot, perceived, detect(perceived), own)
        boxes.add(shot, perceived)
        for thing, iou in own.items():
            way = shot.ways[thing - 1]
            for key in ("all", f"place: {shot.place}", f"sensor: {shot.sensor}", f"put: {way}"):
                overlaps[key].append(iou)
        if (shot.things > 0).any():
            for key in ("all", f"place: {shot.place}", f"sensor: {shot.sensor}"):
                measures[key].append(measure(found, shot.things))
        say(f"scene {number + 1} of {scenes}")
    rows = {key: _row(np.array(ious), measures.get(key)) for key, ious in sorted(overlaps.items())}
    things = max(len(overlaps["all"]), 1)
    report: dict[str, object] = {
        "segmenter": segmenter.name,
        "scenes": scenes,
        "seed": seed,
        "frames_refused": refused,
        "segments_per_thing": said / things,
        "false_segments_per_scene": faults.number(OF_NO_THING) / max(scenes, 1),
        "inside": inside.counts.as_json(),
        "boxes": boxes.as_json(),
        "faults": faults.as_json(),
        "rows": rows,
        "provenance": provenance(scenes=scenes, seed=seed, segmenter=segmenter.name),
    }
    return report, faults


def page(report: Mapping[str, Any]) -> str:
    """The report as a table."""
    name, scenes, seed = report["segmenter"], report["scenes"], report["seed"]
    per_thing, false = report["segments_per_thing"], report["false_segments_per_scene"]
    lines = [
        f"# Crowded scenes, segmenter `{name}`",
        "",
        f"`fail2progress reproduce clutter --segmenter {name} --trials {scenes} --seed {seed}`",
        "",
        f"{scenes} scenes, {report['frames_refused']} refused; {per_thing:.2f} segments for each thing, "
        f"{false:.2f} segments a scene that are of no thing.",
        "",
        "| | things | found | mean IoU | Overlap F | Boundary F | F > 0.75 |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, row in report["rows"].items():
        own = [f"{row[part]:.1f}" if part in row else "" for part in ("overlap_F", "boundary_F", "segmented_75")]
        lines.append(
            f"| {key} | {row['things']} | {per_cent(row['found'], digits=1)} % | {row['mean_iou']:.3f} | {' | '.join(own)} |"
        )
    parts = (_about_faults(report), [_about_inside(report["inside"])], _about_boxes(report["boxes"]))
    return "\n".join([*lines, *(line for part in parts for line in ("", *part))]) + "\n"


def _about_faults(report: Mapping[str, Any]) -> list[str]:
    """What is missed, and what is of no thing, by kind."""
    rows = [
        f"| {kind} | {sum(own.values())} | {', '.join(f'{how} {count}' for how, count in own.items())} |"
        for kind, own in ((kind, report["faults"].get(kind, {})) for kind in FAULTS)
        if own
    ]
    if not rows:
        return ["Nothing is missed, and nothing false."]
    return ["| fault | times | how things were put, or where |", "|---|---|---|", *rows]


def _about_inside(inside: Mapping[str, Any]) -> str:
    """What is said to lie in what, in a sentence."""
    share = {key: None if value is None else f"{per_cent(value, digits=1)} %" for key, value in inside.items()}

    def told(key: str, words: str, nothing: str) -> str:
        return nothing if share[key] is None else words.format(share[key])

    return "; ".join(
        (
            told("precision", f"`inside` was said {inside['said']} times, right {{}}", "`inside` was never said"),
            told("recall", f"of {inside['pairs_in_view']} pairs in view {{}} were said", "no pair was in view"),
            told("recall_of_found", f"of {inside['pairs_found']} with both found {{}}", "of none both were found"),
            told("hollow_precision", "things said to be hollow are so in {}", "no thing found was said to be hollow"),
            told("hollow_recall", "of hollow things found {} were said to be.", "no hollow thing was found."),
        )
    )


def _about_boxes(boxes: Mapping[str, Any]) -> list[str]:
    """How boxes around all of a thing fit, and how honest their deviations are."""
    if not boxes["things"]:
        return ["No thing was found, and so no box around one was judged."]
    rows = [
        f"| {kind} | {row['sides']} | {per_cent(row['within_1'])} % | {per_cent(row['within_2'])} % |"
        for kind, row in (("all", {**boxes, "sides": 6 * boxes["things"]}), *boxes["by_side"].items())
        if row["sides"]
    ]
    return [
        f"Boxes around all of {boxes['things']} things found: mean IoU with the true box {boxes['iou']:.3f}, of boxes around "
        f"what is seen {boxes['iou_visible']:.3f}.",
        "",
        "| side, by what was seen of it | sides | within 1 stated deviation | within 2 |",
        "|---|---|---|---|",
        *rows,
    ]


def _row(ious: NDArray[np.float64], measures: list[Measures] | None) -> dict[str, object]:
    return {
        "things": len(ious),
        "found": float((ious >= FOUND).mean()),
        "mean_iou": float(ious.mean()),
        **(mean(measures).as_json() if measures else {}),
    }


def _own(found: NDArray[np.int64], shot: Snapshot) -> dict[int, float]:
    """IoU of every visible thing with its own segment in the best assignment, over pixels with readings."""
    known = shot.frame.depth > 0
    return own_overlaps(found[known], shot.things[known], first=1, fewest=VISIBLE)


def _note(faults: Faults, scene: int, shot: Snapshot, found: NDArray[np.int64], own: dict[int, float], refused: bool) -> None:
    """Take down what is missed in a scene, of whose things each has an IoU of its own, and what is of no thing."""
    known, colour = shot.frame.depth > 0, shot.frame.colour
    for thing, iou in own.items():
        if iou < FOUND:
            mask = shot.things == thing
            kind = REFUSED if refused else why_missed(found[known], mask[known])
            faults.add(kind, scene, shot.ways[thing - 1], colour, found, mask)
    for number in of_no_thing(found, shot.things):
        faults.add(OF_NO_THING, scene, shot.place, colour, found, found == number)
