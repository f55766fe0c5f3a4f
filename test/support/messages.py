"""Core values and messages for tests: valid ones from a seed or by hypothesis, and damaged ones by mutation."""

import copy
import re
import uuid
from array import array
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fail2progress.agent.monitor import SkillExecution
from fail2progress.core.goals import Atom, Goal
from fail2progress.core.objects import CATEGORIES
from fail2progress.core.observation import SECOND, SegmentedCloud
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.failures.assets.schema import FailureSignals
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.planning.planned import PlannedSkill
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import SKILLS

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
NAMES = st.lists(TEXT.filter(bool), max_size=4, unique=True).map(tuple)
STAMPS = st.integers(0, 2**31 * SECOND - 1)
UINT32, UINT64 = st.integers(0, 2**31 - 1), st.integers(0, 2**64 - 1)
UUIDS = st.uuids().map(str)
SHARES = st.floats(0, 1)
_METRES = st.floats(-1e3, 1e3, width=32)


@st.composite
def clouds(draw: Any, names: tuple[str, ...] | None = None) -> SegmentedCloud:
    """Of any size, N = 0 included; some segments were never seen."""
    names = draw(NAMES) if names is None else names
    count, size = len(names), draw(st.integers(1, 5))
    points = draw(arrays.arrays(np.float32, (count, size, 3), elements=_METRES))
    points[draw(arrays.arrays(np.bool_, count))] = np.nan
    kinds = draw(st.lists(st.sampled_from(sorted(CATEGORIES)), min_size=count, max_size=count).map(tuple))
    visibility = draw(arrays.arrays(np.float32, count, elements=st.floats(0, 1, width=32)))
    colours = tuple(draw(st.lists(st.sampled_from(("", "red", "grey")), min_size=count, max_size=count))) * draw(st.booleans())
    return SegmentedCloud(names, kinds, points, visibility, draw(TEXT.filter(bool)), draw(STAMPS), colours)


@st.composite
def relations(draw: Any, names: tuple[str, ...] | None = None) -> RelationState:
    """Probabilities or truths."""
    names = draw(NAMES) if names is None else names
    kind, elements = draw(st.sampled_from([(np.float64, SHARES), (np.bool_, st.booleans())]))
    shape = (len(names), len(names), len(BINARY))
    binary = draw(arrays.arrays(kind, shape, elements=elements))
    return RelationState(names, binary, draw(arrays.arrays(kind, (len(names), len(UNARY)), elements=elements)))


@st.composite
def calls(draw: Any, names: st.SearchStrategy[str] = TEXT) -> SkillCall:
    """Within bounds."""
    skill = draw(st.sampled_from(sorted(SKILLS)))
    parameters = tuple(draw(st.floats(p.low, p.high)) for p in SKILLS[skill].parameters)
    return SkillCall(skill, draw(names), parameters, draw(st.none() | TEXT.filter(bool)))


@st.composite
def planned(draw: Any, names: tuple[str, ...] | None = None) -> PlannedSkill:
    """With what is expected."""
    expected = draw(relations(names))
    shift = draw(arrays.arrays(np.float64, (len(expected.names), 3), elements=st.floats(-1e3, 1e3)))
    return PlannedSkill(draw(calls(st.sampled_from(names) if names else TEXT)), expected, shift)


@st.composite
def goals(draw: Any, names: tuple[str, ...] = ("cup", "table", "pill")) -> Goal:
    """Of existing relations."""
    pairs = st.permutations(names).map(lambda order: order[:2])
    atom = st.builds(lambda r, p, h: Atom(r, p[0], p[1], h), st.sampled_from(BINARY), pairs, st.booleans()) | st.builds(
        lambda r, p, h: Atom(r, p[0], None, h), st.sampled_from(UNARY), pairs, st.booleans()
    )
    return Goal(tuple(draw(st.lists(atom, min_size=1, max_size=4))))


_SEEN = {"subject": TEXT, "expected": SHARES, "observed": SHARES}
MISMATCHES = st.builds(Mismatch, relation=st.sampled_from(BINARY), other=TEXT.filter(bool), **_SEEN) | st.builds(
    Mismatch, relation=st.sampled_from(UNARY), other=st.just(""), **_SEEN
)


