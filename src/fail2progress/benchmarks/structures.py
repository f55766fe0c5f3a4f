"""What items are made of: structures, each a way of building a scene and a call, with difficulty along four axes.

The axes: depth of containment or stack (0 to 3) and number carried (0 to 6); bystanders within 15 cm (0 to 8) and their gap (5 to
150 mm); the mix of relations and skills; and counterfactual twins, the same scene with the object beside instead of inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.registry import Registry, instance_of
from fail2progress.core.scene import Scene
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.families.base import RELEASE, carry, some_table
from fail2progress.tasks.families.registry import FAMILIES
from fail2progress.tasks.layout import DoesNotFitError, Layout, two_tables
from fail2progress.tasks.pretraining import random_call, random_scene

Built = tuple[Scene, SkillCall]
Build = Callable[[np.random.Generator], Built]
GAPS = (0.005, 0.150)
"""Metres between a bystander and what the skill acts on."""
MOST = 8


@dataclass(frozen=True)
class Structure:
    """`build` draws a scene and a call; DoesNotFitError: draw again. `twin`: its first draw says inside or beside."""

    name: str
    summary: str
    axis: str
    build: Build
    twin: bool = False


def clutter(layout: Layout, name: str, most: int = MOST) -> None:
    """Up to `most` small blocks around an object, on its table, wherever there is room."""
    rng = layout.rng
    for i in range(int(rng.integers(0, most + 1))):
        size = np.asarray(rng.uniform(0.02, 0.05, 3), float)
        spec = ObjectSpec(f"near_{i}", "cuboid", (float(size[0]), float(size[1]), float(size[2])))
        side, gap = int(rng.integers(4)), float(rng.uniform(*GAPS))
        try:
            layout.beside(spec, name, side, gap)
        except DoesNotFitError:
            continue
        if not _on_a_table(layout):
            layout.take_back()


def _on_a_table(layout: Layout) -> bool:
    """Whether the last object stands wholly on a table."""
    boxes = layout.bounds()
    tables = boxes[[spec.category == "table" for spec in layout.objects]]
    low, high = boxes[-1]
    return bool(
        ((tables[:, 0, :2] < low[:2]) & (tables[:, 1, :2] > high[:2]) & (abs(tables[:, 1, 2:] - low[2]) < 0.01)).all(1).any()
    )


def _family(*names: str) -> Build:
    """Scenes of families, with bystanders around what the skill acts on."""

    def build(rng: np.random.Generator) -> Built:
        layout, call = FAMILIES.get(str(rng.choice(names))).build(rng)
        spec = layout.objects[layout.index(call.object)]
        clutter(layout, spec.inside_of or spec.name, 3)
        return layout.scene(), call

    return build


def _moved(layout: Layout, name: str) -> SkillCall:
    """A call that carries or pushes an object."""
    rng = layout.rng
    if rng.random() < 0.6:
        return carry(layout, name, some_table(layout))
    return SkillCall("push", name, (float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(0.05, 0.16))))


def _plain(rng: np.random.Generator) -> Built:
    """Half of them as the pre-training has them, half with many bystanders."""
    if rng.random() < 0.5:
        scene = random_scene(rng)
        drawn = random_call(rng, scene)
        if drawn is None:
            raise DoesNotFitError("the draw gave no call of the pre-training")
        return scene, drawn
    layout = two_tables(rng)
    kind = str(rng.choice(["cuboid", "cup", "open_box", "capsule"]))
    wide = float(rng.uniform(0.03, 0.06)) if kind in ("cuboid", "capsule") else float(rng.uniform(0.078, 0.11))
    layout.stand(ObjectSpec("box", kind, (wide, wide, float(rng.uniform(0.03, 0.08)))), some_table(layout), margin=0.03)
    call = _moved(layout, "box")
    clutter(layout, "box")
    return layout.scene(), call


def _box(rng: np.random.Generator) -> ObjectSpec:
    return ObjectSpec("box", "open_box", (rng.uniform(0.12, 0.155), rng.uniform(0.13, 0.19), rng.uniform(0.05, 0.09)))


def _content(rng: np.random.Generator, name: str) -> ObjectSpec:
    wide = float(rng.uniform(0.026, 0.034))
    return ObjectSpec(name, "capsule" if rng.random() < 0.5 else "cuboid", (wide, wide, float(rng.uniform(0.026, 0.036))))


def _loaded(rng: np.random.Generator) -> Built:
    """One to six things in a box or, as far as they fit, in a cup."""
    layout = two_tables(rng)
    layout.stand(_cup(rng) if rng.random() < 0.35 else _box(rng), some_table(layout), margin=0.03)
    for i in range(int(rng.integers(1, 7))):
        try:
            layout.drop_in(_content(rng, f"in_{i}"), "box")
        except DoesNotFitError:
            if i == 0:
                raise
            break
    call = _moved(layout, "box")
    clutter(layout, "box", 4)
    return layout.scene(), call


def _cup(rng: np.random.Generator) -> ObjectSpec:
    wide = float(rng.uniform(0.078, 0.10))
    return ObjectSpec("box", "cup", (wide, wide, float(rng.uniform(0.065, 0.09))))


def _twin(rng: np.random.Generator) -> Built:
    """The first draw says where the last object goes, so that two scenes can differ in nothing else."""
    inside = rng.random() < 0.5
    layout = two_tables(rng)
    layout.stand(_box(rng), some_table(layout), margin=0.06)
    call = _moved(layout, "box")
    clutter(layout, "box", 2)
    content, side = _content(rng, "thing"), int(rng.integers(4))
    layout.drop_in(content, "box")
    if not inside:
        # Taken out again: what is drawn after the scene, as where the camera is, is then the same on both sides.
        layout.take_back()
        layout.beside(content, "box", side, gap=0.012)
        if not _on_a_table(layout):
            raise DoesNotFitError("no room on the table beside the box")
    return layout.scene(), call


def _hidden(rng: np.random.Generator) -> Built:
    """A shut drawer with something in it, which is opened."""
    layout = two_tables(rng)
    size = (rng.uniform(0.23, 0.28), rng.uniform(0.19, 0.26), rng.uniform(0.11, 0.14))
    layout.stand(ObjectSpec("cabinet", "cabinet", size), some_table(layout), margin=0.0)
    layout.fit_drawer("drawer", "cabinet", float(rng.uniform(0.0, 0.015)))
    for i in range(int(rng.integers(1, 3))):
        wide = float(rng.uniform(0.026, 0.045))
        layout.drop_in(ObjectSpec(f"in_{i}", "cuboid", (wide, wide, float(rng.uniform(0.025, 0.045)))), "drawer")
    clutter(layout, "cabinet", 3)
    direction = (np.pi + rng.normal(0.0, 0.1) + np.pi) % (2 * np.pi) - np.pi
    return layout.scene(), SkillCall("open_drawer", "drawer", (float(direction), float(rng.uniform(0.05, 0.10))))


def _rim(rng: np.random.Generator) -> Built:
    """A small thing let go above the wall of a cup or box."""
    layout = two_tables(rng)
    layout.stand(_cup(rng) if rng.random() < 0.5 else _box(rng), some_table(layout), margin=0.03)
    small = _content(rng, "small")
    layout.stand(small, some_table(layout), margin=0.03)
    clutter(layout, "box", 3)
    index = layout.index("box")
    at, size = layout.poses[index][:3].copy(), np.array(layout.objects[index].size)
    axis, sign = int(rng.integers(2)), 1.0 if rng.random() < 0.5 else -1.0
    at[axis] += sign * (size[axis] / 2 + float(rng.uniform(-0.4, 0.2)) * small.size[0])
    at[1 - axis] += float(rng.uniform(-0.3, 0.3)) * size[1 - axis]
    at[2] += size[2] / 2 + small.size[2] / 2 + RELEASE
    shift = at - layout.poses[layout.index("small")][:3]
    return layout.scene(), SkillCall("pick_place", "small", (float(shift[0]), float(shift[1]), float(shift[2]), 0.0), "box")


STRUCTURES: Registry[Structure] = Registry("structure", "fail2progress.structures", form=instance_of(Structure))
for _structure in (
    Structure("plain", "one thing is carried or pushed", "clutter", _plain),
    Structure("loaded", "a cup or box is carried or pushed with one to six things in it", "depth", _loaded),
    Structure("nested", "a box is carried; in it a cup, in that a capsule", "depth", _family("nested-carried")),
    Structure(
        "row", "a row of blocks in contact is pushed, freely or against a wall", "mix", _family("row-pushed", "shelf-row-pushed")
    ),
    Structure("stack", "a stack of blocks is carried by its base", "depth", _family("stack-carried")),
    Structure("drawer", "a drawer with things in it is opened or closed", "mix", _family("drawer-opened", "drawer-closed")),
    Structure("hidden", "a shut drawer with things in it is opened", "mix", _hidden),
    Structure("rim", "a small thing is let go above the wall of a cup or box", "mix", _rim),
    Structure("edge", "a thing is put over the edge of a table", "mix", _family("over-edge")),
    Structure("toppling", "a tall block is pushed near its foot", "mix", _family("tall-toppled")),
    Structure("twin", "a box is moved; a thing lies in it, or beside it in the same scene", "twin", _twin, twin=True),
):
    STRUCTURES.register(_structure.name, _structure)
