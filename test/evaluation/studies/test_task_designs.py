from pathlib import Path

from fail2progress.evaluation.studies.bases import base
from fail2progress.evaluation.studies.designs import DESIGNS
from fail2progress.evaluation.studies.methods import METHODS
from fail2progress.evaluation.studies.task_designs import LOOP, TASKS
from fail2progress.models import weights
from fail2progress.tasks.registry import task


def test_every_task_of_the_paper_learns_from_its_own_fewest_objects(tmp_path: Path) -> None:
    bases = (base("points2plans", weights.folder()),)
    for design in TASKS:
        study = design.study(tmp_path, bases, weights.path(weights.KEEPSAKE), design.full, 7)
        (recipe,) = study.recipes()
        assert recipe.objects == min(task(design.task).counts) and study.counts == task(design.task).counts
        ways = {(cell.method.name, cell.spare) for cell in study.cells()}
        assert ways == {("original", None), ("loop", None), ("replanning", 1), ("loop", 1)}
    assert len({design.name for design in TASKS}) == 4 and LOOP.name not in METHODS.names()
    assert not {design.name for design in TASKS} & set(DESIGNS.names())
