"""Failures of several kinds: a pushed row, a carried stack, a drawer with a thing in it, a capsule in a cup in a box; and a row
on top of a cabinet whose last is pushed off; a plank over a table's edge from which the block is carried that held it down; a
tall block that is toppled."""

from functools import lru_cache

import numpy as np

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.relations import BINARY, RelationState
from fail2progress.core.scene import Scene, pose
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch
from fail2progress.simulation.base import Job, Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall

TOP = 0.5
KINDS = ("row", "stack", "drawer", "nested")
_Put = tuple[str, str, tuple[float, float, float], tuple[float, float, float]]


def _scene(*things: _Put, inside: dict[str, str] | None = None, openings: dict[str, float] | None = None) -> Scene:
    """Two tables and things: name, category, size, and x, y and the height of the foot above the table (m)."""
    tables = [
        ("table_a", "table", (0.5, 0.5, 0.04), (0.6, 0.35, -0.04)),
        ("table_b", "table", (0.5, 0.5, 0.04), (0.6, -0.35, -0.04)),
    ]
    specs = tuple(ObjectSpec(name, kind, size, (inside or {}).get(name)) for name, kind, size, _ in (*tables, *things))
    poses = [pose(at[0], at[1], TOP + at[2] + size[2] / 2) for _, _, size, at in (*tables, *things)]
    return Scene(specs, np.array(poses), openings or {})


_OTHER: _Put = ("other", "cuboid", (0.04, 0.04, 0.04), (0.75, 0.50, 0.0))
_BESIDE: _Put = ("other", "cuboid", (0.04, 0.04, 0.04), (0.45, 0.30, 0.0))
_ROW = _scene(
    *[(f"row_{i}", "cuboid", (0.045, 0.05, 0.05), (0.45 + 0.047 * i, 0.3, 0.0)) for i in range(3)],
    _OTHER,
)
_STACK = _scene(
    ("base", "cuboid", (0.06, 0.06, 0.04), (0.5, 0.3, 0.0)), ("top", "cuboid", (0.04, 0.04, 0.03), (0.5, 0.3, 0.04)), _OTHER
)
_DRAWER = _scene(
    ("cabinet", "cabinet", (0.25, 0.2, 0.13), (0.65, 0.25, 0.0)),
    ("drawer", "drawer", (0.234, 0.168, 0.096), (0.65 - 0.106, 0.25, 0.014)),
    ("thing", "cuboid", (0.03, 0.03, 0.03), (0.48, 0.25, 0.02)),
    _OTHER,
    inside={"drawer": "cabinet"},
    openings={"drawer": 0.1},
)
_NESTED = _scene(
    ("box", "open_box", (0.15, 0.15, 0.07), (0.5, 0.3, 0.0)),
    ("cup", "cup", (0.08, 0.08, 0.06), (0.5, 0.3, 0.006)),
    ("capsule", "capsule", (0.03, 0.03, 0.03), (0.5, 0.3, 0.011)),
    _OTHER,
)
_ON_TOP = _scene(
    ("cabinet", "cabinet", (0.25, 0.2, 0.13), (0.65, 0.35, 0.0)),
    ("drawer", "drawer", (0.234, 0.168, 0.096), (0.65 - 0.006, 0.35, 0.014)),
    *[(f"row_{i}", "cuboid", (0.045, 0.05, 0.05), (0.60 - 0.047 * i, 0.35, 0.13)) for i in range(2)],
    _OTHER,
    inside={"drawer": "cabinet"},
    openings={"drawer": 0.0},
)
_HELD_DOWN = _scene(
    ("plank", "cuboid", (0.06, 0.26, 0.015), (0.6, 0.58 + 0.04, 0.0)),
    ("block", "cuboid", (0.055, 0.055, 0.07), (0.6, 0.62 - 0.095, 0.015)),
    _BESIDE,
)
_TALL = _scene(("tall", "cuboid", (0.032, 0.032, 0.2), (0.6, 0.3, 0.0)), _OTHER)
_CALLS = {
    "toppled": (_TALL, SkillCall("push", "tall", (0.0, 0.08))),
    "held down": (_HELD_DOWN, SkillCall("pick_place", "block", (0.0, -0.75, -0.003, 0.0), "table_b")),
    "on top": (_ON_TOP, SkillCall("push", "row_0", (float(np.pi), 0.05))),
    "row": (_ROW, SkillCall("push", "row_0", (0.0, 0.08))),
    "stack": (_STACK, SkillCall("pick_place", "base", (0.05, -0.65, 0.012, 0.0), "table_b")),
    "drawer": (_DRAWER, SkillCall("open_drawer", "drawer", (float(np.pi), 0.05))),
    "nested": (_NESTED, SkillCall("pick_place", "box", (0.05, -0.65, 0.012, 0.0), "table_b")),
}


@lru_cache(maxsize=len(KINDS))
def outcome(kind: str) -> Outcome:
    """What the failed skill did."""
    scene, call = _CALLS[kind]
    return MujocoSimulator().execute(Job(scene, call, seed=1))


def mismatch(relation: str, subject: str, other: str) -> Mismatch:
    """A relation that was expected to hold and did not."""
    return Mismatch(relation=relation, subject=subject, other=other, expected=0.95, observed=0.05)


@lru_cache(maxsize=len(KINDS))
def event(kind: str) -> FailureEvent:
    """The failure of a robot that believed that only the object of its skill moves; what it saw, it saw right."""
    done = outcome(kind)
    before, after = done.before, done.after
    expected = _believed(before.relations)
    changed = np.argwhere(np.asarray(before.relations.binary) != np.asarray(after.relations.binary))
    broken = tuple(
        Mismatch(
            relation=BINARY[k],
            subject=before.scene.names[i],
            other=before.scene.names[j],
            expected=0.95 if before.relations.binary[i, j, k] else 0.05,
            observed=0.95 if after.relations.binary[i, j, k] else 0.05,
        )
        for i, j, k in changed
        if not {before.scene.names[i], before.scene.names[j]} & {"other"}
    )
    header = Header(
        id="0b5d3a52-5c0e-4d0a-9d0e-7d2f6b1c2a3f", time="2025-01-01T00:00:00.000+00:00",
        task="item", objects=3, seed=5, step=0, goal=(), call=Call.of(done.call), plan=(Call.of(done.call),),
        model="0" * 64, mismatches=broken, names=before.cloud.names, categories=before.cloud.categories,
        frame=before.cloud.frame, stamps=(0.0, 1.0),
    )  # fmt: skip
    return FailureEvent(
        header=header,
        before=before.cloud,
        after=after.cloud,
        relations_before=_believed(before.relations),
        expected=expected,
        observed=_believed(after.relations),
    )


def _believed(state: RelationState) -> RelationState:
    """Truth as probabilities."""
    return RelationState(state.names, 0.02 + 0.96 * np.asarray(state.binary, float), np.asarray(state.unary, float))
