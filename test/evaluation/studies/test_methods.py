from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from fail2progress.core.registry import RegistryError
from fail2progress.evaluation.studies import methods
from fail2progress.evaluation.studies.bases import base, bases
from fail2progress.evaluation.studies.methods import (
    METHODS,
    FromFailures,
    FromLoop,
    MorePretraining,
    Recipe,
    make,
    until_accepted,
)
from fail2progress.learning.finetuning.rehearsal import RehearsalSet, load_rehearsal, save_rehearsal
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint, save_checkpoint
from fail2progress.models.notes import CheckpointError
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.training.transitions import select

NOTHING = "nothing to learn from: no failure of a wrong symbolic prediction was met in 4 trials"


def small(path: Path) -> Path:
    torch.manual_seed(0)
    save_checkpoint(Points2Plans(Points2PlansConfig(True, identity=16, layers=1, feedforward=8, hidden=8)), path, {})
    return path


def recipe(folder: Path, learns: MorePretraining | FromFailures, name: str, seed: int = 3) -> Recipe:
    keepsake = str(weights.path(weights.KEEPSAKE))
    return Recipe(str(folder / "small.safetensors"), learns, "short", 1, 1, seed, keepsake, str(folder / name))


def test_the_papers_methods() -> None:
    names = ("original", "small", "large", "replanning", "sampling", "gradient", "domain-randomisation", "fail2progress")
    assert METHODS.names()[:8] == names
    assert [name for name in names if METHODS.get(name).replans] == ["replanning"]
    more = [METHODS.get(name).learns for name in ("small", "large")]
    assert [one.samples for one in more if isinstance(one, MorePretraining)] == [20, 2000]
    taught = [one for one in map(METHODS.get, names) if isinstance(one.learns, FromFailures)]
    assert len(taught) == 4 and {one.learns.samples for one in taught if isinstance(one.learns, FromFailures)} == {20}
    for one in taught:  # every generator exists
        assert isinstance(one.learns, FromFailures) and TargetOptions(method=one.learns.generator).samples == 20
    with pytest.raises(RegistryError, match=r"unknown method 'best'; known: original, small"):
        METHODS.get("best")


def test_pretraining_goes_on_and_leaves_the_base_model_as_it_is(tmp_path: Path) -> None:
    path = small(tmp_path / "small.safetensors")
    before = load_checkpoint(path)
    learns = MorePretraining(samples=4, epochs=2, batch=4, replay=4)
    known = load_rehearsal(weights.path(weights.KEEPSAKE))
    few = tmp_path / "few.safetensors"  # the codes of all that may be replayed are most of the work
    save_rehearsal(RehearsalSet(select(known.replay, range(12)), select(known.held_out, range(12))), few)
    made = [
        make(replace(recipe(tmp_path, learns, name, seed), rehearsal=str(few)))
        for name, seed in (("a.safetensors", 3), ("b.safetensors", 3), ("c.safetensors", 4))
    ]
    assert [one.problem for one in made] == ["", "", ""]
    first, again, other = (load_checkpoint(Path(one.out)) for one in made)
    assert first.digest == again.digest != other.digest and load_checkpoint(path).digest == before.digest != first.digest
    assert first.note["parent"] == before.digest and first.note["samples"] == 4
    assert first.note["learns"] == {"samples": 4, "epochs": 2, "batch": 4, "replay": 4}


@pytest.mark.parametrize(
    ("passed", "lessons", "met"),
    [
        ([True, True], 1, 1),
        ([False, True, True], 1, 2),
        ([False, False, False], 1, 3),
        ([True, False, True, True], 2, 3),
        ([], 1, 0),
    ],
)
def test_a_refused_lesson_is_followed_by_the_next_failure(passed: list[bool], lessons: int, met: int) -> None:
    rounds = [SimpleNamespace(lesson=SimpleNamespace(verdict=SimpleNamespace(passed=one))) for one in passed]
    assert list(until_accepted(rounds, lessons)) == rounds[:met]  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_model_that_meets_no_failure_of_its_own_has_nothing_to_learn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's model masters tasks of one skill."""
    monkeypatch.setattr(methods, "_life", lambda recipe, life=methods._life: replace(life(recipe), patience=4))
    keepsake = str(weights.path(weights.KEEPSAKE))
    out = tmp_path / "taught.safetensors"
    made = make(Recipe(str(weights.path(weights.RELATIONAL)), FromFailures("stein"), "short", 1, 1, 3, keepsake, str(out)))
    assert made.problem == NOTHING and not out.exists()
    loop = make(Recipe(str(weights.path(weights.RELATIONAL)), FromLoop(), "short", 1, 1, 3, keepsake, str(out)))
    kept = load_checkpoint(out)
    assert loop.problem == "" and kept.note["rounds"] == [] and "no failure" in str(kept.note["not_learnt"])
    assert kept.note["parent"] == load_checkpoint(weights.path(weights.RELATIONAL)).digest


def test_base_models_go_by_the_registrys_names(tmp_path: Path) -> None:
    found = bases(weights.folder())
    assert set(found) == {"points2plans", "points2plans/plain", "stow-gnn", "binary-pred"}
    assert found["points2plans"].path.name == weights.RELATIONAL and found["points2plans"].configuration == "relational"
    assert found["points2plans/plain"].model == "points2plans"
    small(tmp_path / "small.safetensors")
    assert base("points2plans/small", tmp_path).path == tmp_path / "small.safetensors"
    with pytest.raises(CheckpointError, match=r"unknown base model 'stow-gnn'.*points2plans/small"):
        base("stow-gnn", tmp_path)
