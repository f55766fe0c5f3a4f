import numpy as np

from fail2progress.benchmarks.text import STATIC_FIXTURE, STUBS, TYPES, answers, build_text, text_report


def test_the_same_seed_gives_the_same_items_on_all_axes() -> None:
    items = build_text(120, 2026)
    assert [item.id for item in items] == [item.id for item in build_text(120, 2026)]
    assert {item.type for item in items} == set(TYPES)
    assert {item.depth for item in items} >= {1, 2, 3, 4, 5} and {item.distractor_count for item in items} == {0, 1, 2, 3}
    assert {item.operator_count for item in items} == {1, 2, 3}
    assert all(0.3 < np.mean([item.y for item in items if item.type == kind]) < 0.7 for kind in TYPES)


def test_each_stub_fails_what_it_does_not_read() -> None:
    items = build_text(300, 1)
    right = {kind: answers([item for item in items if item.type == kind]).mean(axis=0) for kind in TYPES}
    skew, chains, quantifiers = (list(STUBS).index(name) for name in ("discovery_skew", "heuristic_a", "heuristic_b"))
    assert right["compositional"][[chains, quantifiers]].tolist() == [1.0, 1.0]
    assert right["logic_mix"][[skew, quantifiers]].tolist() == [1.0, 1.0] and right["logic_mix"][chains] < 0.7
    assert right["counterfactual"][chains] == 1.0 and right["counterfactual"][quantifiers] == 0.0
    assert right["compositional"][skew] < 0.7


def test_the_apparatus_on_the_documents_two_slices() -> None:
    report = text_report(STATIC_FIXTURE, build_text(200, 2026), budget=20, seeds=10, n_boot=200, seed=0)
    static, carb = report["static"], report["carb"]
    assert static["n"] == 3 and carb["n"] == 20
    assert static["S_std"] == 0.0 and carb["S_std"] > 0.0
    assert round(static["S"]["value"], 4) == 0.1571
    assert all(found["S"]["lo"] <= found["S"]["value"] <= found["S"]["hi"] for found in report.values())
    assert carb["S_c"]["value"] < carb["S"]["value"]
    assert "p" in carb["S_c"] and all(set(found["S"]) == {"value", "lo", "hi", "n_boot"} for found in report.values())
