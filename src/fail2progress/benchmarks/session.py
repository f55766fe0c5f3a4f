"""A run of the harness from its pools to its report: blocks of work into a log, which an ended run goes on with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fail2progress.benchmarks.answers import REFERENCE
from fail2progress.benchmarks.build import Carried, Rejected
from fail2progress.benchmarks.config import Preregistration, Rules, status
from fail2progress.benchmarks.events import EVENTS, Recorded, RunLog, RunLogError, begun, recorded
from fail2progress.benchmarks.harness import Harness, eval_record
from fail2progress.benchmarks.items import BenchmarkFile, structures_path
from fail2progress.benchmarks.panel import Panel
from fail2progress.benchmarks.replay import ReplayError, finish, metrics, replay, told
from fail2progress.benchmarks.rounds import Iteration
from fail2progress.benchmarks.store import ExecutionStore
from fail2progress.core.choice import content_of
from fail2progress.core.provenance import EVERYTHING, code_version, provenance
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint

Tell = Callable[[str], None]


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
        if resume and begun(folder) and (done := self._whole(folder, config)) is not None:
            return done
        log, before = self._open(folder, config, resume)
        harness.rejected.add(Rejected.of_dict(before.rejected))
        for name, work in self._blocks(harness):
            if name not in before.blocks:
                log.write("run", "block_started", {"block": name})
                work(log)
                log.write("run", "block_finished", {"block": name, "rejected": harness.rejected.to_dict()})
        if before.finished and config["code"] != before.computed.get("code", before.config.get("code")):
            log.write("run", "report_computed", {**self._provenance(), "code": config["code"]})
        result = finish(folder)
        for figure in metrics(result):
            if figure not in before.metrics:
                log.write("metric", "metric_computed", figure)
        if not before.finished:
            log.write("run", "run_finished", {})
        return result

    def _whole(self, folder: Path, config: dict[str, Any]) -> dict[str, Any] | None:
        """The report of a run that is finished, where it stands and is what its log says; None: something is left to do."""
        before = recorded(folder, cut_short=True)
        self._check_same(folder, config, before)
        if not before.finished:
            return None
        if told(before).get("log", before.digest) != before.digest:
            raise RunLogError(f"{folder / EVENTS} was changed after the run was finished: start it again in another folder")
        try:
            found = replay(folder)
        except ReplayError:
            return None
        self.tell(f"note: {folder}: the run is finished, and its report stands as it is")
        return found

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
        self._check_same(folder, config, before)
        return RunLog.resumed(folder), before

    def _check_same(self, folder: Path, config: dict[str, Any], before: Recorded) -> None:
        """RunLogError where a run was begun with another configuration."""
        own = json.loads(json.dumps(config))
        if before.finished:  # by an earlier version, which may have told less of itself
            own = _as_told(own, before.config)
        changed = [key for key in {**own, **before.config} if before.config.get(key) != own.get(key)]
        if before.finished:  # what is left is the report, which stands on the log alone
            changed = [key for key in changed if key != "code"]
        if changed:
            raise RunLogError(f"{folder}: the run was begun with other {', '.join(changed)}: start it again in another folder")

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


def _as_told(own: Any, told: Any) -> Any:
    """Of a configuration what another one tells as well."""
    if isinstance(own, dict) and isinstance(told, dict):
        return {key: _as_told(value, told[key]) for key, value in own.items() if key in told}
    return own


def _about(pool: Pool) -> dict[str, object]:
    return {"items": len(pool.items), "sha256": pool.sha256, "structures_sha256": pool.structures_sha256}
