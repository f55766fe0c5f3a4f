"""How well identities are kept over episodes of skills, against what the simulator knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.objects import is_container
from fail2progress.core.provenance import provenance
from fail2progress.core.relations import RelationState
from fail2progress.core.rgbd import Labels, RgbdFrame
from fail2progress.core.scene import Array, Scene
from fail2progress.evaluation.studies.identity_counts import NOT_FOUND, Kept
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segmenter
from fail2progress.perception.tracking.tracker import Tracker
from fail2progress.simulation.base import Job, Simulator
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import DepthNoise, photograph
from fail2progress.skills.base import SkillCall, call_moving
from fail2progress.skills.feasibility import infeasible
from fail2progress.skills.placement import release_height
from fail2progress.tasks.layout import DoesNotFitError, random_camera_pose
from fail2progress.tasks.pretraining import random_call, random_scene

CLEAN = DepthNoise()
NOTHING = Perceived((), (), np.eye(4), 1, 1)
SKILLS = 5
"""Of an episode."""
FLOOR = 0.2
"""Metres below which something has fallen off its table, out of view and of the robot's reach: not counted from then on."""
FEWEST = 20
"""Pixels from which an object counts as seen."""


@dataclass(frozen=True)
class Moment:
    """A scene at rest, its relations, its image, and how far the skill before was meant to move what (m, by true name)."""

    scene: Scene
    relations: RelationState
    frame: RgbdFrame
    meant: Mapping[str, Array]
    skill: str = "start"


def episode(simulator: Simulator, seed: int, number: int, noise: DepthNoise = CLEAN) -> Iterator[Moment]:
    """A random scene and SKILLS skills in it, seen by one camera; loaded containers are carried, contents put away.

    It ends earlier where no skill can be carried out any more (things have fallen, or stand where no hand gets to).
    """
    rng = np.random.default_rng([seed, number, 11])
    scene = _scene(rng)
    eye, target = random_camera_pose(rng)
    camera = Camera(eye=eye, target=target)
    now = simulator.settle(scene, camera, number)
    yield Moment(now.scene, now.relations, photograph(compile_scene(now.scene), now.scene, camera, noise, rng), {})
    for step in range(SKILLS):
        call = _call(rng, now.scene)
        if call is None:
            return
        meant = _meant(call, now.relations)
        now = simulator.execute(Job(now.scene, call, camera, seed=number * 10 + step)).after
        frame = photograph(compile_scene(now.scene), now.scene, camera, noise, rng, stamp=(step + 1) * 1_000_000_000)
        yield Moment(now.scene, now.relations, frame, meant, str(call))


def _scene(rng: np.random.Generator, tries: int = 100) -> Scene:
    for _ in range(tries):
        try:
            return random_scene(rng)
        except DoesNotFitError:
            continue
    raise DoesNotFitError(f"no scene found in {tries} tries")


def _call(rng: np.random.Generator, scene: Scene, tries: int = 200) -> SkillCall | None:
    """Half of them put something small into a container or carry a container with what is in it; the rest are random.

    None where none is feasible.
    """
    for _ in range(tries):
        call = _useful_call(rng, scene) if rng.random() < 0.5 else random_call(rng, scene)
        if call is not None and infeasible(scene, call) is None and scene.position(call.object)[2] > FLOOR:
            return call
    return None


def _useful_call(rng: np.random.Generator, scene: Scene) -> SkillCall | None:
    containers = [spec.name for spec in scene.objects if spec.movable and spec.kind.container]
    small = [spec.name for spec in scene.objects if spec.movable and not spec.kind.container and max(spec.size) < 0.06]
    if not containers:
        return None
    if small and rng.random() < 0.6:
        name, aim = str(rng.choice(small)), str(rng.choice(containers))
        rise = scene.bounds()[scene.index(aim), 1, 2] + 0.01 + scene.sizes[scene.index(name), 2] / 2
        offset = scene.position(aim) - scene.position(name)
        return call_moving(name, np.array([*offset[:2], rise - scene.position(name)[2]]), aim)
    tables = [spec.name for spec in scene.objects if spec.category == "table"]
    name, table = str(rng.choice(containers)), str(rng.choice(tables))
    low, high = scene.bounds()[scene.index(table)]
    place = rng.uniform(low[:2] + 0.08, high[:2] - 0.08)
    height = release_height(scene, scene.index(name), place) + 0.01 + scene.sizes[scene.index(name), 2] / 2
    offset = np.array([*place, height]) - scene.position(name)
    return call_moving(name, offset, table)


