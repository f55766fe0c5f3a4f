"""The robot's scenarios: rebuilt scenes with a known fault each, corrected by three policies.

A scene is drawn, settled and seen; then one thing, or two that hang together, is made wrong as a reconstruction may make it.
A run passes once no signal of any asset fails, within twelve evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Array, Scene, pose, yaw_of
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies.corrective_document import AT_MOST
from fail2progress.failures.assets.case import Case, Grasp
from fail2progress.failures.assets.refine import POLICIES, EditRecord, Policy, Refiner, coupled
from fail2progress.simulation import registry as simulators
from fail2progress.skills.base import SkillCall

RUNS = 20
CABINET, TRAY = (0.25, 0.22, 0.12), (0.234, 0.186, 0.084)
BY_THE_WALL = -0.4 + TRAY[1] / 2 - 0.006 - 0.015
"""Where (m, along y) the block in the drawer touches its wall."""
JITTER = {"place": 0.003, "yaw": 0.05, "size": 0.003, "opening": 0.01, "grasp": 0.005, "target": 0.01}
"""Standard deviations of the jitter's step (m, rad), of the same size as the faults."""


def true_case(rng: np.random.Generator) -> Case:
    """A table with a turned cup, a capsule beside it, and a cabinet whose drawer stands open with a block in it; seen."""
    opening, yaw = rng.uniform(0.05, 0.11), rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.6)
    x, y = rng.uniform(0.42, 0.55), rng.uniform(0.12, 0.3)
    tray_x, block_y = 0.7 - 0.006 - opening, BY_THE_WALL - rng.uniform(0.0005, 0.001)
    items = (
        (ObjectSpec("table", "table", (0.7, 1.2, 0.04)), pose(0.6, 0.0, 0.48)),
        (ObjectSpec("cup", "cup", (0.10, 0.10, 0.07)), pose(x, y, 0.535, yaw)),
        (ObjectSpec("pill", "capsule", (0.032, 0.032, 0.03)), pose(x, y - rng.uniform(0.1, 0.11), 0.515)),
        (ObjectSpec("cabinet", "cabinet", CABINET), pose(0.7, -0.4, 0.56)),
        (ObjectSpec("tray", "drawer", TRAY, "cabinet"), pose(tray_x, -0.4, 0.56)),
        (
            ObjectSpec("block", "cuboid", (0.03, 0.03, 0.03)),
            pose(tray_x - 0.085, block_y, 0.539),
        ),
    )
    scene = Scene(tuple(spec for spec, _ in items), np.stack([at for _, at in items]), {"tray": opening})
    snapshot = simulators.make().settle(scene, Camera(), int(rng.integers(2**31)))
    call = SkillCall("pick_place", "pill", (0.0, -0.15, 0.03, 0.0), "table")
    return Case(snapshot.scene, snapshot.cloud, call)


def turned_container(case: Case, rng: np.random.Generator) -> Case:
    """The cup rebuilt along the axes, as large as the box around it."""
    i = case.scene.index("cup")
    low, high = case.scene.bounds()[i]
    x, y, z = (high - low).tolist()
    return case.with_asset("cup", replace(case.scene.objects[i], size=(x, y, z)), pose(*case.scene.poses[i, :3].tolist()))


def wrong_drawer(case: Case, rng: np.random.Generator) -> Case:
    """The drawer rebuilt shut and without its cabinet, or wider than the cabinet lets it be."""
    i = case.scene.index("tray")
    if rng.random() < 0.5:
        alone = case.with_asset("tray", replace(case.scene.objects[i], inside_of=None))
        return replace(alone, scene=alone.scene.with_poses(alone.scene.poses, {"tray": 0.0}))
    width = CABINET[1] - 0.024 + rng.uniform(0.004, 0.010)
    return case.with_asset("tray", replace(case.scene.objects[i], size=(TRAY[0], width, TRAY[2])))


def in_the_wall(case: Case, rng: np.random.Generator) -> Case:
    """The block rebuilt some millimetres in the drawer's wall."""
    at = case.scene.poses[case.scene.index("block")].copy()
    at[1] = BY_THE_WALL + rng.uniform(0.002, 0.0045)
    return case.with_asset("block", pose=at)


def rim_grasp(case: Case, rng: np.random.Generator) -> Case:
    """The cup is to be held by its rim, too near to a corner."""
    call = SkillCall("pick_place", "cup", (0.0, -0.1, 0.05, 0.0), "table")
    corner = float(rng.choice([-1.0, 1.0])) * rng.uniform(0.046, 0.049)
    return replace(case, call=call, grasps={"cup": Grasp((corner, 0.0475, 0.03), 1)})


def out_of_reach(case: Case, rng: np.random.Generator) -> Case:
    """The place lies above 1.20 m, or farther out than the hand comes."""
    at = case.scene.position("pill")
    if rng.random() < 0.5:
        return replace(case, call=SkillCall("pick_place", "pill", (0.0, -0.15, 1.20 + rng.uniform(0.01, 0.04) - at[2], 0.0)))
    far = 1.8 + rng.uniform(0.01, 0.04) - at[0]
    return replace(case, call=SkillCall("pick_place", "pill", (far, -0.15, 0.03, 0.0)))


def cup_and_neighbour(case: Case, rng: np.random.Generator) -> Case:
    """The cup rebuilt too small and the capsule where the cup's wall belongs: mending the cup first makes them overlap."""
    i, p = case.scene.index("cup"), case.scene.index("pill")
    small = case.with_asset("cup", replace(case.scene.objects[i], size=(0.10, 0.06, 0.07)))
    at = case.scene.poses[p].copy()
    yaw = yaw_of(case.scene.poses[i])
    at[:2] = case.scene.poses[i, :2] + (0.05 + 0.016 - rng.uniform(0.003, 0.006)) * np.array([np.sin(yaw), -np.cos(yaw)])
    return small.with_asset("pill", pose=at)


