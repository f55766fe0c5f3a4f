"""Runs: log and report, replay to the last digit, going on after an interruption, and what makes a run confirmatory."""

import gzip
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fail2progress.benchmarks import session as room
from fail2progress.benchmarks.config import (
    CONFIRMATORY,
    EXPLORATORY,
    PreregistrationError,
    Rules,
    check_unchanged,
    preregistered,
    status,
)
from fail2progress.benchmarks.events import EVENTS, PACKED, REPORT, RunLog, RunLogError, read_events
from fail2progress.benchmarks.harness import BudgetError, Harness, RulesError, check_names, compared
from fail2progress.benchmarks.items import read_file, structures_path
from fail2progress.benchmarks.replay import replay
from fail2progress.benchmarks.session import Pool, Session
from support.benchmarks import RUN_RULES


def test_a_report_has_slices_intervals_and_provenance(run: Path) -> None:
    report = json.loads((run / REPORT).read_text())
    assert set(report["slices"]) == {"static", "cluster", "shuffled", "matched"}
    for found in report["slices"].values():
        assert found["n"] == 16 and found["seeds"] == 2
        assert set(found["S"]) == {"value", "lo", "hi", "n_boot"} and "p" in found["S_c"]
        assert found["S"]["lo"] <= found["S"]["hi"] and found["S_c"]["value"] <= found["S"]["value"] + 1e-12
    assert report["status"] == EXPLORATORY
    assert {"git_sha", "dataset_hashes", "models", "seeds", "platform", "python_version"} <= set(report["provenance"])
    assert set(report["hypotheses"]["H1"]["against"]) == {"static", "matched", "shuffled"}
    assert report["hypotheses"]["H3"] is None and report["rejected"]


def test_files_of_one_name_have_a_digest_each(session: Session, pool_file: Path, tmp_path: Path) -> None:
    other = tmp_path / pool_file.name
    other.write_bytes(pool_file.read_bytes() + b"\n")
    shutil.copy(structures_path(pool_file), structures_path(other))
    two = replace(session, pools={**session.pools, "other": Pool.of(read_file(other), session.pools["static"].items)})
    hashes = two._provenance()["dataset_hashes"]
    assert set(hashes) == {str(f(path)) for path in (pool_file, other) for f in (Path, structures_path)}
    assert len(set(hashes.values())) == 3


def test_events_are_typed_and_numbered(run: Path) -> None:
    events = list(read_events(run))
    assert [event.seq for event in events] == list(range(len(events)))
    assert (events[0].event, events[1].event, events[-1].event) == ("run_started", "harness_config", "run_finished")
    assert sum(event.event == "eval_record" for event in events) == 12 + 4 * 2 * 8
    record = next(event.payload for event in events if event.event == "eval_record")
    metrics = {event.payload["name"]: event.payload["value"] for event in events if event.event == "metric_computed"}
    assert metrics["slice/cluster/S_c"] == json.loads((run / REPORT).read_text())["slices"]["cluster"]["S_c"]
    by_seed = [e.payload for e in events if e.payload.get("name") == "slice/cluster/by_seed/S"]
    assert [(each["seed"], each["n"]) for each in by_seed] == [(0, 8), (1, 8)] and "slice/cluster/failures/ami" in metrics
    assert "hypothesis/H1" in metrics and "hypothesis/H3" not in metrics
    assert len(record["correct"]) == len(record["graded"]) == 4 and set(record["correct"]) <= {"0", "1"}


def test_a_run_that_was_cut_short_goes_on_and_ends_alike(finished: Path, run: Path, session: Session) -> None:
    lines = (run / EVENTS).read_text().splitlines(keepends=True)
    middle = next(i for i, line in enumerate(lines) if '"seed/001"' in line) + 3
    (run / EVENTS).write_text("".join(lines[:middle]) + lines[middle][:40])
    (run / REPORT).unlink()
    with pytest.raises(RunLogError, match="no event"):
        replay(run)
    again = session.run(run, resume=True)
    whole = json.loads((finished / REPORT).read_text())
    assert again["slices"] == whole["slices"] and again["hypotheses"] == whole["hypotheses"]
    assert again["rejected"] == whole["rejected"]
    replay(run)
    other = Session(RUN_RULES.model_copy(update={"k": 3}), session.panel, session.store, session.pools, session.reference)
    with pytest.raises(RunLogError, match="begun with other rules"):
        other.run(run, resume=True)
    for change in ({"simulator": "other"}, {"executions": 3}):
        moved = replace(session, store=replace(session.store, **change))
        with pytest.raises(RunLogError, match=f"begun with other {next(iter(change))}: start it again in another folder"):
            moved.run(run, resume=True)


