import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fail2progress.core.registry import Form, Registry, RegistryError, derived_from, instance_of

Package = Callable[[str, str, dict[str, str]], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Puts a package with entry points on the path, as pip would."""

    def make(name: str, code: str, entries: dict[str, str]) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{key} = {value}" for key, value in entries.items()]
        (info / "entry_points.txt").write_text("[fail2progress.things]\n" + "\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, name, raising=False)

    return make


@pytest.fixture
def things() -> Registry[int]:
    registry: Registry[int] = Registry("thing", "fail2progress.things")
    registry.register("one", 1)
    return registry


def test_an_unknown_name_lists_the_known_ones(things: Registry[int]) -> None:
    things.register("two", 2)
    with pytest.raises(RegistryError, match=r"unknown thing 'three'; known: one, two"):
        things.get("three")


def test_parts_of_other_packages_come_after_the_built_in_ones(things: Registry[int], install: Package) -> None:
    install("things_b", "seven = 7\nfive = 5", {"seven": "things_b:seven", "five": "things_b:five"})
    assert things.names() == ("one", "five", "seven")
    assert (things.get("seven"), things.source("seven"), list(things), len(things)) == (7, "things_b", [1, 5, 7], 3)


def test_a_name_is_taken_once(things: Registry[int], install: Package) -> None:
    things.register("one", 1)
    with pytest.raises(RegistryError, match=r"thing 'one' is registered twice, by fail2progress and by mine"):
        things.register("one", 2, "mine")
    install("things_c", "one = 3", {"one": "things_c:one"})
    with pytest.raises(RegistryError, match=r"'one' is registered twice, by fail2progress and by things_c"):
        things.names()
    assert things.get("one") == 1


def test_a_package_that_raises_is_named_each_time(things: Registry[int], install: Package) -> None:
    install("things_d", "raise RuntimeError('no licence')", {"four": "things_d:four"})
    for _ in range(2):
        with pytest.raises(RegistryError, match=r"thing 'four' of the package things_d .*RuntimeError: no licence"):
            things.get("four")
    assert things.get("one") == 1


@pytest.mark.parametrize(
    ("form", "right", "wrong", "words"),
    [
        (instance_of(int), "1", "int", "an object of int, it is <class 'int'>"),
        (instance_of(int, str), "'one'", "1.5", "an object of int or str, it is 1.5"),
        (derived_from(int), "bool", "1", "a class derived from int, it is 1"),
    ],
)
def test_a_part_of_another_form_is_named_with_what_it_must_be(
    install: Package, form: Form, right: str, wrong: str, words: str
) -> None:
    things: Registry[object] = Registry("thing", "fail2progress.things", form=form)
    install("things_fit", f"fit = {right}", {"fit": "things_fit:fit"})
    assert things.names() == ("fit",)
    install("things_odd", f"odd = {wrong}", {"odd": "things_odd:odd"})
    things = Registry("thing", "fail2progress.things", form=form)
    for _ in range(2):
        with pytest.raises(RegistryError) as told:
            things.names()
        assert "thing 'odd' of the package things_odd (" in str(told.value) and str(told.value).endswith(f"must be {words}")


def test_what_is_taken_out_is_unknown(things: Registry[int]) -> None:
    things.unregister("one")
    assert "one" not in things


def test_a_lazy_part_is_imported_when_it_is_asked_for(install: Package) -> None:
    install("things_e", "eight = 8", {"eight": "things_e:eight"})
    things: Registry[int] = Registry("thing", "fail2progress.things", {"pi": "math:pi", "gone": "things_nowhere:gone"})
    assert things.names() == ("pi", "gone", "eight")
    assert (things.get("pi"), things.get("eight"), things.source("pi")) == (math.pi, 8, "fail2progress")
    with pytest.raises(ModuleNotFoundError, match="things_nowhere"):
        things.get("gone")


def test_the_name_of_a_lazy_part_is_taken_too(install: Package) -> None:
    things: Registry[float] = Registry("thing", "fail2progress.things", {"pi": "math:pi"})
    with pytest.raises(RegistryError, match=r"'pi' is registered twice, by fail2progress and by mine"):
        things.register("pi", 3.0, "mine")
    install("things_f", "pi = 3", {"pi": "things_f:pi"})
    with pytest.raises(RegistryError, match=r"'pi' is registered twice, by fail2progress and by things_f"):
        things.names()
