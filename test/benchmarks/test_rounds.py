"""Rounds of induction, and a learner that learns between them."""

import math
from pathlib import Path
from typing import Any

import pytest

from fail2progress.benchmarks import report as reports
from fail2progress.benchmarks.build import Carried
from fail2progress.benchmarks.config import Rules
from fail2progress.benchmarks.convergence import NULL, verdict
from fail2progress.benchmarks.events import RunLog, recorded
from fail2progress.benchmarks.harness import Harness
from fail2progress.benchmarks.panel import Panel
from fail2progress.benchmarks.report import report
from fail2progress.benchmarks.rounds import ACCUMULATE, LEARN, Iteration
from fail2progress.benchmarks.store import ExecutionStore
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.models import weights
from fail2progress.reporting.benchmark_page import _reasons

RULES = Rules(generators=("cluster",), controls=(), k=2, budget=6, n_seeds=0, n_boot=10, rounds=2, anchors=8)


def run(mode: str, rules: Rules, pool: list[Carried], panel: Panel, store: ExecutionStore, folder: Path) -> dict[str, Any]:
    iteration = Iteration(Harness(rules, panel, store, {"static": pool}), pool[:6], weights.path(weights.RELATIONAL))
    iteration.targeting = TargetOptions(samples=3, state_steps=8, action_steps=2)
    iteration.finetuning = FinetuneOptions(epochs=3, batch=4, replay=2, adjusts="relations")
    log = RunLog.new(folder)
    members = [{"level": m.level, "seed": m.seed, "role": m.role, "digest": m.digest} for m in panel.members]
    log.write("run", "harness_config", {"rules": rules.model_dump(mode="json"), "members": members, "status": "exploratory"})
    log.write("run", "block_started", {"block": f"rounds/{mode}"})
    iteration.run(mode, log)
    log.write("run", "block_finished", {"block": f"rounds/{mode}"})
    return report(recorded(folder))


def test_clusters_are_followed_from_round_to_round(
    pool: list[Carried], panel: Panel, store: ExecutionStore, tmp_path: Path
) -> None:
    result = run(ACCUMULATE, RULES, pool, panel, store, tmp_path / "run")
    rows = result["rounds"][ACCUMULATE]
    assert [row["round"] for row in rows] == [0, 1, 2] and all(row["n"] == 6 for row in rows)
    assert [row["failures"] for row in rows] == sorted(row["failures"] for row in rows)
    assert rows[0]["drift"] is None and all(row["drift"] >= 0 and -1 <= row["ari"] <= 1 for row in rows[1:])
    assert result["hypotheses"]["H3"]["mode"] == ACCUMULATE and result["hypotheses"]["H1"] is None


def test_rounds_end_where_no_failure_is_in_a_cluster(
    pool: list[Carried], panel: Panel, store: ExecutionStore, tmp_path: Path
) -> None:
    by_density = RULES.model_copy(update={"clusterer": "hdbscan"})  # which takes so few for noise
    result = run(ACCUMULATE, by_density, pool, panel, store, tmp_path / "run")
    (row,) = result["rounds"][ACCUMULATE]
    assert (
        row["n"] == 6
        and row["failures"] > 0
        and row["corrected_purity"] is None
        and row["accuracy"] < 1
        and result["hypotheses"]["H3"] is None
    )


def test_a_learner_learns_between_rounds_and_is_judged_on_what_is_held_back(
    pool: list[Carried], panel: Panel, store: ExecutionStore, tmp_path: Path
) -> None:
    rules = RULES.model_copy(update={"rounds": 1, "update": LEARN, "budget": 10})
    result = run(LEARN, rules, pool, panel, store, tmp_path / "run")
    held = {item.item.structure for item in pool[:6]}
    assert set(result["learning"]) == held
    assert all([row["round"] for row in rows] == [0, 1] for rows in result["learning"].values())
    assert result["lessons"] and {each["round"] for each in result["lessons"]} == {0}
    assert all(each["passed"] == (each["reason"] is None) for each in result["lessons"])
    assert sum(rows[0]["items"] for rows in result["learning"].values()) == 6


@pytest.mark.parametrize(
    ("drifts", "agreements", "holds"),
    [((0.3, 0.05, 0.05), (0.9, 0.9, 0.9), True), ((0.05, 0.3, 0.05), (0.9,) * 3, False), ((0.05,) * 3, (0.9, 0.7, 0.9), False)],
)
def test_the_rule_of_h3(drifts: tuple[float, ...], agreements: tuple[float, ...], holds: bool) -> None:
    rows: list[dict[str, Any]] = [{"drift": None, "ari": None}]
    rows += [{"drift": d, "ari": a} for d, a in zip(drifts, agreements, strict=True)]
    null = [{"drift": None, "ari": None}, {"drift": 0.5, "ari": 0.5}]
    found = verdict({ACCUMULATE: rows, NULL: null}, RULES)
    assert found is not None and found["rule"] is holds
    assert found["p"] == 0.5 and found["median_drift_null"] == 0.5 and found["rule_of_null"] is False
    still: list[dict[str, Any]] = [rows[0], *({"drift": 0.01, "ari": 1.0} for _ in range(RULES.consecutive))]
    kept, unknown = verdict({ACCUMULATE: rows, NULL: still}, RULES), verdict({ACCUMULATE: rows}, RULES)
    assert kept is not None and kept["rule"] is holds and kept["rule_of_null"] is True
    assert unknown is not None and unknown["rule_of_null"] is None
    silent = verdict({ACCUMULATE: rows, NULL: [{"drift": None, "ari": None}] * 5}, RULES)
    assert silent is not None and silent["rule_of_null"] is None and silent["p"] is None


@pytest.mark.parametrize(("of_null", "supported"), [(True, False), (False, True), (None, False)])
def test_h3_is_not_supported_where_the_null_keeps_the_rule_too_or_is_not_known(
    of_null: bool | None, supported: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    start: dict[str, Any] = {"drift": None, "ari": None}
    still = [start, *({"drift": 0.01, "ari": 1.0} for _ in range(RULES.consecutive))]
    moved: list[dict[str, Any]] = [start, {"drift": 0.5, "ari": 0.5}]
    rounds = {ACCUMULATE: still} | ({} if of_null is None else {NULL: still if of_null else moved})
    for name in ("separation_hypothesis", "structure_hypothesis"):
        monkeypatch.setattr(reports, name, lambda answers, rules: None)
    found = reports._hypotheses(None, RULES, rounds)["H3"]  # type: ignore[arg-type]
    assert (found["supported"], found["rule_of_null"]) == (supported, of_null)
    told = dict(_reasons("H3", found))["the rule kept by fresh static draws, too"]
    assert told.startswith({True: "yes, the null keeps it, too", False: "no", None: "not known"}[of_null])


def test_a_round_whose_drift_has_no_scale_says_nothing_of_convergence() -> None:
    start: dict[str, Any] = {"drift": None, "ari": None}
    unknown: dict[str, Any] = {"drift": math.nan, "ari": 1.0}
    null: list[dict[str, Any]] = [start, *({"drift": 0.01, "ari": 0.5} for _ in range(30))]
    found = verdict({ACCUMULATE: [start, unknown], NULL: null}, RULES)
    assert found is not None and found["p"] is None and found["median_drift"] is None and not found["rule"]
    found = verdict({ACCUMULATE: [start, unknown, {"drift": 0.5, "ari": 0.5}], NULL: [*null, unknown]}, RULES)
    assert found is not None and found["p"] == 1.0 and found["median_drift"] == 0.5 and found["median_drift_null"] == 0.01