def _meant(call: SkillCall, relations: RelationState) -> dict[str, Array]:
    """Where the skill is meant to take its object, and what lies in it. A push is not expected beyond its own object."""
    names = [name for name in relations.names if name == call.object or relations.value("inside", name, call.object) > 0.5]
    return {name: call.shift for name in names}


def anonymous(frame: RgbdFrame, rng: np.random.Generator) -> tuple[RgbdFrame, dict[str, str]]:
    """The frame with names shuffled away; the new name to the true one."""
    if frame.labels is None:
        raise ValueError("only a labelled frame can be made anonymous")
    labels = frame.labels
    order = rng.permutation(len(labels.names))
    names = tuple(f"segment_{place}" for place in order)
    return replace(frame, labels=Labels(labels.image, names, labels.categories)), dict(zip(names, labels.names, strict=True))


Seen = list[tuple[Moment, Perceived]]
"""The moments of an episode, each with what a segmenter made of it, under names that mean nothing."""


def segmented(moments: Iterable[Moment], segmenter: Segmenter, seed: int) -> Seen:
    """What a segmenter, which is not told the names, makes of an episode: nothing of a frame that it refuses."""
    rng = np.random.default_rng(seed)
    seen = []
    for moment in moments:
        frame, _ = anonymous(moment.frame, rng)
        try:
            seen.append((moment, seen_only(segmenter.segment(frame))))
        except PerceptionError:
            seen.append((moment, NOTHING))
    return seen


def followed(seen: Seen, expect: bool, coloured: bool, owner: dict[str, str]) -> Iterator[tuple[Moment, Perceived]]:
    """Every moment of an episode with what the tracker makes of it. `owner`: true name to id, grown before every yield."""
    tracker = Tracker()
    for moment, perceived in seen:
        meant = {owner[name]: shift for name, shift in moment.meant.items() if name in owner} if expect else None
        found = tracker.update(perceived, meant, moment.frame.colour if coloured else None)
        _own(moment, found, owner)
        yield moment, found


def _own(moment: Moment, found: Perceived, owner: dict[str, str]) -> None:
    """Objects that are found for the first time get the id of the segment that is theirs."""
    for name, (pixels, best, iou) in zip(moment.scene.names, overlaps(moment.frame, found), strict=True):
        if name not in owner and pixels >= FEWEST and iou > 0.5:
            owner[name] = best


def follow(seen: Seen, kept: Kept, expect: bool, coloured: bool) -> None:
    """Track one episode and count, in every frame, whose identity is that of its first sighting; that one does not count where
    the segmenter finds the thing, and what is in view and not found counts from the first frame on."""
    owner: dict[str, str] = {}
    known: set[str] = set()
    for moment, found in followed(seen, expect, coloured, owner):
        _judge(moment, found, {name: owner[name] for name in known}, kept)
        known = set(owner)


def seen_only(perceived: Perceived) -> Perceived:
    """Without segments of fewer than FEWEST points."""
    surfaces = tuple(part for part in perceived.surfaces if len(part.points) >= FEWEST)
    return replace(perceived, surfaces=surfaces, segments=tuple(s for s in perceived.segments if len(s.points) >= FEWEST))


def _judge(moment: Moment, found: Perceived, owner: Mapping[str, str], kept: Kept) -> None:
    """Movable objects only. `owner`: true name to the id under which it was first seen before."""
    parts = {part.id: part for part in (*found.surfaces, *found.segments)}
    best_of = overlaps(moment.frame, found)
    for index, (name, spec) in enumerate(zip(moment.scene.names, moment.scene.objects, strict=True)):
        if not spec.movable or moment.scene.poses[index, 2] < FLOOR:
            continue
        pixels, best, iou = best_of[index]
        in_view = pixels >= FEWEST
        where = {"object": name, "skill": moment.skill, "stamp": moment.frame.stamp, "id": owner.get(name, ""), "got": best}
        if in_view and iou <= 0.5:
            kept.add(NOT_FOUND, False, **where)
        elif name not in owner:
            continue
        elif in_view:
            kept.add("in view", best == owner[name], **where)
        else:
            part = parts.get(owner[name])
            kept.add("out of view", part is not None and _about_there(moment.scene, index, part.points.mean(axis=0)), **where)


