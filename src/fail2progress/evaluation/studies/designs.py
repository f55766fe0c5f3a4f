"""The paper's tables and figures as data: which cells each has, and along which axis it is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fail2progress.core.registry import Registry, instance_of
from fail2progress.evaluation.studies.bases import Base
from fail2progress.evaluation.studies.conditions import CONDITIONS, NOISES, PERCEIVED, TRUE_SEGMENTS, USUAL
from fail2progress.evaluation.studies.methods import METHODS, FromFailures, Method
from fail2progress.evaluation.studies.table3 import Study
from fail2progress.tasks import DEFAULT
from fail2progress.tasks.registry import task

PARTICLES = (5, 10, 20, 35, 50)
MODELS = ("points2plans", "stow-gnn", "binary-pred")
_FIRST = MODELS[:1]


@dataclass(frozen=True)
class Sizes:
    """How much of a study is run. Empty counts: those of the task; empty methods: all that are registered."""

    models: tuple[str, ...] = _FIRST
    methods: tuple[Method, ...] = ()
    counts: tuple[int, ...] = ()
    conditions: tuple[str, ...] = (USUAL.name,)
    trials: int = 100


@dataclass(frozen=True)
class Design:
    """A table or figure. `grid`: every condition with every count; otherwise conditions but the first with the fewest objects."""

    name: str
    title: str
    full: Sizes
    quick: Sizes
    task: str = DEFAULT
    budget: bool = False
    """Whether a second table lets all methods plan again within a budget."""
    axis: str = "objects"
    """"objects", "condition" or "samples"."""
    grid: bool = True
    unbounded: bool = True
    """Whether methods that plan again do so without a budget, too."""
    first: bool = True
    """Whether there is the paper's table; otherwise the one within a budget stands alone."""

    def study(self, folder: Path, bases: tuple[Base, ...], rehearsal: Path, sizes: Sizes, seed: int, rounds: int = 1) -> Study:
        """The study of the bases given."""
        return Study(
            folder,
            bases,
            rehearsal,
            sizes.methods or tuple(map(METHODS.get, METHODS.names())),
            task(self.task).reference,
            sizes.counts or task(self.task).counts,
            sizes.trials,
            seed,
            rounds,
            Study.spare if self.budget else None,
            tuple(map(CONDITIONS.get, sizes.conditions)),
            self.name,
            self.title,
            self.axis,
            self.grid,
            self.unbounded,
            self.first,
        )


def samples(count: int) -> Method:
    """fail2progress with so many samples."""
    usual = METHODS.get("fail2progress")
    assert isinstance(usual.learns, FromFailures)
    if count == usual.learns.samples:
        return usual
    return Method(f"{usual.name}-{count}", f"{usual.summary}, {count} of them", replace(usual.learns, samples=count))


def _named(*names: str) -> tuple[Method, ...]:
    return tuple(map(METHODS.get, names))


_BASELINES = _named("fail2progress", "gradient", "sampling")
_NOISES = tuple(f"noise-{1000 * noise:g}mm" for noise in NOISES)
_OURS = _named("fail2progress")

DESIGNS: Registry[Design] = Registry("study", "fail2progress.studies", form=instance_of(Design))
for _design in (
    Design(
        "table3",
        "Tables 1 and 3: Hierarchical Tabletop Organization",
        Sizes(models=MODELS),
        Sizes(methods=_named("original", "replanning", "fail2progress"), counts=(3,), trials=5),
        budget=True,
    ),
    Design(
        "table2",
        "Tables 2 and 4: Multi-object Transport, numbers of objects and unseen viewpoints",
        Sizes(methods=_BASELINES, conditions=(USUAL.name, "view1", "view2")),
        Sizes(methods=_OURS, counts=(3,), conditions=(USUAL.name, "view1"), trials=4),
        task="multi-object-transport",
        grid=False,
    ),
    Design(
        "table5",
        "Table 5: domain randomisation",
        Sizes(methods=_named("fail2progress", "domain-randomisation")),
        Sizes(methods=_named("fail2progress", "domain-randomisation"), counts=(3,), trials=5),
    ),
    Design(
        "figure3b",
        "Figure 3b: success and Sim2Real gap against noise on the clouds",
        Sizes(methods=_OURS, counts=(3,), conditions=_NOISES),
        Sizes(methods=_OURS, counts=(3,), conditions=(_NOISES[0], _NOISES[2]), trials=4),
        axis="condition",
    ),
    Design(
        "figure7",
        "Figure 7: success and time against the number of particles",
        Sizes(methods=tuple(map(samples, PARTICLES)), counts=(3,)),
        Sizes(methods=tuple(map(samples, (5, 20))), counts=(3,), trials=5),
        axis="samples",
    ),
    Design(
        "detection",
        "Detection: relations and failures, before and after learning",
        Sizes(models=MODELS, methods=_named("replanning", "fail2progress"), counts=(3,)),
        Sizes(methods=_named("replanning", "fail2progress"), counts=(3,), trials=5),
    ),
):
    DESIGNS.register(_design.name, _design)

LOOP = Design(
    "perceived",
    "Perceived segments in place of true ones: the simulated Stretch, before and after a lesson met so",
    Sizes(methods=_named("original", "fail2progress"), counts=(3,), conditions=(TRUE_SEGMENTS.name, PERCEIVED.name), trials=60),
    Sizes(methods=_OURS, counts=(3,), conditions=(TRUE_SEGMENTS.name, PERCEIVED.name), trials=4),
    axis="condition",
)
"""Everything in it is seen through the camera in the robot's head; success is judged on the simulator's truth."""
BUDGETS = tuple(
    replace(found, name=f"{found.name}-budget", title=f"Within a budget: {found.title}", budget=True, first=False)
    for found in map(DESIGNS.get, ("table3", "table2"))
)
"""The tables within a budget by themselves. That of table3 is a part of table3, too."""
