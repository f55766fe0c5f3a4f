"""One more model, simulator, segmenter, relation detector, generator or task changes no file outside its own folder.

Held for the built-in ones: beside their registry, no file imports one or asks for one by its name. `KNOWN` names what does so yet
and why; nothing may be added to it without a reason, and what no longer does so has to be taken out.
"""

from pathlib import Path
from typing import Any

import pytest

from fail2progress.core.registry import OWN, Registry
from fail2progress.learning.finetuning.generators import GENERATORS
from fail2progress.models.registry import MODELS
from fail2progress.perception.relations.registry import DETECTORS
from fail2progress.perception.segmentation.registry import SEGMENTERS
from fail2progress.simulation.registry import SIMULATORS
from fail2progress.tasks.registry import TASKS
from support.sources import Asked, asked_in, asked_of

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "fail2progress"
HOMES: dict[str, tuple[Registry[Any], str]] = {
    "model": (MODELS, "models/registry.py"),
    "simulator": (SIMULATORS, "simulation/registry.py"),
    "segmenter": (SEGMENTERS, "perception/segmentation/registry.py"),
    "detector": (DETECTORS, "perception/relations/registry.py"),
    "generator": (GENERATORS, "learning/finetuning/generators.py"),
    "task": (TASKS, "tasks/registry.py"),
}
SHARED = {"mujoco": {"bodies", "hand", "inspection", "rays", "rgbd", "stage"}, "worker": {"client", "options"}}
"""Modules in a simulator's folder that are of use without it: the engine MuJoCo for robots, assets and pictures; the worker's
client for simulators that run in another process."""
DATA = {
    "evaluation/studies/paper.py": "the paper's tables, by the paper's names",
    "cli/doctor.py": "packages by their names on PyPI",
    "evaluation/studies/families_words.py": "the rows of a study by the names of its methods, baselines among them",
}
KNOWN = {
    # They measure this detector, with thresholds of their own.
    "detector geometric": {"evaluation/performance.py"}
    | {f"evaluation/studies/{name}.py" for name in ("clutter", "noise", "perception")},
    # The learned segmenter is this one, told by a network what is background and what was missed.
    "segmenter geometric": {f"perception/segmentation/learned/{name}.py" for name in ("guide", "segmenter")}
    # The fused one joins what both see.
    | {f"perception/segmentation/fused/{name}.py" for name in ("free_standing", "guide", "hanging", "joining", "pieces")}
    | {f"perception/segmentation/fused/{name}.py" for name in ("seams", "segmenter")}
    # It watches what the fused one is told of this one.
    | {"learning/segmentation/joins.py"},
    # Its training, which needs simulation and so stands above perception.
    "segmenter learned": {"cli/train_segmenter.py", "cli/fit_joins.py"}
    | {f"perception/segmentation/fused/{name}.py" for name in ("guide", "joining", "odds", "seams", "segmenter")}
    | {f"learning/segmentation/{name}.py" for name in ("examples", "losses", "quality", "roughness", "training")},
    # The fitting of its odds, which needs scenes to train on.
    "segmenter fused": {"cli/fit_joins.py", "learning/segmentation/joins.py"},
}


def own_modules(target: str) -> str:
    """The module of a part, or its folder where it has one: `models.stow_gnn` of `models.stow_gnn.model:MODEL`."""
    module = target.partition(":")[0]
    folder, _, file = module.rpartition(".")
    return folder if file in ("model", "entry", "segmenter") else module


def imports(asked: Asked, module: str) -> list[int]:
    """Lines that import from a module or from the folder of that name."""
    shared = tuple(f"{module}.{name}." for name in SHARED.get(module.rpartition(".")[2], ()))
    lines = []
    for source, names, line in asked.imports:
        named = [f"{source}.{name}." for name in names]
        if any(name.startswith(f"{module}.") and not name.startswith(shared) for name in named):
            lines.append(line)
    return lines


def leaks(kind: str, name: str) -> set[str]:
    """Files outside a part's own that import it or ask for it by name."""
    registry, home = HOMES[kind]
    target = registry.lazy.get(name)
    module = own_modules(target) if target is not None else None
    own = PACKAGE.parent / module.replace(".", "/") if module is not None else PACKAGE / home
    found, homes = set(), {file for _, file in HOMES.values()}
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE).as_posix()
        if relative in DATA or relative in homes or path.with_suffix("") == own or own in path.parents:
            continue
        asked = asked_in(path)
        if asked.choosing(name) or (module is not None and imports(asked, module)):
            found.add(relative)
    return found


BUILT_IN = [(kind, name) for kind, (registry, _) in HOMES.items() for name in registry.names() if registry.source(name) == OWN]


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_nothing_outside_a_part_knows_it(kind: str, name: str) -> None:
    assert leaks(kind, name) == KNOWN.get(f"{kind} {name}", set())


def test_the_check_sees_an_import_of_a_module_by_name() -> None:
    source = "from fail2progress.perception.relations import geometric"
    assert imports(asked_of(source), "fail2progress.perception.relations.geometric") == [1]
    shared, own = (f"from fail2progress.simulation.mujoco.{name} import x" for name in ("bodies", "backend"))
    assert not imports(asked_of(shared), "fail2progress.simulation.mujoco")
    assert imports(asked_of(own), "fail2progress.simulation.mujoco") == [1]
