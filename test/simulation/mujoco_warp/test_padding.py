"""Padded models in plain MuJoCo: what is padding neither weighs nor touches, and the numbers are those of MuJoCo's compiler."""

from collections.abc import Callable

import mujoco
import numpy as np
import pytest

from fail2progress.core.scene import Scene
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco_warp.padding import Content, Numbers, Padded
from fail2progress.simulation.mujoco_warp.structure import Structure, common, places, structure
from fail2progress.tasks.pretraining import job

_FIELDS = ("body_pos", "body_quat", "body_mass", "body_ipos", "body_inertia", "body_invweight0")


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [job(6, number).scene for number in range(12)]


@pytest.fixture(scope="module")
def padded(scenes: list[Scene]) -> Padded:
    shared = common(structure(scene) for scene in scenes)
    assert shared is not None
    return Padded.of(shared)


@pytest.fixture(scope="module")
def numbers(padded: Padded, scenes: list[Scene]) -> Numbers:
    return padded.numbers([Content(scene, weight=1.5, surface=0.5) for scene in scenes])


def test_the_structure_has_room_for_all_and_no_more(padded: Padded, scenes: list[Scene]) -> None:
    shared = padded.structure
    assert len(shared.movable) == max(sum(spec.movable for spec in scene.objects) for scene in scenes)
    assert all(shared.fits(structure(scene)) for scene in scenes)
    assert not any(structure(scene).fits(shared) for scene in scenes)
    assert padded.model.nbody == shared.places + 3 and padded.model.ngeom == 2 + sum(sum(room) for room in shared.rooms)


def test_numbers_are_those_of_the_compiler(padded: Padded, scenes: list[Scene], numbers: Numbers) -> None:
    for world, scene in enumerate(scenes):
        plain = compile_scene(scene, weight=1.5, surface=0.5).model
        for row, place in enumerate(places(scene, padded.structure)):
            for name in _FIELDS:
                mine, theirs = numbers[name][world, place + 1], getattr(plain, name)[row + 1]
                order = np.sort if name == "body_inertia" else np.asarray
                np.testing.assert_allclose(order(mine), order(theirs), rtol=1e-9, atol=1e-12, err_msg=name)
            count = int(plain.body_dofnum[row + 1])
            dofs, own = int(padded.model.body_dofadr[place + 1]), int(plain.body_dofadr[row + 1])
            weights = numbers["dof_invweight0"][world, dofs : dofs + count]
            np.testing.assert_allclose(weights, plain.dof_invweight0[own : own + count])
        np.testing.assert_allclose(numbers["geom_friction"][world, 0], plain.geom_friction[0])


def test_padding_is_not_touched(padded: Padded, scenes: list[Scene], numbers: Numbers) -> None:
    for world, scene in enumerate(scenes[:4]):
        model = _written(padded, numbers, world)
        data = mujoco.MjData(model)
        data.qpos[:] = numbers["qpos"][world]
        mujoco.mj_step(model, data, nstep=150)
        sizes = model.geom_size[np.unique(data.contact.geom)]
        assert len(sizes) and (np.max(sizes, axis=1) > 0.004)[1:].all()
        bodies = np.array(places(scene, padded.structure)) + 1
        moving = np.array([spec.movable for spec in scene.objects])
        assert np.median(np.abs(data.xpos[bodies] - scene.poses[:, :3])[moving].max(axis=1)) < 2e-3
        empty = np.setdiff1d(np.arange(1, 1 + padded.structure.places), bodies)
        np.testing.assert_allclose(data.xpos[empty, 2], 5.0, atol=1e-3)


def _written(padded: Padded, numbers: Numbers, world: int) -> mujoco.MjModel:
    """The shared model with the numbers of one world."""
    model = Padded.of(padded.structure).model
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_MIDPHASE)  # its trees are those of the padding
    for name, values in numbers.items():
        if hasattr(model, name):
            target = getattr(model, name)
            target[:] = values[world].reshape(target.shape)
    return model


def test_drawers_come_with_what_they_slide_in(cupboard: Callable[[float], Scene], scenes: list[Scene]) -> None:
    own = structure(cupboard(0.3))
    assert own == Structure(((5, 0),), ((1, 0),), ((5, 0),), (0,))
    model = Padded.of(own).model
    assert model.nexclude == 1
    scene = cupboard(0.3)
    assert scene.names[int(np.argmin(places(scene, own)))] == scene.objects[_drawer(scene)].inside_of
    opened = Padded.of(own).numbers([Content(scene)])
    np.testing.assert_allclose(opened["qpos"][0, 7], scene.openings[scene.names[_drawer(scene)]])
    assert Structure(drawers=((5, 0),), cabinets=(-1,)).joined(own) is None


def _drawer(scene: Scene) -> int:
    return next(row for row, spec in enumerate(scene.objects) if spec.is_drawer)