def drawer_and_contents(case: Case, rng: np.random.Generator) -> Case:
    """The drawer jammed, and the block in it in the wall that has to move."""
    i = case.scene.index("tray")
    jammed = case.with_asset("tray", replace(case.scene.objects[i], size=(TRAY[0], CABINET[1] - 0.018, TRAY[2])))
    at = case.scene.poses[case.scene.index("block")].copy()
    at[1] = BY_THE_WALL + (CABINET[1] - 0.018 - TRAY[1]) / 2 + rng.uniform(0.0015, 0.003)
    return jammed.with_asset("block", pose=at)


Fault = Callable[[Case, np.random.Generator], Case]
FAULTS: dict[str, Fault] = {
    "turned_container": turned_container,
    "wrong_drawer": wrong_drawer,
    "in_the_wall": in_the_wall,
    "rim_grasp": rim_grasp,
    "out_of_reach": out_of_reach,
    "cup_and_neighbour": cup_and_neighbour,
    "drawer_and_contents": drawer_and_contents,
}
"""The last two are coupled."""


def jitter(case: Case, rng: np.random.Generator) -> Case:
    """One parameter of one asset, drawn at random, changed by a normal step."""
    movable = [spec.name for spec in case.scene.objects if spec.movable or spec.is_drawer]
    name, kind = str(rng.choice(movable)), str(rng.choice(list(JITTER)))
    step = JITTER[kind] * float(rng.standard_normal())
    axis = int(rng.integers(3))
    i = case.scene.index(name)
    spec, at = case.scene.objects[i], case.scene.poses[i].copy()
    if kind == "place":
        return case.moved(name, step * np.eye(3)[axis])
    if kind == "yaw":
        x, y, z = at[:3].tolist()
        return case.with_asset(name, pose=pose(x, y, z, yaw_of(at) + step))
    if kind == "size":
        size = np.array(spec.size)
        size[axis] = max(size[axis] + step, 0.01)
        x, y, z = size.tolist()
        return case.with_asset(name, replace(spec, size=(x, y, z)))
    return _call_jittered(case, kind, step, axis)


def _call_jittered(case: Case, kind: str, step: float, axis: int) -> Case:
    """The drawer's opening, the grasp, or the place of the call."""
    if kind == "opening":
        openings = {name: max(0.0, value + step) for name, value in case.scene.openings.items()}
        return replace(case, scene=case.scene.with_poses(case.scene.poses, openings))
    assert case.call is not None
    if kind == "grasp":
        grasp = case.grasp(case.call.object)
        x, y, z = (np.array(grasp.centre) + step * np.eye(3)[axis]).tolist()
        return replace(case, grasps={**case.grasps, case.call.object: replace(grasp, centre=(x, y, z))})
    values: Array = np.array(case.call.parameters)
    values[axis] = float(np.clip(values[axis] + step, -2.0, 2.0))
    return replace(case, call=replace(case.call, parameters=tuple(values.tolist())))


@dataclass(frozen=True)
class Item:
    """One run: a scenario, a policy, a seed."""

    scenario: str
    policy: Policy
    seed: int

    @property
    def key(self) -> str:
        """Names the run."""
        return f"{self.scenario}/{self.policy}/{self.seed}"


def items(seed: int, runs: int = RUNS) -> Iterator[Item]:
    """All runs."""
    for scenario in FAULTS:
        for i in range(runs):
            for policy in POLICIES:
                yield Item(scenario, policy, seed + i)


def trial(item: Item) -> Row:
    """One run: the fault of its seed, corrected by its policy."""
    rng = np.random.default_rng([item.seed, list(FAULTS).index(item.scenario)])
    wrong = FAULTS[item.scenario](true_case(rng), rng)
    found = Refiner(policy=item.policy, at_most=AT_MOST, jitter=jitter).refine(wrong, rng)
    return {
        "key": item.key,
        "scenario": item.scenario,
        "policy": item.policy,
        "seed": item.seed,
        "iterations": found.iterations,
        "passed": found.passed,
        "initial_signals": [row.model_dump() for row in found.initial],
        "final_signals": [row.model_dump() for row in found.final],
        "open": [reading.evidence for reading in found.open],
        "history": [record.model_dump() for record in found.history],
    }


def report(rows: Sequence[Row]) -> dict[str, object]:
    """Passed and mean iterations for each policy and scenario, and the coupled-failure matrix of each policy with edits."""
    return {policy: _of_policy([row for row in rows if row["policy"] == policy]) for policy in POLICIES}


def _of_policy(rows: Sequence[Row]) -> dict[str, Any]:
    named = [EditRecord.model_validate(record) for row in rows if row["policy"] != "jitter" for record in row["history"]]
    return {
        "passed": sum(row["passed"] for row in rows),
        "trials": len(rows),
        "mean_iterations": float(np.mean([_spent(row) for row in rows])) if rows else None,
        "by_scenario": {
            name: {
                "passed": sum(row["passed"] for row in rows if row["scenario"] == name),
                "of": sum(row["scenario"] == name for row in rows),
            }
            for name in FAULTS
        },
        "coupled": coupled(named),
    }


def _spent(row: Row) -> int:
    """Evaluations; a run that does not pass counts as all of them, however early it gave up."""
    return int(row["iterations"]) if row["passed"] else AT_MOST
