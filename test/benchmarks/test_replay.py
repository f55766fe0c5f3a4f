"""A run's report computed again from its log: equal to the last digit, or what differs, is damaged, or was read otherwise."""

import gzip
import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fail2progress.benchmarks import events as benchmark_events
from fail2progress.benchmarks.config import CONFIRMATORY, EXPLORATORY
from fail2progress.benchmarks.events import EVENTS, PACKED, REPORT, RunLogError
from fail2progress.benchmarks.items import read_file, structures_path
from fail2progress.benchmarks.replay import ReplayError, _unknown, finish, replay
from fail2progress.benchmarks.session import Session, carried_out


def test_replay_is_equal_to_the_last_digit_and_sees_what_was_changed(run: Path) -> None:
    assert replay(run) == json.loads((run / REPORT).read_text())
    report = json.loads((run / REPORT).read_text())
    report["slices"]["static"]["S"]["value"] += 1e-10
    (run / REPORT).write_text(json.dumps(report))
    with pytest.raises(ReplayError, match="/slices/static/S/value"):
        replay(run)
    (run / REPORT).unlink()
    with pytest.raises(ReplayError, match=rf"^{run / REPORT}: cannot be read \(No such file or directory\); the run"):
        replay(run)
    finish(run)
    replay(run)
    lines = (run / EVENTS).read_text().splitlines(keepends=True)
    (run / EVENTS).write_text("".join(lines[:5] + lines[6:]))
    with pytest.raises(RunLogError, match="line 6: event 6 stands where 5 should"):
        replay(run)
    (run / EVENTS).write_text("".join([*lines[:5], "{}\n"]))
    with pytest.raises(RunLogError, match="line 6: no event"):
        replay(run)


def test_a_report_of_an_earlier_version_is_replayed_though_it_has_a_p_of_s_and_nothing_else(run: Path) -> None:
    report, said = json.loads((run / REPORT).read_text()), list[str]()
    replay(run, said.append)
    for found in report["slices"].values():
        found["S"]["p"] = 0.002
    (run / REPORT).write_text(json.dumps(report))
    assert said == [] and "p" not in replay(run, said.append)["slices"]["static"]["S"]
    assert said == [f"note: {run / REPORT} has a p of S, of an earlier version; none is computed now, as S is never below 0"]
    report["slices"]["static"]["S_c"]["q"] = 0.002
    (run / REPORT).write_text(json.dumps(report))
    with pytest.raises(ReplayError, match=r"first at /slices/static/S_c/q: 0\.002 there, absent computed"):
        replay(run)


def test_what_earlier_versions_told_otherwise_is_told_and_no_fault(run: Path) -> None:
    """H3 by its rule alone, no failures where too few for clusters were met, and an order that no item told."""
    said: list[str] = []
    report = json.loads((run / REPORT).read_text())
    replay(run, said.append)
    rounds = {"accumulate": [{"corrected_purity": value} for value in (0.5, None, None, 0.5)]}
    null, by_rule = (
        "/hypotheses/H3/rule_of_null: absent there, True computed",
        "/hypotheses/H3/supported: True there, False computed",
    )
    for apart, known in (
        ([null], True),
        ([null, by_rule], True),
        ([by_rule], True),
        ([null, "/hypotheses/H3/supported: False there, True computed"], False),
        ([null, "/hypotheses/H1/supported: True there, False computed"], False),
        (["/rounds/accumulate/2/failures: 0 there, 7 computed"], True),
        (["/rounds/accumulate/3/failures: 0 there, 36 computed"], False),
        (["/rounds/accumulate/2/failures: 3 there, 7 computed"], False),
        (["/slices/static/items_to_order/1: 0 there, None computed"], True),
    ):
        again = {"rounds": rounds, "hypotheses": {"H3": {"rule": True}}}
        assert (_unknown(apart, again, {}) == []) is known, apart
        later = {
            "hypothesis/H3": {"rule_of_null": True}
        }  # a log that tells of the null has H3 by both, whatever its report lacks
        assert (_unknown(apart, again, later) == []) is (known and null not in apart and by_rule not in apart), apart
        assert _unknown([by_rule], {"hypotheses": {"H3": {"rule": False}}}, {}) == [by_rule]
    needed = next(found["items_to_order"] for found in report["slices"].values() if found["items_to_order"])
    if None in needed:
        needed[needed.index(None)] = 0
        (run / REPORT).write_text(json.dumps(report))
        replay(run, said.append)
        assert len(said) == 1 and "is of an earlier version" in said[0] and "items_to_order" in said[0]


