"""A run of the harness from its pools to its report: blocks of work into a log, which an ended run goes on with."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fail2progress.benchmarks.answers import REFERENCE
from fail2progress.benchmarks.build import Carried, Rejected
from fail2progress.benchmarks.config import Preregistration, Rules, status
from fail2progress.benchmarks.events import EVENTS, REPORT, Recorded, RunLog, RunLogError, begun, recorded
from fail2progress.benchmarks.harness import Harness, eval_record
from fail2progress.benchmarks.items import BenchmarkFile, structures_path
from fail2progress.benchmarks.panel import Panel
from fail2progress.benchmarks.report import report
from fail2progress.benchmarks.rounds import Iteration
from fail2progress.benchmarks.store import ExecutionStore
from fail2progress.core.choice import content_of
from fail2progress.core.files import write_whole
from fail2progress.core.provenance import EVERYTHING, code_version, provenance
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint

Tell = Callable[[str], None]
_RETIRED = re.compile(r"/slices/[^/]+/S/p: .+ there, absent computed")
"""A figure that reports had: the share of replicates of a standard deviation that are at most 0."""


class ReplayError(ValueError):
    """A report that is not what its log says."""


@dataclass(frozen=True)
class Pool:
    """A file of items, those of its items that are robust, and the digests of what was read of it and of its structures."""

    path: Path
    items: tuple[Carried, ...]
    sha256: str
    structures_sha256: str

    @classmethod
    def of(cls, file: BenchmarkFile, items: Sequence[Carried]) -> Pool:
        """Some items of a file."""
        return cls(file.path, tuple(items), file.sha256, file.structures_sha256)

    @property
    def hashes(self) -> dict[str, str]:
        """By path, for provenance."""
        return {str(self.path): self.sha256, str(structures_path(self.path)): self.structures_sha256}


def carried_out(file: BenchmarkFile, store: ExecutionStore, report_done: Callable[[int], None] = lambda done: None) -> Pool:
    """The items of a file, carried out where they are not known yet; those that are not robust are left out."""
    executions = store.run(file.items, report_done)
    return Pool.of(file, [Carried(i, e) for i, e in zip(file.items, executions, strict=True) if e is not None and e.robust])


@dataclass(frozen=True)
class Session:
    """All that a run stands on."""

    rules: Rules
    panel: Panel
    store: ExecutionStore
    pools: Mapping[str, Pool]
    reference: Pool | None = None
    prereg: Preregistration | None = None
    learner: Path | None = None
    """Weights that learn from round to round (`learn`); None: the package's."""
    tell: Tell = lambda what: None

    def run(self, folder: Path, resume: bool = False) -> dict[str, Any]:
        """Every block that is not done yet, then the report. BudgetError, RunLogError: before anything is done."""
        harness = Harness(self.rules, self.panel, self.store, {k: p.items for k, p in self.pools.items()}, tell=self.tell)
        held_back = self.reference.items if self.reference else ()
        harness.check(len(held_back))
        harness.tell_shared(held_back)
        config = self._config()
        log, before = self._open(folder, config, resume)
        harness.rejected.add(Rejected.of_dict(before.rejected))
        for name, work in self._blocks(harness):
            if name not in before.blocks:
                log.write("run", "block_started", {"block": name})
                work(log)
                log.write("run", "block_finished", {"block": name, "rejected": harness.rejected.to_dict()})
        result = finish(folder)
        for figure in metrics(result):
            log.write("metric", "metric_computed", figure)
        log.write("run", "run_finished", {})
        return result

    def _blocks(self, harness: Harness) -> list[tuple[str, Callable[[RunLog], None]]]:
        found: list[tuple[str, Callable[[RunLog], None]]] = []
        if self.reference is not None:
            found.append((REFERENCE, self._record_reference))
        for seed in range(self.rules.n_seeds):
            found.append((f"seed/{seed:03d}", lambda log, seed=seed: harness.block(seed, log)))  # type: ignore[misc]
        if self.rules.rounds:
            iteration = Iteration(harness, self.reference.items if self.reference else (), self._learner)
            found += [(f"rounds/{mode}", lambda log, mode=mode: iteration.run(mode, log)) for mode in self.rules.modes]  # type: ignore[misc]
        return found

    @property
    def _learner(self) -> Path:
        return self.learner or weights.path(weights.RELATIONAL)

    def _record_reference(self, log: RunLog) -> None:
        assert self.reference is not None
        self.tell("reference order")
        items = self.reference.items
        for item, response in zip(items, self.panel.respond([each.execution for each in items]), strict=True):
            log.write("eval", "eval_record", eval_record(REFERENCE, 0, item, response))

    def _open(self, folder: Path, config: dict[str, Any], resume: bool) -> tuple[RunLog, Recorded]:
        """A new log with its head, or the one that is there, which must have the same configuration; and what is recorded."""
        if resume and not begun(folder):
            (folder / EVENTS).unlink(missing_ok=True)
            resume = False
        if not resume:
            log = RunLog.new(folder)
            log.write("run", "run_started", self._provenance())
            log.write("run", "harness_config", config)
            return log, Recorded()
        before = recorded(folder, cut_short=True)
        own = json.loads(json.dumps(config))
        changed = [key for key in {**own, **before.config} if before.config.get(key) != own.get(key)]
        if before.finished:  # what is left is the report, which stands on the log alone
            changed = [key for key in changed if key != "code"]
        if changed:
            raise RunLogError(f"{folder}: the run was begun with other {', '.join(changed)}: start it again in another folder")
        return RunLog.resumed(folder), before

    def _config(self) -> dict[str, Any]:
        commit = str(provenance()["commit"])
        prereg = self.prereg.to_dict() if self.prereg else None
        members = [{"level": m.level, "seed": m.seed, "role": m.role, "digest": m.digest} for m in self.panel.members]
        return {
            "status": status(prereg, commit, Path(__file__).parent),
            "rules": self.rules.model_dump(mode="json"),
            "prereg": prereg,
            "members": members,
            "simulator": content_of(self.store.simulator),
            "executions": self.store.executions,
            "code": code_version(EVERYTHING),
            **({"learner": load_checkpoint(self._learner).digest} if "learn" in self.rules.modes else {}),
            "slices": {name: _about(pool) for name, pool in self.pools.items()},
            "reference": _about(self.reference) if self.reference else None,
        }

    def _provenance(self) -> dict[str, Any]:
        """Under the names that the benchmark's documents give."""
        found = provenance()
        files = [*self.pools.values(), *([self.reference] if self.reference else [])]
        versions = found["versions"]
        assert isinstance(versions, dict)
        return {
            "package_version": versions["fail2progress"],
            "versions": versions,
            "python_version": found["python"],
            "platform": found["platform"],
            "git_sha": found["commit"],
            "git_dirty": found["changed_files"],
            "timestamp_utc": found["time_utc"],
            "seeds": list(range(self.rules.n_seeds)),
            "models": {member.name: member.digest for member in self.panel.members},
            "dataset_hashes": {path: digest for pool in files for path, digest in pool.hashes.items()},
            "config": self.rules.model_dump(mode="json"),
        }