@st.composite
def attempts(draw: Any) -> SkillExecution:
    """All parts speak of the same segments."""
    names = draw(NAMES.filter(lambda found: len(found) > 1))
    plan = tuple(draw(st.lists(calls(), max_size=3)))
    of = (draw(TEXT), draw(UINT32), draw(UINT64), draw(UINT32), draw(goals(names)))
    place = draw(st.none() | st.sampled_from(range(len(plan)))) if plan else None
    return SkillExecution(*of, plan, draw(planned(names)), draw(TEXT), draw(clouds(names)), draw(relations(names)), place=place)


@st.composite
def events(draw: Any) -> FailureEvent:
    """As the monitor makes them."""
    attempt = draw(attempts())
    before, names = attempt.before, attempt.before.names
    after = draw(clouds(names))
    after = SegmentedCloud(names, before.categories, after.points, after.visibility, before.frame, after.stamp)
    header = Header(
        id=draw(UUIDS), time=draw(st.datetimes()).isoformat(), task=attempt.task, objects=attempt.objects, seed=attempt.seed,
        step=attempt.step, goal=tuple(map(str, attempt.goal.atoms)), call=Call.of(attempt.planned.call),
        plan=tuple(map(Call.of, attempt.plan)), model=attempt.model, mismatches=tuple(draw(st.lists(MISMATCHES, max_size=3))),
        names=names, categories=before.categories, frame=before.frame, stamps=(before.stamp, after.stamp),
    )  # fmt: skip
    observed = draw(relations(names))
    return FailureEvent(
        header=header, before=before, after=after, relations_before=attempt.relations_before,
        expected=attempt.planned.expected, observed=observed,
    )  # fmt: skip


ASSET_SIGNALS = st.builds(
    FailureSignals,
    asset=TEXT,
    geometry_mismatch_mm=st.floats(allow_nan=False, allow_infinity=False),
    joint_clearance_fail=st.booleans(),
    contact_equilibrium_fail=st.booleans(),
    reachability_fail=st.booleans(),
    grasp_instability=st.booleans(),
)
REPORTS = st.builds(
    FailureReport,
    failure=UUIDS,
    category=st.sampled_from(FailureClass),
    confidence=SHARES,
    repetitions=UINT32,
    differences=st.lists(MISMATCHES, max_size=3).map(tuple),
    rebuilt=st.lists(TEXT, max_size=3).map(tuple),
    reason=TEXT,
    initial_signals=st.lists(ASSET_SIGNALS, max_size=3).map(tuple),
    final_signals=st.lists(ASSET_SIGNALS, max_size=3).map(tuple),
)


