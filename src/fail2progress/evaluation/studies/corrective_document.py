"""The experiment of "Capturing failure as a first-class artifact", repeated: four faulty assets, jitter against corrections.

The document prints the policy and the results, not the evaluator nor the law of the jitter. The evaluator here has the thresholds
that the printed policy implies (0.5 mm of mismatch, a clearance of 0.5 mm, no overlap, 1 mm of placement error); with them the
policy needs 3, 2, 2 and 3 evaluations, whose mean is the document's 2.50. The jitter's law is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np

from fail2progress.core.names import unknown
from fail2progress.failures.assets.schema import FailureSignals

AT_MOST = 12
"""Evaluations (the document's "maximum iterations")."""
RUNS = 20
SIGMA_MM = 1.0
"""Standard deviation of the jitter, which changes one parameter drawn at random before each further evaluation."""


@dataclass(frozen=True)
class AssetParams:
    """The five parameters of the document; by default nothing is wrong."""

    trigger_offset_mm: float = 0.0
    trigger_size_mm: float = 8.0
    safety_lock_clearance_mm: float = 1.0
    top_bridge_overlap_mm: float = 0.0
    part_placement_error_mm: float = 0.0


SCENARIOS = {
    "trigger_misplaced": AssetParams(trigger_offset_mm=3.0, trigger_size_mm=5.0),
    "safety_lock_interferes": AssetParams(safety_lock_clearance_mm=0.0),
    "top_bridge_overlaps": AssetParams(top_bridge_overlap_mm=2.0),
    "part_misplaced": AssetParams(part_placement_error_mm=2.5),
}


def evaluate(p: AssetParams) -> FailureSignals:
    """The signals of an asset. `reachability_fail` is never raised: the document's policy has no branch for it."""
    return FailureSignals(
        asset="asset",
        geometry_mismatch_mm=p.trigger_offset_mm,
        joint_clearance_fail=p.safety_lock_clearance_mm < 0.5,
        contact_equilibrium_fail=p.top_bridge_overlap_mm > 0.0,
        grasp_instability=abs(p.part_placement_error_mm) > 1.0,
    )


def passes(s: FailureSignals) -> bool:
    """Whether nothing is wrong with an asset."""
    well = not (s.joint_clearance_fail or s.contact_equilibrium_fail or s.reachability_fail or s.grasp_instability)
    return well and abs(s.geometry_mismatch_mm) <= 0.5


def corrective_step(p: AssetParams, s: FailureSignals) -> AssetParams:
    """The printed policy: one bounded edit for each named failure."""
    out = dict(asdict(p))
    if abs(s.geometry_mismatch_mm) > 0.5:
        out["trigger_offset_mm"] = 0.3 * p.trigger_offset_mm
        if not 6.0 <= p.trigger_size_mm <= 10.0:
            out["trigger_size_mm"] = 0.7 * p.trigger_size_mm + 0.3 * 8.0
    if s.joint_clearance_fail:
        out["safety_lock_clearance_mm"] = max(p.safety_lock_clearance_mm, 0.5) + 0.3
    if s.contact_equilibrium_fail:
        out["top_bridge_overlap_mm"] = 0.0
    if s.grasp_instability:
        out["part_placement_error_mm"] = max(0.0, p.part_placement_error_mm - 0.8)
    return AssetParams(**out)


def jittered(p: AssetParams, rng: np.random.Generator) -> AssetParams:
    """One parameter, drawn at random, changed by a normal step."""
    names = list(asdict(p))
    name = names[int(rng.integers(len(names)))]
    return replace(p, **{name: getattr(p, name) + SIGMA_MM * float(rng.standard_normal())})


@dataclass(frozen=True)
class Trial:
    """One run, as the document's harness logs it."""

    scenario: str
    policy: str
    seed: int
    initial: AssetParams
    final: AssetParams
    iterations: int
    passed: bool
    final_signals: FailureSignals
    history: tuple[AssetParams, ...]

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "final_signals": self.final_signals.model_dump()}


def trial(scenario: str, policy: str, seed: int) -> Trial:
    """Evaluate and edit until it passes, at most twelve evaluations. ValueError for another policy."""
    rng = np.random.default_rng([seed, list(SCENARIOS).index(scenario)])
    steps: dict[str, Callable[[AssetParams, FailureSignals], AssetParams]] = {
        "jitter": lambda p, s: jittered(p, rng),
        "corrective": corrective_step,
    }
    if policy not in steps:
        raise ValueError(unknown("policy", policy, steps))
    history = [SCENARIOS[scenario]]
    while not passes(evaluate(history[-1])) and len(history) < AT_MOST:
        history.append(steps[policy](history[-1], evaluate(history[-1])))
    last = evaluate(history[-1])
    done = passes(last)
    return Trial(scenario, policy, seed, history[0], history[-1], len(history), done, last, tuple(history))


def run(seed: int, runs: int = RUNS) -> dict[str, object]:
    """Both policies over all scenarios: mean iterations and how many passed, the number of trials a policy, and all `runs`."""
    summary: dict[str, object] = {}
    everything: list[dict[str, object]] = []
    for policy in ("corrective", "jitter"):
        trials = [trial(scenario, policy, seed + i) for scenario in SCENARIOS for i in range(runs)]
        summary[policy] = {
            "mean_iterations": float(np.mean([t.iterations for t in trials])),
            "passed": sum(t.passed for t in trials),
            "by_scenario": {name: float(np.mean([t.iterations for t in trials if t.scenario == name])) for name in SCENARIOS},
        }
        everything += [t.to_dict() for t in trials]
    return {**summary, "trials": runs * len(SCENARIOS), "runs": everything}
