"""Padded models in plain MuJoCo: what is padding neither weighs nor touches."""

from collections.abc import Callable

import mujoco
import numpy as np
import pytest

from fail2progress.core.scene import Scene
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco_warp.padding import Structure, build, slots, sort_key, structure
from fail2progress.tasks.pretraining import job

Build = Callable[..., Scene]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    found = [job(6, number).scene for number in range(40)]
    return [scene for scene in found if sort_key(scene) == ()][:6]


def test_the_structure_has_room_for_the_largest(scenes: list[Scene]) -> None:
    shared = structure(scenes)
    assert shared.movable == max(sum(spec.movable for spec in scene.objects) for scene in scenes)
    assert (shared.boxes, shared.cylinders, shared.cabinets) == (5, 1, ())
    models = [build(scene, shared, None) for scene in scenes]
    for name in ("nbody", "ngeom", "njnt", "nv", "neq", "nu"):
        assert len({getattr(model, name) for model in models}) == 1
    assert all(np.array_equal(model.geom_type, models[0].geom_type) for model in models)


def test_padding_has_no_mass(scenes: list[Scene]) -> None:
    shared = structure(scenes)
    for scene in scenes:
        padded, plain = build(scene, shared, None), compile_scene(scene).model
        for i, body in enumerate(slots(scene, shared)):
            assert padded.body_mass[body] == pytest.approx(plain.body_mass[i + 1])
            np.testing.assert_allclose(padded.body_inertia[body], plain.body_inertia[i + 1], rtol=1e-6)


def test_padding_is_not_touched(scenes: list[Scene]) -> None:
    shared = structure(scenes)
    for scene in scenes:
        padded = build(scene, shared, None)
        data = mujoco.MjData(padded)
        mujoco.mj_step(padded, data, nstep=300)
        sizes = padded.geom_size[np.unique(data.contact.geom)]
        assert len(sizes) and (np.max(sizes, axis=1) > 0.004)[1:].all()
        own = slots(scene, shared)
        moving = np.array([spec.movable for spec in scene.objects])
        still = np.abs(data.xpos[own] - scene.poses[:, :3])[moving].max(axis=1)
        assert np.median(still) < 2e-3


def test_drawers_in_the_same_places_go_together(cupboard: Callable[[float], Scene]) -> None:
    scene = cupboard(0.3)
    assert sort_key(scene) == (0,)
    shared = structure([scene, cupboard(0.0)])
    assert shared == Structure(1, 1, (0,), 5, 0)
    model = build(scene, shared, None)
    assert model.nexclude == 1 and slots(scene, shared).tolist() == [1, 3, 2]