def _about(pool: Pool) -> dict[str, object]:
    return {"items": len(pool.items), "sha256": pool.sha256, "structures_sha256": pool.structures_sha256}


def metrics(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A report's figures by name, for who reads the log alone: of slices and of each of their seeds, of rounds, and verdicts."""
    for name, one in found["slices"].items():
        yield from ({"name": f"slice/{name}/{key}", "value": one[key]} for key in ("accuracy", "S", "S_c", "tau_b"))
        for part, keys in (("by_seed", ("S", "S_c")), ("failures", ("corrected_purity", "ami"))):
            for row in one[part]:
                at = {"seed": row["seed"], "n": row["n"]}
                yield from ({"name": f"slice/{name}/{part}/{key}", "value": row[key], **at} for key in keys)
    for mode, rows in found["rounds"].items():
        for row in rows:
            at = {"round": row["round"], "n": row["n"]}
            measures = ("S_c", "accuracy", "corrected_purity", "drift", "ari")
            yield from ({"name": f"rounds/{mode}/{key}", "value": row[key], **at} for key in measures)
    yield from ({"name": f"hypothesis/{name}", "value": test} for name, test in found["hypotheses"].items() if test is not None)


def finish(folder: Path) -> dict[str, Any]:
    """Compute the report of a run's log and write it beside."""
    found: dict[str, Any] = plain(report(recorded(folder)))
    write_whole(folder / REPORT, json.dumps(found, indent=1) + "\n")
    return found


def replay(folder: Path, tell: Tell = lambda what: None) -> dict[str, Any]:
    """Compute the report again from the log alone. ReplayError where it is not the one that stands there, to the last digit.

    `tell` hears of figures that stand there and are no longer computed.
    """
    found: Recorded = recorded(folder)
    if not found.finished:
        raise ReplayError(f"{folder}: the run was cut short after {len(found.blocks)} blocks; go on with it by --resume")
    _tell_changed(found, tell)
    again: dict[str, Any] = plain(report(found))
    try:
        stands = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ReplayError(f"{folder / REPORT}: cannot be read ({why}); the run writes it again by --resume") from error
    apart = _differences(stands, again, "")
    differing = [each for each in apart if not _RETIRED.fullmatch(each)]
    if len(differing) < len(apart):
        tell(f"note: {folder / REPORT} has a p of S, of an earlier version; none is computed now, as S is never below 0")
    if differing:
        raise ReplayError(f"{folder / REPORT} differs from what its log gives, first at {differing[0]}")
    return again


def _tell_changed(found: Recorded, tell: Tell) -> None:
    """Say which files of items and structures that lie here are not those that the run read."""
    for name, digest in found.started.get("dataset_hashes", {}).items():
        path = Path(name)
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            tell(f"note: {path} is not as the run read it (SHA-256 {digest[:12]}); the report is of what it read")


def plain(value: Any) -> Any:
    """As JSON gives it back, to ten decimals, in which all processors agree; what is not finite becomes null."""
    text = json.dumps(value, default=float)
    return json.loads(text, parse_constant=lambda name: None, parse_float=lambda number: round(float(number), 10))


def _differences(one: Any, other: Any, path: str) -> list[str]:
    """Where two reports differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(set(one) | set(other))
        return [each for key in keys for each in _differences(one.get(key, "absent"), other.get(key, "absent"), f"{path}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [each for i, (a, b) in enumerate(zip(one, other, strict=True)) for each in _differences(a, b, f"{path}/{i}")]
    return [] if one == other and type(one) is type(other) else [f"{path}: {str(one)[:40]} there, {str(other)[:40]} computed"]
