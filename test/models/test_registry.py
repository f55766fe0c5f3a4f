from collections.abc import Iterator
from pathlib import Path

import pytest

from fail2progress.core.registry import RegistryError
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.registry import MODELS, capabilities, configuration
from support.plugins import install_plugin

GROUP = "fail2progress.models"


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder on the path in which a package can be installed; afterwards the registry is what it was."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(MODELS, "_parts", dict(MODELS._parts))
    monkeypatch.setattr(MODELS, "_sources", dict(MODELS._sources))
    monkeypatch.setattr(MODELS, "_searched", False)
    yield tmp_path


def test_those_of_this_package_are_found_by_their_folders() -> None:
    folder = Path(__file__).parents[2] / "src" / "fail2progress" / "models"
    folders = {path.parent.name.replace("_", "-") for path in folder.glob("*/model.py")} - {"pointconv"}
    assert folders == set(MODELS.lazy) and {"points2plans", "binary-pred", "stow-gnn"} <= folders


@pytest.mark.parametrize("name", sorted(MODELS.lazy))
def test_no_file_outside_its_folder_imports_a_model(name: str) -> None:
    package = Path(__file__).parents[2] / "src" / "fail2progress"
    folder = name.replace("-", "_")
    outside = [path for path in package.rglob("*.py") if package / "models" / folder not in path.parents]
    assert len(outside) > 100
    assert [str(path) for path in outside if f"models.{folder}" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("name", sorted(MODELS.lazy))
def test_a_model_goes_by_the_name_that_it_has(name: str) -> None:
    model = MODELS.get(name)
    assert issubclass(model, SkillEffectModel) and model.name == name and model.summary
    assert "predicts relations" in capabilities(model)
    for variant in model.variants:
        assert model.Config.from_dict(configuration(model, variant, {}).to_dict()) == model.variants[variant]


def test_configurations_are_named_and_changed() -> None:
    model = MODELS.get("points2plans")
    assert configuration(model, None, {}) == model.variants["relational"]
    assert configuration(model, "plain", {"layers": 1}).to_dict()["layers"] == 1
    with pytest.raises(ValueError, match=r"points2plans has no variant 'huge'; known: relational, plain"):
        configuration(model, "huge", {})
    with pytest.raises(ValueError, match=r"layers = 'two': a whole number"):
        configuration(model, None, {"layers": "two"})
    with pytest.raises(ValueError, match="wings"):
        configuration(model, None, {"wings": 2})


def test_a_package_that_raises_is_named_in_one_line(fresh: Path) -> None:
    install_plugin(fresh, "raise OSError('no driver')", {GROUP: {"broken": "Model"}}, "broken_model")
    with pytest.raises(RegistryError, match=r"model 'broken' of the package broken_model .* OSError: no driver") as caught:
        MODELS.get("broken")
    assert "\n" not in str(caught.value)
    assert MODELS.get("points2plans").name == "points2plans"


def test_a_name_that_is_taken_is_refused(fresh: Path) -> None:
    install_plugin(fresh, "Model = object", {GROUP: {"points2plans": "Model"}}, "greedy_model")
    with pytest.raises(RegistryError, match=r"model 'points2plans' is registered twice, by fail2progress and by greedy_model"):
        MODELS.names()
