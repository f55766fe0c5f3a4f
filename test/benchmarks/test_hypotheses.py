"""Verdicts and figures of a log, computed from answers that are written by hand."""

from typing import Any

import numpy as np
import pytest

from fail2progress.benchmarks.answers import Answers
from fail2progress.benchmarks.config import Rules
from fail2progress.benchmarks.events import Recorded
from fail2progress.benchmarks.hypotheses import separation_hypothesis, structure_hypothesis
from fail2progress.benchmarks.report import _pairs_right

MEMBERS = [{"level": "a", "seed": 0, "role": "scout"}, *({"level": "a", "seed": k, "role": "evaluee"} for k in (1, 2))]
RULES = Rules(k=2, n_boot=20, fewest_failures=10, n_seeds=2)


def answered(name: str, seed: int, correct: list[str], pairs: list[str] | None = None) -> list[dict[str, Any]]:
    about = {"kind": "eval_record", "slice": name, "seed": seed, "structure": "plain", "graded": [0.0] * 3}
    pairs = pairs or [""] * len(correct)
    return [{**about, "item": f"{name}{i}", "correct": c, "pair": pairs[i] or None} for i, c in enumerate(correct)]


def failed(name: str, seed: int, count: int) -> list[dict[str, Any]]:
    """Failures of two structures in two clusters, those of "cluster" by structure."""
    about = {"kind": "failure_record", "slice": name, "seed": seed, "member": 1, "name": "", "features": [0.0]}
    rng = np.random.default_rng((seed, count))
    clusters = [i % 2 if name == "cluster" else int(rng.integers(2)) for i in range(count)]
    return [{**about, "item": f"{name}{i}", "structure": "ab"[i % 2], "cluster": c} for i, c in enumerate(clusters)]


def answers(*blocks: list[dict[str, Any]]) -> Answers:
    return Answers(Recorded({"members": MEMBERS}, blocks={str(i): block for i, block in enumerate(blocks)}))


@pytest.mark.parametrize("few", [2, 9, 30])
def test_a_seed_with_too_few_failures_is_too_few_for_the_rule_also_where_it_has_no_clusters(few: int) -> None:
    whole = [[*answered(arm, 0, ["100"] * 30), *failed(arm, 0, 30)] for arm in ("cluster", "static")]
    second = [*answered("cluster", 1, ["100"] * 30), *failed("cluster", 1, 30)]
    right = answered("static", 1, ["110"] * few + ["111"] * (30 - few))
    test = structure_hypothesis(answers(*whole, second, [*right, *(failed("static", 1, few) if few > RULES.k else [])]), RULES)
    assert test is not None
    assert (test["fewest_failures"], test["enough_failures"], test["rule"]) == (few, few == 30, few == 30)


def test_without_a_reference_the_order_of_the_models_is_not_known_and_h1_not_supported() -> None:
    """Two levels that the induced slice tells apart and the control does not."""
    members = [MEMBERS[0], *({"level": level, "seed": 1, "role": "evaluee"} for level in "ab")]
    blocks = [[*answered("cluster", seed, ["101"] * 30), *answered("static", seed, ["110", "101"] * 15)] for seed in range(2)]
    rules = RULES.model_copy(update={"controls": ("static",)})

    def test(*more: list[dict[str, Any]]) -> dict[str, Any]:
        recorded = Recorded({"members": members}, blocks={str(i): block for i, block in enumerate((*blocks, *more))})
        found = separation_hypothesis(Answers(recorded), rules)
        assert found is not None and found["against"]["static"]["S_c"]["lo"] > 0
        return found

    assert (test()["order_kept"], test()["rule"]) == (None, False)
    known = test(answered("reference", 0, ["101"] * 10))
    assert (known["order_kept"], known["rule"]) == (True, True)
    turned = test(answered("reference", 0, ["110"] * 10))
    assert (turned["order_kept"], turned["rule"]) == (False, False)


def test_a_pair_is_right_where_one_training_seed_has_both_sides_though_the_other_has_not() -> None:
    found = answers(answered("static", 0, ["011", "010", "101", "110"], ["p", "p", "q", "q"]))
    assert _pairs_right(found, "static") == pytest.approx((0.5 + 0.0) / 2)