def _about_there(scene: Scene, index: int, place: Array) -> bool:
    """Whether a place is within 5 cm of an object, or within the container that the object lies in."""
    near = float(np.linalg.norm(place - scene.poses[index, :3])) < 0.05
    centre = scene.poses[index, :3]
    for box, spec in zip(scene.bounds(), scene.objects, strict=True):
        if is_container(spec.category) and ((centre > box[0]) & (centre < box[1])).all() and spec.name != scene.names[index]:
            return near or bool(((place > box[0] - 0.02) & (place < box[1] + 0.02)).all())
    return near


def overlaps(frame: RgbdFrame, found: Perceived) -> list[tuple[int, str, float]]:
    """For every true object: its pixels with depth, the segment that overlaps most, and their intersection over union."""
    assert frame.labels is not None
    image = np.where(frame.depth > 0, frame.labels.image, 0).ravel()
    sizes = np.bincount(image, minlength=len(frame.labels.names) + 1)
    result = [(int(size), "", 0.0) for size in sizes[1:]]
    for part in (*found.surfaces, *found.segments):
        common = np.bincount(image[part.pixels], minlength=len(sizes))[1:]
        for index in np.flatnonzero(common):
            iou = common[index] / (sizes[index + 1] + len(part.pixels) - common[index])
            if iou > result[index][2]:
                result[index] = (int(sizes[index + 1]), part.id, float(iou))
    return result


Progress = Callable[[int], None]


def study(
    simulator: Simulator,
    segmenters: Mapping[str, Segmenter],
    episodes: int,
    seed: int,
    noise: DepthNoise = CLEAN,
    progress: Progress = lambda done: None,
) -> dict[str, object]:
    """Shares of identities kept, by segmenter, with and without what the skills were meant to do, and colours."""
    variants = [(expect, coloured) for expect in (True, False) for coloured in (True, False)]
    counts = {(name, *variant): Kept() for name in segmenters for variant in variants}
    hidden: list[int] = []
    for number in range(episodes):
        moments = list(episode(simulator, seed, number, noise))
        hidden.append(int(_hidden_sightings(moments)))
        seen = {name: segmented(moments, segmenter, number) for name, segmenter in segmenters.items()}
        for (name, expect, coloured), kept in counts.items():
            follow(seen[name], kept, expect, coloured)
        progress(number + 1)
    rows = [_row(*key, kept) for key, kept in counts.items()]
    return {
        "rows": rows,
        "out_of_view_by_episode": hidden,
        "provenance": provenance(episodes=episodes, skills=SKILLS, seed=seed, noise=vars(noise)),
    }


def _hidden_sightings(moments: list[Moment]) -> int:
    """How often in an episode a movable object on a table is out of view."""
    return sum(
        pixels < FEWEST and spec.movable and height > FLOOR
        for moment in moments
        for (pixels, _, _), spec, height in zip(
            overlaps(moment.frame, NOTHING), moment.scene.objects, moment.scene.poses[:, 2], strict=True
        )
    )


def most_hidden(report: Mapping[str, object]) -> int:
    """The number of the episode of a study in which most is out of view."""
    hidden = report["out_of_view_by_episode"]
    return int(np.argmax(hidden)) if isinstance(hidden, list) else 0


def _row(segmenter: str, expect: bool, coloured: bool, kept: Kept) -> dict[str, object]:
    return {
        "segments": segmenter,
        "expected_shifts": expect,
        "colours": coloured,
        "kept": kept.share(),
        "kept_of_found": kept.of_found,
        "kept_in_view": kept.share("in view"),
        "kept_out_of_view": kept.share("out of view"),
        "in_view": kept.total["in view"],
        "out_of_view": kept.total["out of view"],
        "not_found": kept.total[NOT_FOUND],
        "wrong": [one for one in kept.wrong if one["kind"] != NOT_FOUND][:20],
        "missed": [one for one in kept.wrong if one["kind"] == NOT_FOUND][:20],
    }
