"""What the figures of an acceptance test are called, and what each one says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any


@dataclass(frozen=True)
class Measure:
    """A figure's name, and in a sentence what it is."""

    name: str
    says: str = ""


@dataclass(frozen=True)
class Measured:
    """A figure of the model before and after its lesson, as text."""

    measure: Measure
    before: str
    after: str


FIRST = {
    "broken": Measure(
        "broken relations right",
        "Of the relations that broke in the failure, the share that is now predicted as it was observed.",
    ),
    "failure_f1": Measure(
        "relations, F1 on executions like the failure",
        "Of all relations of what moves, after the skill, in generated executions that were held back; chance is left out.",
    ),
    "held_out_prediction": Measure(
        "relations, F1 on what worked before",
        "Of all relations after the skill, in executions of the kinds that the model knew already.",
    ),
}
"""The figures that say whether a failure is mended, and whether what worked still does."""
OTHERS = {
    "shifted": Measure(
        "broken relations right, shifted starts",
        "The same share in simulated repetitions of the failure whose starts are some millimetres elsewhere.",
    ),
    "asked": Measure(
        "broken relations that are no chance",
        "The share of the failure's broken relations that does not hang on millimetres; the others are not asked for.",
    ),
    "motion": Measure(
        "error of motion in the failure, m",
        "Between where what moved was predicted to end and where it did, in the failure and its repetitions: the mean.",
    ),
    "observed": Measure(
        "greatest error of motion in the failure, m",
        "Of what was seen to move, in the failure alone.",
    ),
    "luck": Measure(
        "room for bouncing, m",
        "As far aside as what moved may end for bouncing, which no camera foresees: such errors do not count.",
    ),
    "worst": Measure(
        "lowest F1 of one kind of relation",
        "On executions like the failure, of the kinds of relation that hold often there.",
    ),
    "grain": Measure(
        "one relation's part of the F1",
        "By so much the F1 on executions like the failure changes with a single relation.",
    ),
    "failure_error": Measure(
        "error of motion, executions like the failure, m",
        "Between where what moved was predicted to end and where it did: the median, as far as it is no chance.",
    ),
    "far": Measure(
        "error of nine in ten that moved, m",
        "In executions like the failure, nine of ten things that moved are predicted no farther off.",
    ),
    "beyond": Measure(
        "error of nine in ten that moved, without chance, m",
        "The same, where of each error only what is more than chance counts.",
    ),
    "still": Measure(
        "error of nine in ten that stayed, m",
        "In executions like the failure, nine of ten things that stayed in place are predicted no farther off.",
    ),
    "calm": Measure(
        "executions like the failure that are no chance",
        "The share of them in which it does not hang on millimetres where things end.",
    ),
    "held_out_detection": Measure(
        "relations seen, F1 on what worked before",
        "Of the relations that are read from the clouds before the skill, with nothing predicted.",
    ),
}
"""All others, those of the failure itself before those of its kind."""
MEASURES = {**FIRST, **OTHERS}


def measures(before: Any, after: Any) -> Iterator[Measured]:
    """Every number that both have, the first ones first; dataclasses or mappings. One that has no name here goes by its own."""
    old, new = (asdict(side) if is_dataclass(side) and not isinstance(side, type) else side for side in (before, after))
    assert isinstance(old, Mapping) and isinstance(new, Mapping)
    for key in (*(key for key in MEASURES if key in old), *(key for key in old if key not in MEASURES)):
        if key in new and all(isinstance(side[key], int | float) for side in (old, new)):
            measure = MEASURES.get(key) or Measure(key.replace("_", " "))
            yield Measured(measure, f"{old[key]:.3f}", f"{new[key]:.3f}")


def split(before: Any, after: Any) -> tuple[list[Measured], list[Measured]]:
    """See `measures`: the first ones, and all others."""
    found = list(measures(before, after))
    first = [one for one in found if one.measure in FIRST.values()]
    return first, [one for one in found if one not in first]