def test_a_packed_log_is_replayed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (run / EVENTS).read_bytes()
    (run / PACKED).write_bytes(gzip.compress(whole, mtime=0))
    (run / EVENTS).unlink()
    assert replay(run)["status"] == EXPLORATORY
    packed = gzip.compress(whole, mtime=0)
    for damaged in (packed[:-30], packed[:500] + bytes(each ^ 255 for each in packed[500:600]) + packed[600:]):
        (run / PACKED).write_bytes(damaged)
        with pytest.raises(RunLogError, match=f"{PACKED}: cannot be read"):
            replay(run)
    (run / PACKED).write_bytes(packed)
    monkeypatch.setattr(benchmark_events, "LARGEST", 1000)
    with pytest.raises(RunLogError, match="more than 1000 bytes once it is unpacked"):
        replay(run)


def test_structures_are_in_provenance_and_a_run_with_others_is_not_gone_on_with(
    session: Session, pool_file: Path, tmp_path: Path
) -> None:
    path, folder = tmp_path / "pool.jsonl", tmp_path / "run"
    for name in (Path, structures_path):
        shutil.copy(name(pool_file), name(path))
    rules = session.rules.model_copy(update={"generators": (), "controls": ()})
    first = replace(session, rules=rules, pools={"static": carried_out(read_file(path), session.store)}, reference=None)
    first.run(folder)
    said = list[str]()
    assert (
        set(replay(folder, said.append)["provenance"]["dataset_hashes"]) == {str(path), str(structures_path(path))} and not said
    )
    labels = json.loads(structures_path(path).read_text())
    structures_path(path).write_text(json.dumps(dict.fromkeys(labels, "plain")))
    replay(folder, said.append)
    assert len(said) == 1 and said[0].startswith(f"note: {structures_path(path)} is not as the run read it (SHA-256 ")
    other = replace(first, pools={"static": carried_out(read_file(path), session.store)})
    with pytest.raises(RunLogError, match="begun with other slices"):
        other.run(folder, resume=True)


def test_digests_are_of_what_was_read(session: Session, pool_file: Path, tmp_path: Path) -> None:
    """The file may be another one when hours of simulation are over."""
    path = tmp_path / "pool.jsonl"
    for name in (Path, structures_path):
        shutil.copy(name(pool_file), name(path))
    file = read_file(path)
    path.write_text("")
    structures_path(path).unlink()
    pool, kept = carried_out(file, session.store), session.pools["static"]
    assert list(pool.hashes.values()) == list(kept.hashes.values()) and len(pool.items) == len(kept.items)
    found = replace(session, pools={"static": pool}, reference=None)._provenance()["dataset_hashes"]
    assert found == {str(path): kept.sha256, str(structures_path(path)): kept.structures_sha256}


