"""`fail2progress reproduce families`: what is learnt from one failure of every family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fail2progress.cli.common import checked, print_json, require, say, stopped_with, write_json
from fail2progress.core.files import write_whole

_SETTING = ("families", "parts", "methods", "samples", "surplus", "placing")
TAKES = {"families": (*_SETTING, "weights", "rounds", "trials", "seed", "quick", "processes", "minutes")}
"""The options of it, beside --out and --json."""
TABLES = tuple(TAKES)


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
    samples: int = 20
    surplus: bool = True
    placing: str = "together"


def run(order: Order, json_output: bool) -> None:
    """Run the study and write `families.json` and `.md` into its folder."""
    from fail2progress.core.executor import PoolExecutor, UntilExecutor
    from fail2progress.evaluation.studies.families import EVERY, GENERATORS, LEARNERS, PARTS, Study
    from fail2progress.evaluation.studies.families_page import markdown
    from fail2progress.evaluation.studies.family_cells import Setting
    from fail2progress.learning.finetuning.generators import GENERATORS as SAMPLES
    from fail2progress.learning.finetuning.targeted import TargetOptions
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.stein.around import APART
    from fail2progress.tasks.families.registry import FAMILIES

    names = _chosen(order.families, FAMILIES.names()[:2] if order.quick else FAMILIES.names(), "family", FAMILIES.names())
    parts = _chosen(order.parts, PARTS, "part")
    path = order.models / weights.RELATIONAL if order.models is not None else weights.path(weights.RELATIONAL)
    load_checkpoint(path)
    learners = _chosen(order.methods, LEARNERS[:1] if order.quick else LEARNERS, "method", EVERY)
    with checked():
        targeting = TargetOptions(samples=order.samples, placing=order.placing)
    if order.placing == APART:  # a wide space: longer steps, more of them, and flat at first (docs/decisions/0126)
        targeting = replace(targeting, state_steps=300, state_rate=0.3, tempered=0.02)
    # Without surplus every stable particle is in D+, and none explores.
    targeting = targeting if order.surplus else replace(targeting, oversampling=1.0, explorers=0.0)
    setting = Setting(path, weights.path(weights.KEEPSAKE), order.failures, order.tests, targeting=targeting)
    if order.seed is not None:
        setting = replace(setting, seed=order.seed)
    generators = tuple(name for name in learners if name in SAMPLES.names()) if order.methods else GENERATORS
    study = Study(order.out, names, setting, generators, learners, parts)
    with (
        stopped_with(f"finished cells are kept in {order.out}, and the same command goes on"),
        PoolExecutor(order.processes) as pool,
    ):
        report = study.run(pool if order.minutes is None else UntilExecutor(pool, order.minutes), say)
    write_json(order.out / "families.json", report)
    write_whole(order.out / "families.md", markdown(report))
    if json_output:
        print_json(report)
    else:
        for line in markdown(report).splitlines():
            say(line)


def _chosen(names: str, otherwise: Sequence[str], kind: str, known: Sequence[str] = ()) -> tuple[str, ...]:
    """The names between commas, `otherwise` where there are none. UserError for one that is unknown."""
    known = known or otherwise
    found = tuple(name.strip() for name in names.split(",") if name.strip())
    for name in found:
        require(name in known, f"unknown {kind} {name!r}; known: {', '.join(known)}")
    return found or tuple(otherwise)
