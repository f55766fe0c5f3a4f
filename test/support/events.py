"""Small failure events for tests. As a program: adds events to a store for ever, naming each once it has been added."""

import sys
from pathlib import Path

import numpy as np

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch, event_id
from fail2progress.failures.store import FailureStore
from fail2progress.skills.base import SkillCall

NAMES, CATEGORIES = ("table", "cup", "pill"), ("table", "cup", "capsule")
MODEL = "0" * 64


def make_event(seed: int = 0, task: str = "tabletop", points: int = 16) -> FailureEvent:
    """An event whose arrays follow from the seed; the pill was never seen, so its points are NaN."""
    rng = np.random.default_rng(seed)

    def cloud(stamp: int) -> SegmentedCloud:
        values = rng.normal(size=(3, points, 3)).astype(np.float32)
        values[2] = np.nan
        return SegmentedCloud(NAMES, CATEGORIES, values, np.array([1, 0.5, 0], np.float32), stamp=stamp)

    def relations() -> RelationState:
        # What fits into float32 comes back exactly.
        binary, unary = rng.random((3, 3, len(BINARY)), np.float32), rng.random((3, len(UNARY)), np.float32)
        return RelationState(NAMES, binary.astype(float), unary.astype(float))

    before, after = cloud(0), cloud(10**9)
    call = SkillCall("pick_place", "cup", (0.1, -0.2, 0.01, 0.0), target="table")
    lost = Mismatch(relation="inside", subject="pill", other="cup", expected=0.05, observed=0.98)
    header = Header(
        id=event_id(before, call, MODEL, seed, 2),
        time=f"2025-01-01T00:00:{seed % 60:02d}.000+00:00",
        task=task,
        objects=2,
        seed=seed,
        step=2,
        goal=("inside(pill, cup)",),
        call=Call.of(call),
        plan=(Call.of(call),),
        model=MODEL,
        mismatches=(lost,),
        names=NAMES,
        categories=CATEGORIES,
        frame=before.frame,
        stamps=(0.0, 1.0),
    )
    return FailureEvent(
        header=header, before=before, after=after, relations_before=relations(), expected=relations(), observed=relations()
    )


def main(path: Path, first: int, last: int) -> None:
    """Print "ready", wait for a line, then add the events of these seeds."""
    store = FailureStore(path)
    print("ready", flush=True)
    sys.stdin.readline()
    for seed in range(first, last):
        event = make_event(seed)
        store.add(event)
        print(event.id, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