DAMAGED: dict[str, tuple[str, Callable[[dict[str, Any]], object], str]] = {
    "no slice": ("eval_record", lambda p: p.pop("slice"), "slice: Field required"),
    "few answers": ("eval_record", lambda p: p.update(correct="1"), "correct: of 1 models, where the run has 4"),
    "few likelihoods": ("eval_record", lambda p: p["graded"].pop(), "graded: of 3 models"),
    "no digits": ("eval_record", lambda p: p.update(correct="abcd"), "correct: String should match"),
    "no structure": ("eval_record", lambda p: p.update(structure=None), "structure: Input should be a valid string"),
    "no features": ("failure_record", lambda p: p.pop("features"), "features: Field required"),
    "a text for a cluster": ("failure_record", lambda p: p.update(cluster="a"), "cluster: Input should be a valid integer"),
    "no rules": ("harness_config", lambda p: p.pop("rules"), "rules: Field required"),
    "rules of another version": ("harness_config", lambda p: p["rules"].update(new=1), "new: Extra inputs are not permitted"),
    "no members": ("harness_config", lambda p: p.pop("members"), "members: Field required"),
    "nobody scored": ("harness_config", lambda p: p.update(members=p["members"][:2]), "none of the members is an evaluee"),
    "no status": ("harness_config", lambda p: p.pop("status"), "status: Field required"),
    "no block": ("block_started", lambda p: p.pop("block"), "block: Field required"),
    "shares": ("block_finished", lambda p: p.update(rejected=[1]), "rejected: Input should be a valid dictionary"),
    "no value": ("metric_computed", lambda p: p.pop("value"), "value: Field required"),
    "no likelihood": ("eval_record", lambda p: p["graded"].__setitem__(0, math.nan), "graded.0: Input should be a finite"),
    "confirmed by no rules": (
        "harness_config",
        lambda p: p.update(status=CONFIRMATORY),
        "a confirmatory run has a pre-registration with its commit and SHA-256",
    ),
    "other models": (
        "harness_config",
        lambda p: p["members"][0].update(digest="0" * 64),
        "#0 has digest 000000000000, the run began with ",
    ),
    "hashes": ("run_started", lambda p: p.update(dataset_hashes=[]), "dataset_hashes: Input should be a valid dictionary"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_an_event_lacks_is_told_by_line(run: Path, case: str) -> None:
    name, change, said = DAMAGED[case]
    lines = (run / EVENTS).read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if json.loads(line)["event"] == name)
    event = json.loads(lines[number])
    change(event["payload"])
    (run / EVENTS).write_text("\n".join([*lines[:number], json.dumps(event), *lines[number + 1 :]]) + "\n")
    with pytest.raises(RunLogError, match=rf"{re.escape(f'{run / EVENTS}, line {number + 1}: {name}: ')}.*{re.escape(said)}"):
        replay(run)


OTHERWISE: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "code": ("harness_config", lambda e: e["payload"].update(code="0" * 64)),
    "simulator": ("harness_config", lambda e: e["payload"].update(simulator="0" * 64)),
    "a slice": ("harness_config", lambda e: e["payload"]["slices"]["static"].update(sha256="0" * 64)),
    "an item": ("eval_record", lambda e: e["payload"].update(item="another")),
    "a time": ("block_finished", lambda e: e.update(ts_utc="2020-01-01T00:00:00+00:00")),
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_whatever_is_changed_in_a_log_its_report_is_of_another_one(run: Path, session: Session, case: str) -> None:
    name, change = OTHERWISE[case]
    lines = (run / EVENTS).read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if json.loads(line)["event"] == name)
    event = json.loads(lines[number])
    change(event)
    (run / EVENTS).write_text("\n".join([*lines[:number], json.dumps(event), *lines[number + 1 :]]) + "\n")
    with pytest.raises(ReplayError, match="differs from what its log gives, first at /"):
        replay(run)
    report = json.loads((run / REPORT).read_text())
    (run / REPORT).write_text(json.dumps({key: value for key, value in report.items() if key != "log"}))
    with pytest.raises(ReplayError, match="differs from what its log gives, first at /"):
        replay(run)
    if name != "harness_config":
        with pytest.raises(RunLogError, match="was changed after the run was finished: start it again in another folder"):
            session.run(run, resume=True)


def test_lines_of_another_run_and_times_that_are_none_are_refused(run: Path) -> None:
    lines = (run / EVENTS).read_text().splitlines()
    for key, value, said in (("run_id", "other", "an event of run other in the log of run "), ("ts_utc", "nonsense", "no event")):
        other = json.dumps({**json.loads(lines[4]), key: value})
        (run / EVENTS).write_text("\n".join([*lines[:4], other, *lines[5:]]) + "\n")
        with pytest.raises(RunLogError, match=f"line 5: {said}"):
            replay(run)


def test_a_log_without_its_figures_is_not_what_its_answers_give(run: Path) -> None:
    events = [json.loads(line) for line in (run / EVENTS).read_text().splitlines()]
    left = [e for e in events if e["payload"].get("name") != "slice/cluster/S"]
    (run / EVENTS).write_text("".join(json.dumps({**e, "seq": i}) + "\n" for i, e in enumerate(left)))
    with pytest.raises(ReplayError, match="a metric differs from what the answers give, first at slice/cluster/S: absent there"):
        replay(run)


def test_a_metric_that_is_not_what_the_answers_give_is_told(run: Path) -> None:
    content = (run / EVENTS).read_text()
    line = next(line for line in content.splitlines() if '"slice/cluster/accuracy"' in line)
    event = json.loads(line)
    event["payload"]["value"] = 0.99
    (run / EVENTS).write_text(content.replace(line, json.dumps(event)))
    with pytest.raises(ReplayError, match=r"a metric differs .*, first at slice/cluster/accuracy: 0\.99 there, 0\."):
        replay(run)
    event["payload"]["name"] = "slice/none/accuracy"
    (run / EVENTS).write_text(content.replace(line, json.dumps(event)))
    with pytest.raises(ReplayError, match=r"slice/none/accuracy: 0\.99 there, absent computed"):
        replay(run)
