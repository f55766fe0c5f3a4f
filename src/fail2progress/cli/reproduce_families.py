"""`fail2progress reproduce families`: what is learnt from one failure of every family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fail2progress.cli.common import print_json, require, say, stopped_with, write_json
from fail2progress.core.files import write_whole

TABLES = ("families",)


@dataclass(frozen=True)
class Order:
    """What is to be run, and where it goes."""

    out: Path
    models: Path | None
    failures: int
    tests: int
    seed: int | None
    quick: bool
    processes: int | None
    minutes: float | None
    families: str
    parts: str
    methods: str = ""


def run(order: Order, json_output: bool) -> None:
    """Run the study and write `families.json` and `.md` into its folder."""
    from fail2progress.evaluation.studies.families import GENERATORS, LEARNERS, PARTS, Study, markdown
    from fail2progress.learning.finetuning.learner import Learner
    from fail2progress.learning.finetuning.rehearsal import load_rehearsal
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.simulation.parallel import ParallelSimulator
    from fail2progress.tasks.families.registry import FAMILIES

    names = _chosen(order.families, FAMILIES.names()[:2] if order.quick else FAMILIES.names(), "family", FAMILIES.names())
    parts = _chosen(order.parts, PARTS, "part")
    path = order.models / weights.RELATIONAL if order.models is not None else weights.path(weights.RELATIONAL)
    start, rehearsal = load_checkpoint(path), load_rehearsal(weights.path(weights.KEEPSAKE))
    learners = _chosen(order.methods, LEARNERS[:1] if order.quick else LEARNERS, "method", LEARNERS)
    study = Study(
        order.out,
        names,
        GENERATORS,
        learners,
        1 if order.quick else order.failures,
        order.tests,
        seed=Study.seed if order.seed is None else order.seed,
        parts=parts,
        minutes=order.minutes,
    )
    with (
        stopped_with(f"finished cells are kept in {order.out}, and the same command goes on"),
        ParallelSimulator(order.processes) as simulator,
    ):
        report = study.run(start, Learner(simulator, rehearsal, patience=600.0), say)
    write_json(order.out / "families.json", report)
    write_whole(order.out / "families.md", markdown(report))
    if json_output:
        print_json(report)
    else:
        say(markdown(report))


def _chosen(names: str, otherwise: Sequence[str], kind: str, known: Sequence[str] = ()) -> tuple[str, ...]:
    """The names between commas, `otherwise` where there are none. UserError for one that is unknown."""
    known = known or otherwise
    found = tuple(name.strip() for name in names.split(",") if name.strip())
    for name in found:
        require(name in known, f"unknown {kind} {name!r}; known: {', '.join(known)}")
    return found or tuple(otherwise)