def same(one: object, other: object) -> bool:
    """Equality down to the bits of arrays; NaN is NaN."""
    if isinstance(one, np.ndarray):
        alike = isinstance(other, np.ndarray) and one.dtype == other.dtype
        return bool(alike and np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    parts = getattr(one, "__dict__", None)
    if parts and not isinstance(one, FailureClass):
        return all(same(value, getattr(other, key)) for key, value in parts.items())
    return bool(one == other)


# Damage

STRINGS = ("", "nobody", "x" * 20_000, "\u202e\u0000"[:1], "../../etc/passwd", "NaN", "table", "%s%n{}", "\n" * 50)
NUMBERS = (float("nan"), float("inf"), float("-inf"), 1e30, -1e30, 1e308, -1.0, 0.0, 1e-300, 2.0)


def mutate(message: Any, rng: np.random.Generator, times: int = 1) -> Any:
    """A copy with so many fields, chosen at random at any depth, made hostile."""
    message = copy.deepcopy(message)
    for _ in range(times):
        _mutate(message, rng)
    return message


def _mutate(message: Any, rng: np.random.Generator) -> None:
    fields = message.get_fields_and_field_types()
    name = str(rng.choice(list(fields)))
    kind, value = fields[name], getattr(message, name)
    if hasattr(value, "get_fields_and_field_types"):
        _mutate(value, rng)
    elif kind.startswith("sequence<"):
        setattr(message, name, _sequence(kind[9:-1], value, rng))
    elif "[" in kind:
        value[int(rng.integers(len(value)))] = _scalar(kind.split("[")[0], rng)
    else:
        setattr(message, name, _scalar(kind, rng))


def _sequence(kind: str, value: Any, rng: np.random.Generator) -> Any:
    """Emptied, cut, doubled, many times as long, or with one element made hostile."""
    items, way = list(value), int(rng.integers(6))
    if way == 0 or not items:
        items = [] if items or "/" in kind else [_scalar(kind, rng)]
    elif way == 1:
        items = items[:-1]
    elif way == 2:
        items = items * 2
    elif way == 3:
        items = (items * 5000)[: 5000 if "/" not in kind else 300]
    elif hasattr(items[0], "get_fields_and_field_types"):
        items = [copy.deepcopy(item) for item in items]
        _mutate(items[int(rng.integers(len(items)))], rng)
    else:
        items[int(rng.integers(len(items)))] = _scalar(kind, rng)
    return array(value.typecode, items) if isinstance(value, array) else items


def _scalar(kind: str, rng: np.random.Generator) -> Any:
    if kind == "string":
        return str(rng.choice(STRINGS))
    if kind == "boolean":
        return bool(rng.integers(2))
    if kind in ("float", "double"):
        value = float(rng.choice(NUMBERS))
        return value if kind == "double" or not np.isfinite(value) else float(np.clip(value, -1e30, 1e30))
    if kind in ("octet", "byte"):
        return bytes([int(rng.integers(256))])
    found = re.fullmatch(r"(u?)int(\d+)", kind)
    assert found is not None, kind
    bits = int(found[2])
    low, high = (0, 2**bits - 1) if found[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return int(rng.choice(np.array([low, high, 1, high // 2, int(rng.integers(0, 100))], dtype=object)))


# Valid ones from a seed

SEEN, KINDS = ("table_a", "cup_1", "capsule_1"), ("table", "cup", "capsule")
EPISODE = str(uuid.UUID(int=7))


def scene_cloud(seed: int = 0, stamp: float = 1.0, points: int = 32) -> SegmentedCloud:
    """A cup and a capsule on a table, each a box of points."""
    rng = np.random.default_rng(seed)
    centre = np.array([[0.6, 0, 0.3], [0.6, 0.1, 0.65], [0.5, -0.1, 0.62]])
    half = np.array([[0.3, 0.4, 0.3], [0.04, 0.04, 0.05], [0.015, 0.015, 0.02]])
    values = centre[:, None] + half[:, None] * rng.uniform(-1, 1, (3, points, 3))
    return SegmentedCloud(SEEN, KINDS, values.astype(np.float32), np.ones(3, np.float32), "planning", round(stamp * SECOND))


def scene_relations(seed: int = 0) -> RelationState:
    """Probabilities."""
    rng = np.random.default_rng(seed)
    return RelationState(SEEN, rng.random((3, 3, len(BINARY))), rng.random((3, len(UNARY))))


def scene_attempt(seed: int = 0, model: str = "0" * 64, step: int = 0) -> SkillExecution:
    """The cup shall be put elsewhere."""
    call = SkillCall("pick_place", "cup_1", (0.05, 0.0, 0.0, 0.0), "table_a")
    skill = PlannedSkill(call, scene_relations(seed), np.zeros((3, 3)))
    goal = Goal((Atom("above", "cup_1", "table_a"),))
    seen = (scene_cloud(seed), scene_relations(seed + 1))
    return SkillExecution("hierarchical-tabletop", 3, seed, step, goal, (call,), skill, model, *seen)


def scene_event(seed: int = 0) -> FailureEvent:
    """The same, failed."""
    attempt, before = scene_attempt(seed), scene_cloud(seed)
    header = Header(
        id=str(uuid.UUID(int=seed + 1)), time="2025-01-01T00:00:00.000+00:00", task=attempt.task, objects=3, seed=seed, step=0,
        goal=("above(cup_1, table_a)",), call=Call.of(attempt.planned.call), plan=(Call.of(attempt.planned.call),),
        model=attempt.model, names=SEEN, categories=KINDS, frame=before.frame, stamps=(1.0, 2.0),
        mismatches=(Mismatch(relation="above", subject="cup_1", other="table_a", expected=0.9, observed=0.1),),
    )  # fmt: skip
    return FailureEvent(
        header=header, before=before, after=scene_cloud(seed + 1, 2.0), relations_before=scene_relations(seed),
        expected=scene_relations(seed + 1), observed=scene_relations(seed + 2),
    )  # fmt: skip


def scene_report(seed: int = 0, category: FailureClass = FailureClass.SIM2REAL_GAP) -> FailureReport:
    """Of the event with this seed."""
    return FailureReport(
        failure=str(uuid.UUID(int=seed + 1)), category=category, confidence=0.8, repetitions=5, differences=(),
        rebuilt=("cup_1: cup [0.1, 0.1, 0.1] m",),
    )  # fmt: skip
