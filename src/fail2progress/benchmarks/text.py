"""The text benchmark of the document with stub predictors: a small regression of the apparatus, apart from the robot's items.

Items are questions about chains of comparisons, quantifiers with negation, and supposed worlds, along the same four axes: depth,
distractors, operators, counterfactuals. The stubs follow rules; nothing here says anything about language models.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fail2progress.benchmarks.bootstrap import Draws, two_level
from fail2progress.benchmarks.items import seeded
from fail2progress.benchmarks.metrics import corrected_separation, replicated, separation

TYPES = ("compositional", "logic_mix", "counterfactual")
_WORDS = ("taller", "heavier", "older", "faster")
_NAMES = "ABCDEFGHJK"
_FACT = re.compile(r"(\w) is (\w+) than (\w)\.")
_ASKED = re.compile(r"[Ii]s (\w) (\w+) than (\w)\?")
_QUANTIFIED = re.compile(r"(All|Some|No) (\w+) are (not )?(\w+)\.")


@dataclass(frozen=True)
class TextItem:
    """A question with its answer (1: yes) and design metadata."""

    id: str
    x: str
    y: int
    type: str
    depth: int
    distractor_count: int
    operator_count: int


Predictor = Callable[[TextItem], int]


def build_text(count: int, seed: int) -> list[TextItem]:
    """Items of the three types in turn; the same seed gives the same ids."""
    rng = seeded(seed, "text")
    makers = (_chain, _quantified, _supposed)
    return [makers[number % len(makers)](rng) for number in range(count)]


def _item(kind: str, text: str, answer: bool, depth: int, distractors: int, operators: int) -> TextItem:
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    return TextItem(name, text, int(answer), kind, depth, distractors, operators)


def _facts(rng: np.random.Generator) -> tuple[list[str], str, str, int, int]:
    """A chain of facts with distractors among them, its word, its names, its depth and the number of distractors."""
    depth, distractors = int(rng.integers(1, 6)), int(rng.integers(0, 4))
    word, other = rng.permutation(_WORDS)[:2]
    names = "".join(rng.permutation(list(_NAMES)))
    facts = [f"{names[i]} is {word} than {names[i + 1]}." for i in range(depth)]
    facts += [f"{names[-1 - i]} is {other} than {names[i]}." for i in range(distractors)]
    return facts, str(word), names[: depth + 1], depth, distractors


def _chain(rng: np.random.Generator) -> TextItem:
    facts, word, names, depth, distractors = _facts(rng)
    forward = bool(rng.random() < 0.5)
    first, last = (names[0], names[-1]) if forward else (names[-1], names[0])
    return _item(TYPES[0], " ".join([*facts, f"Is {first} {word} than {last}?"]), forward, depth, distractors, 1)


def _quantified(rng: np.random.Generator) -> TextItem:
    """All A are B; all B are (not) C. Are all A C?"""
    negated = bool(rng.random() < 0.5)
    a, b, c = rng.permutation(["cats", "birds", "robots", "stones", "rivers", "clocks"])[:3]
    text = f"All {a} are {b}. All {b} are {'not ' if negated else ''}{c}. Are all {a} {c}?"
    return _item(TYPES[1], text, not negated, 2, 0, 3 if negated else 2)


def _supposed(rng: np.random.Generator) -> TextItem:
    """The chain holds; suppose that its first fact is turned round. In that world, is the first one more than the second?"""
    facts, word, names, depth, distractors = _facts(rng)
    asked = bool(rng.random() < 0.5)
    first, second = (names[1], names[0]) if asked else (names[0], names[1])
    supposed = f"Suppose instead: {names[1]} is {word} than {names[0]}."
    question = f"In that world, is {first} {word} than {second}?"
    return _item(TYPES[2], " ".join([*facts, supposed, question]), asked, depth, distractors, 2)


def _derived(text: str) -> int | None:
    """What the facts of a text give by transitivity, all of them taken as true; None where no comparison is asked."""
    asked = _ASKED.search(text)
    if asked is None:
        return None
    first, word, last = asked.groups()
    above = {(a, c) for a, relation, c in _FACT.findall(text) if relation == word}
    known, fringe = {first}, {first}
    while fringe:
        fringe = {c for a, c in above if a in fringe} - known
        known |= fringe
    return int(last in known)


def discovery_skew(item: TextItem) -> int:
    """Yes, unless something is denied."""
    return int(" not " not in item.x)


def heuristic_a(item: TextItem) -> int:
    """Follows chains, and the last that was supposed; reads no quantifiers."""
    text = item.x
    if "Suppose instead:" in text:
        text = text.split("Suppose instead:")[1]
    found = _derived(text)
    return 1 if found is None else found


def heuristic_b(item: TextItem) -> int:
    """Follows chains and quantifiers, and does not notice what is only supposed."""
    found = _derived(item.x.split("Suppose instead:")[0] + item.x.rpartition(".")[2])
    if found is not None:
        return found
    return int(not any(negated for _, _, negated, _ in _QUANTIFIED.findall(item.x)))


STUBS: dict[str, Predictor] = {"discovery_skew": discovery_skew, "heuristic_a": heuristic_a, "heuristic_b": heuristic_b}


def answers(items: Sequence[TextItem]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(n, 3) whether each stub is right."""
    return np.array([[float(stub(item) == item.y) for stub in STUBS.values()] for item in items])


def text_report(
    static: Sequence[TextItem], carb: Sequence[TextItem], budget: int, seeds: int, n_boot: int, seed: int
) -> dict[str, Any]:
    """Both slices at equal budgets: S, S_c and accuracies. A slice smaller than the budget is taken whole."""
    return {name: _slice(name, items, budget, seeds, n_boot, seed) for name, items in (("static", static), ("carb", carb))}


def _slice(name: str, items: Sequence[TextItem], budget: int, seeds: int, n_boot: int, seed: int) -> dict[str, Any]:
    drawn = [_drawn(items, budget, seeded(seed, number, name)) for number in range(seeds)]
    tables = [answers(each) for each in drawn]
    rng = seeded(seed, name, "bootstrap")
    draws = Draws((item.id for item in items), n_boot, rng)
    counts = [draws.counts([item.id for item in each]) for each in drawn]
    plain, corrected = replicated(tables, counts)
    values = np.array([separation(table.mean(axis=0)) for table in tables])
    mine = np.array([corrected_separation(table) for table in tables])
    return {
        "n": len(tables[0]),
        "accuracy_by_model": dict(zip(STUBS, np.mean([t.mean(axis=0) for t in tables], axis=0).tolist(), strict=True)),
        "S": two_level(values, plain, n_boot, rng, least=0.0).bounds(),
        "S_std": float(values.std()),
        "S_c": two_level(mine, corrected, n_boot, rng, least=0.0).to_dict(),
    }


def _drawn(items: Sequence[TextItem], budget: int, rng: np.random.Generator) -> list[TextItem]:
    return [items[row] for row in rng.permutation(len(items))[:budget]]


STATIC_FIXTURE = (
    TextItem("static_negation", "All cats are robots. All robots are not birds. Are all cats birds?", 0, "logic_mix", 2, 0, 3),
    TextItem("static_chain", "A is taller than B. B is taller than C. Is A taller than C?", 1, "compositional", 2, 0, 1),
    TextItem("static_turned", "A is taller than B. B is taller than C. Is C taller than A?", 0, "compositional", 2, 0, 1),
)
"""Three rows, as in the document's example: the slice whose every seed sees the same items."""