def test_other_code_goes_on_with_no_run(run: Path, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """But writes the report of one that is finished, with who computed it."""
    monkeypatch.setattr(room, "code_version", lambda parts: "another")
    whole = json.loads((run / REPORT).read_text())
    (run / REPORT).unlink()
    session.run(run, resume=True)
    again = json.loads((run / REPORT).read_text())
    computed = again.pop("computed")
    assert again == whole and computed["code"] == "another" and {"package_version", "git_sha", "timestamp_utc"} <= set(computed)
    session.run(run, resume=True)
    replay(run)
    events = [event.event for event in read_events(run)]
    names = [json.dumps(e.payload, sort_keys=True) for e in read_events(run) if e.event == "metric_computed"]
    assert events.count("report_computed") == events.count("run_finished") == 1 and len(names) == len(set(names))
    (run / EVENTS).write_text((run / EVENTS).read_text().partition('"seed/001"')[0])
    with pytest.raises(RunLogError, match="begun with other code"):
        session.run(run, resume=True)


def test_a_run_that_is_finished_is_left_as_it_is(run: Path, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    before, said = {name: (run / name).read_bytes() for name in (EVENTS, REPORT)}, list[str]()
    for code in (room.code_version, lambda parts: "another"):
        monkeypatch.setattr(room, "code_version", code)
        replace(session, tell=said.append).run(run, resume=True)
        assert {name: (run / name).read_bytes() for name in before} == before
    assert said == [f"note: {run}: the run is finished, and its report stands as it is"] * 2
    (run / REPORT).write_text("{")
    monkeypatch.undo()
    session.run(run, resume=True)
    assert {name: (run / name).read_bytes() for name in before} == before


def test_a_run_that_an_earlier_version_finished_is_taken_for_the_same(run: Path, session: Session) -> None:
    """Its log says nothing of structures, nor of its own digest."""
    events = [json.loads(line) for line in (run / EVENTS).read_text().splitlines()]
    config = events[1]["payload"]
    for about in (config["slices"]["static"], config["reference"]):
        assert len(about.pop("structures_sha256")) == 64
    left = [event for event in events if event["payload"].get("name") != "log"]
    assert len(left) == len(events) - 1
    (run / EVENTS).write_text("".join(json.dumps({**event, "seq": i}) + "\n" for i, event in enumerate(left)))
    session.run(run, resume=True)


def test_a_log_goes_on_where_its_last_line_lacks_its_end(run: Path) -> None:
    path = run / EVENTS
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    before = list(read_events(run))
    RunLog.resumed(run).write("run", "run_finished", {})
    assert [event.seq for event in read_events(run)] == [event.seq for event in before]


def test_a_packed_log_is_there_already_and_goes_on(run: Path, session: Session) -> None:
    whole = (run / EVENTS).read_bytes()
    cut = whole[: whole.index(b"seed/001")]
    (run / PACKED).write_bytes(gzip.compress(cut, mtime=0))
    (run / EVENTS).unlink()
    with pytest.raises(RunLogError, match="is there already"):
        session.run(run)
    session.run(run, resume=True)
    assert (run / EVENTS).read_bytes().startswith(cut[: cut.rfind(b"\n") + 1])
    replay(run)


def test_a_budget_above_the_pool_is_refused_before_anything_is_done(session: Session, tmp_path: Path) -> None:
    greedy = Session(RUN_RULES.model_copy(update={"budget": 30}), session.panel, session.store, session.pools)
    with pytest.raises(BudgetError, match="--budget 30 is above the 20 items that static can give"):
        greedy.run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_fresh_draws_that_would_come_twice_are_refused_before_anything_is_done(session: Session, tmp_path: Path) -> None:
    rules = RUN_RULES.model_copy(update={"rounds": 3, "n_seeds": 0})
    greedy = Session(rules, session.panel, session.store, session.pools)
    with pytest.raises(BudgetError, match=r"take 32 items, but .* 40 robust items of static and the 0 of --reference are 20"):
        greedy.run(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    harness = Harness(rules, session.panel, session.store, {"static": session.pools["static"].items})
    harness.check(held_back=12)
    with pytest.raises(BudgetError, match="are 31: build more, or lower the rounds"):
        harness.check(held_back=11)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"controls": ("static", "shufled")}, "unknown slice 'shufled'; known: static, cluster, shuffled, matched. Did you mean"),
        ({"primary": "stein"}, "unknown slice 'stein'; known: static, cluster"),
        ({"structured": "boundary"}, "unknown slice 'boundary'"),
        ({"generators": ("clusters", "shuffled")}, "unknown benchmark generator 'clusters'"),
        ({"second": "dbscan"}, "unknown clusterer 'dbscan'; known: kmeans, hdbscan"),
        ({"generators": ("cluster", "cluster")}, "the slice cluster comes twice: name each generator once"),
        ({"primary": "shuffled"}, "shuffled is a control, which would be compared with itself"),
        ({"structured": "static"}, "static is a control, which would be compared with itself"),
    ],
)
def test_rules_that_name_what_there_is_not_are_refused_before_anything_is_done(
    session: Session, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    wrong = replace(session, rules=RUN_RULES.model_copy(update=change))
    with pytest.raises(ValueError, match=said):
        wrong.run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("pools", "said"),
    [
        (("static", "stein"), "the slice stein comes twice"),
        (("static", "matched"), "the slice matched: a run makes one of that name itself"),
        (("static", "reference"), "the slice reference: a run makes one of that name itself"),
    ],
)
def test_pools_named_as_other_slices_are_refused(pools: tuple[str, ...], said: str) -> None:
    check_names(Rules(generators=("cluster", "stein", "shuffled")), ("static", "other"))
    with pytest.raises(RulesError, match=said):
        check_names(Rules(generators=("cluster", "stein", "shuffled")), pools)


