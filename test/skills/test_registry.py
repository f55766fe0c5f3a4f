import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.registry import Registry, RegistryError
from fail2progress.skills.base import SkillCall, call_moving
from fail2progress.skills.definition import NoProgramError, SkillDefinition, load
from fail2progress.skills.programs import HandProgram
from fail2progress.skills.registry import GROUP, SKILLS, Skills, skill
from fail2progress.skills.samplers import data_sampler, planner_sampler, stein_sampler
from fail2progress.skills.vocabulary import current
from support.plugins import install_plugin


def another(name: str, number: int | None = None) -> SkillDefinition:
    return replace(SKILLS["push"], name=name, number=number)


def test_the_vocabulary_of_checkpoints_does_not_change() -> None:
    """Files number skills in this order."""
    assert [str(signature) for signature in current().skills] == [
        "pick_place(dx [m], dy [m], dz [m], dyaw [rad])",
        "push(direction [rad], distance [m])",
        "open_drawer(direction [rad], distance [m])",
        "close_drawer(direction [rad], distance [m])",
    ]


def test_skills_without_a_number_follow_in_the_order_of_their_names() -> None:
    before = tuple(SKILLS)
    with SKILLS.including(another("wipe"), another("align")):
        assert tuple(SKILLS) == (*before, "align", "wipe")
        assert current().names == tuple(SKILLS)
        assert SkillCall("wipe", "cup", (0.0, 0.1)).padded.shape == (SKILLS.action_size,)
    assert tuple(SKILLS) == before and "wipe" not in SKILLS
    with pytest.raises(RegistryError, match=r"unknown skill 'wipe'; known: .*pick_place"):
        skill("wipe")


def test_a_name_that_is_taken_is_refused_and_stays_whose_it_was() -> None:
    with pytest.raises(RegistryError, match=r"skill 'push' is registered twice"), SKILLS.including(another("push")):
        raise AssertionError("it was taken in")
    assert SKILLS["push"].number == 1


def test_an_entry_point_under_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from dataclasses import replace\nfrom fail2progress.skills.registry import skill\n"
    source += "SKILL = replace(skill('push'), name='wipe')\n"
    monkeypatch.syspath_prepend(str(install_plugin(tmp_path, source, {GROUP: {"polish": "SKILL"}}, "outside_skill")))
    fresh = Skills(Registry("skill", GROUP))
    with pytest.raises(RegistryError, match=r"skill 'wipe' is registered as 'polish'"):
        tuple(fresh)


@pytest.mark.parametrize(("broken", "said"), [("raise OSError('no disk')", "OSError: no disk"), ("", "AttributeError")])
def test_a_package_that_cannot_be_loaded_is_named(
    broken: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = f"broken_{len(said)}"
    monkeypatch.syspath_prepend(str(install_plugin(tmp_path, broken, {GROUP: {"wipe": "SKILL"}}, package)))
    with pytest.raises(RegistryError, match=rf"skill 'wipe' of the package {package} .* cannot be loaded: {said}"):
        tuple(Skills(Registry("skill", GROUP)))


def test_definitions_and_how_data_are_drawn_import_neither_torch_nor_a_simulator() -> None:
    code = (
        "import sys; from fail2progress.skills.registry import SKILLS; from fail2progress.skills.samplers import data_sampler; "
    )
    code += "assert len([data_sampler(one) for one in SKILLS.values()]) >= 4; "
    code += "print(sorted({'torch', 'mujoco', 'rclpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", list(SKILLS))
def test_every_reference_of_a_definition_can_be_loaded(name: str) -> None:
    definition = skill(name)
    assert planner_sampler(definition).size >= 1
    assert 0 < data_sampler(definition).share <= 1
    assert stein_sampler(definition).bounds is not None
    assert isinstance(definition.program("floating_hand"), HandProgram)


def test_a_robot_that_a_skill_has_no_program_for_is_named() -> None:
    with pytest.raises(NoProgramError, match=r"push has no program for the robot 'drone'; .*: floating_hand, stretch"):
        skill("push").program("drone")
    with pytest.raises(ValueError, match=r"not a reference: 'nonsense'"):
        load("nonsense")


@given(st.sampled_from(list(SKILLS)), st.data())
def test_motion_is_the_same_for_arrays_and_tensors_and_has_gradients(name: str, data: st.DataObject) -> None:
    definition = skill(name)
    values = [data.draw(st.floats(p.low, p.high)) for p in definition.parameters]
    padded = np.pad(np.array(values), (0, SKILLS.action_size - len(values)))
    tensor = torch.tensor(padded, requires_grad=True)
    one, other = definition.motion(padded, np), definition.motion(tensor, torch)
    np.testing.assert_allclose(one.shift, other.shift.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(one.angle, other.angle.detach().numpy(), atol=1e-12)
    other.shift.sum().backward()
    assert tensor.grad is not None and torch.isfinite(tensor.grad).all()


@given(st.lists(st.floats(-0.25, 0.25), min_size=3, max_size=3))
def test_a_call_that_moves_an_object_by_a_shift_does(shift: list[float]) -> None:
    np.testing.assert_allclose(call_moving("cup", np.array(shift)).shift, shift, atol=1e-6)
    for definition in SKILLS.values():
        parameters = definition.command(np.array(shift))
        if parameters is not None:
            np.testing.assert_allclose(SkillCall(definition.name, "cup", parameters).shift, shift, atol=1e-6)