@pytest.mark.parametrize(
    ("pools", "generators", "expected"),
    [
        (("other", "static"), (), {"primary": "other", "controls": ("static",)}),
        (("static", "other", "third"), (), {"primary": "other", "controls": ("static",)}),
        (("other",), (), {"primary": "other", "controls": ()}),
        (("static",), (), {"controls": ()}),
        (("static",), ("shuffled",), {"controls": ()}),
        (("static",), ("shuffled", "cluster"), {"primary": "cluster", "controls": ("static", "matched", "shuffled")}),
        (("other", "static"), ("cluster",), {"primary": "cluster", "controls": ("static", "matched")}),
    ],
)
def test_h1_is_about_the_first_slice_that_is_no_control_however_they_are_ordered(
    pools: tuple[str, ...], generators: tuple[str, ...], expected: dict[str, object]
) -> None:
    assert compared(pools, generators) == expected
    check_names(Rules(generators=generators, **expected), pools)  # type: ignore[arg-type]


def test_only_what_is_cut_in_two_has_half_a_budget(session: Session) -> None:
    pools = {"static": session.pools["static"].items}
    Harness(Rules(generators=(), budget=30), session.panel, session.store, pools).check()
    rounds = Rules(generators=(), budget=30, rounds=1, modes=("accumulate",))
    with pytest.raises(BudgetError, match="above the 20 items that static can give"):
        Harness(rounds, session.panel, session.store, pools).check()


def test_a_run_is_confirmatory_only_by_rules_that_were_committed_before(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        return subprocess.run(["git", *who, *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "before").write_text("")
    git("add", "before")
    git("commit", "-q", "-m", "before")
    before, path = git("rev-parse", "HEAD"), tmp_path / "prereg.json"
    path.write_text(Rules(budget=7).model_dump_json())
    assert preregistered(path).commit == ""
    assert status(preregistered(path).to_dict(), before, tmp_path) == EXPLORATORY
    git("add", "prereg.json")
    git("commit", "-q", "-m", "rules")
    found = preregistered(path)
    assert found.rules.budget == 7
    assert status(found.to_dict(), git("rev-parse", "HEAD"), tmp_path) == CONFIRMATORY
    assert status(found.to_dict(), before, tmp_path) == EXPLORATORY
    assert status(None, git("rev-parse", "HEAD"), tmp_path) == EXPLORATORY
    path.write_text(Rules(budget=8).model_dump_json())
    with pytest.raises(PreregistrationError, match="was changed after commit"):
        preregistered(path)
    with pytest.raises(PreregistrationError, match="changed after the fact"):
        check_unchanged(path, found.to_dict())
    path.write_text('{"budgte": 3}')
    with pytest.raises(PreregistrationError, match="budgte"):
        preregistered(path)
