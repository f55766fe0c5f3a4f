"""The serial form of jobs, scenes, snapshots and outcomes. Units are SI and stand in the names; see docs/guide/simulators.md.

What is read is checked before it is used: a worker may be wrong in every way.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fail2progress.core.camera import Camera
from fail2progress.core.objects import Box, ObjectSpec
from fail2progress.core.observation import POINTS, SegmentedCloud
from fail2progress.core.relations import BINARY, DEFAULT, Mask, Thresholds, ground_truth
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import BOUNCIEST, Disturbances, Job, Outcome, Snapshot
from fail2progress.simulation.looking import look
from fail2progress.simulation.raycast import caster
from fail2progress.simulation.track import Track
from fail2progress.simulation.wire.frames import ProtocolError
from fail2progress.simulation.wire.serving import Record
from fail2progress.skills.base import SkillCall
from fail2progress.skills.programs import CLOSED_GRIPPER

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=False)


class _Object(_Form):
    name: str
    category: str
    size_m: tuple[Finite, Finite, Finite]
    inside_of: str | None = None


class _Camera(_Form):
    eye_m: tuple[Finite, Finite, Finite]
    target_m: tuple[Finite, Finite, Finite]
    width_px: int = Field(ge=1, le=8192)
    height_px: int = Field(ge=1, le=8192)
    focal_px: Finite = Field(gt=0)
    noise_m: Finite = Field(ge=0)


class _Call(_Form):
    skill: str
    object: str
    parameters: tuple[Finite, ...]
    target: str | None = None


class _Chance(_Form):
    grasp_miss: float = Field(ge=0, le=1)
    grasp_slip: float = Field(ge=0, le=1)
    errors: dict[str, Finite] = {}
    friction: Finite = Field(default=1.0, gt=0)
    weight: Finite = Field(default=1.0, gt=0)
    surface: Finite = Field(default=1.0, gt=0)
    bump: float = Field(default=0.0, ge=0, le=1)
    centre: Finite = Field(default=1.0, gt=0)
    bounce: float = Field(default=0.0, ge=0, le=BOUNCIEST)


class _Scene(_Form):
    objects: tuple[_Object, ...]
    openings_m: dict[str, Finite] = {}


class _Look(_Scene):
    camera: _Camera
    seed: int = Field(ge=0)


class _Job(_Look):
    call: _Call
    disturbances: _Chance
    adjustments: dict[str, Finite] = {}


class _Rest(_Form):
    openings_m: dict[str, Finite] = {}


class _Outcome(_Form):
    before: _Rest
    after: _Rest
    seconds: dict[str, Finite]
    stable: bool


def job_record(job: Job, track: Track | None = None) -> Record:
    """The serial form of a job; the shape priors' solid parts are stated, so that a worker need not know the categories.

    With its track, a worker need not know the skills either.
    """
    call = {
        "skill": job.call.skill,
        "object": job.call.object,
        "parameters": [float(value) for value in job.call.parameters],
        "target": job.call.target,
    }
    record = look_record(job.scene, job.camera, job.seed)
    wrong = {**asdict(job.disturbances), "errors": {name: float(value) for name, value in job.disturbances.errors}}
    adjusted = {name: float(value) for name, value in job.adjustments.items()}
    header = {**record.header, "call": call, "disturbances": wrong, "adjustments": adjusted}
    if track is None:
        return Record(header, record.arrays)
    own = {"hold": track.hold, "hand": track.hand, "press": track.press, "opening": track.opening}
    return Record({**header, "track": _track(track)}, {**record.arrays, **{f"track/{name}": a for name, a in own.items()}})


def _track(track: Track) -> dict[str, Any]:
    bar = track.equipment.bar
    about = {"period_s": track.period, "holds": track.equipment.holds, "drawer": track.drawer}
    if bar is None:
        return {**about, "bar": None}
    shape = {"start_m": _floats(bar.start), "heading_rad": float(bar.heading), "half_m": _floats(CLOSED_GRIPPER)}
    return {**about, "bar": {**shape, "lifts": bar.lifts, "friction": bar.friction}}


def look_record(scene: Scene, camera: Camera, seed: int) -> Record:
    """The serial form of a scene, with the camera that looks at it."""
    seen = {
        "eye_m": _floats(camera.eye),
        "target_m": _floats(camera.target),
        "width_px": camera.width,
        "height_px": camera.height,
        "focal_px": camera.focal,
        "noise_m": camera.noise,
    }
    openings = {name: float(opening) for name, opening in scene.openings.items()}
    header = {"objects": [_object(spec) for spec in scene.objects], "openings_m": openings, "camera": seen, "seed": int(seed)}
    return Record(header, {"poses": scene.poses})


def _object(spec: ObjectSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "category": spec.category,
        "size_m": _floats(spec.size),
        "inside_of": spec.inside_of,
        "movable": spec.movable,
        "drawer": spec.is_drawer,
        "parts": [_part(part) for part in spec.primitives()],
    }


def _part(part: Box) -> dict[str, Any]:
    return {"cylinder": part.cylinder, "half_m": _floats(part.half), "centre_m": _floats(part.centre)}


def _floats(values: Any) -> list[float]:
    return [float(value) for value in values]


def read_job(record: Record) -> Job:
    """The job of a record. ProtocolError says what is wrong with it."""
    form = _checked(_Job, record.header)
    with_camera = _scene(form, record), _camera(form.camera)
    try:
        call = SkillCall(form.call.skill, form.call.object, form.call.parameters, form.call.target)
    except ValueError as error:
        raise ProtocolError(f"call: {error}") from error
    wrong = Disturbances(**{**dict(form.disturbances), "errors": tuple(form.disturbances.errors.items())})
    return Job(with_camera[0], call, with_camera[1], form.seed, wrong, form.adjustments)


def read_look(record: Record) -> tuple[Scene, Camera, int]:
    """Scene, camera and seed of a record. ProtocolError says what is wrong with it."""
    form = _checked(_Look, record.header)
    return _scene(form, record), _camera(form.camera), form.seed


def _scene(form: _Scene, record: Record) -> Scene:
    try:
        specs = tuple(ObjectSpec(item.name, item.category, item.size_m, item.inside_of) for item in form.objects)
        scene = Scene(specs, _numbers(record, "poses", (len(specs), 7)), form.openings_m)
        scene.check_extents()
        return scene
    except ProtocolError:
        raise
    except ValueError as error:
        raise ProtocolError(f"scene: {error}") from error


def _camera(form: _Camera) -> Camera:
    return Camera(form.eye_m, form.target_m, form.width_px, form.height_px, form.focal_px, form.noise_m)


def outcome_record(outcome: Outcome) -> Record:
    """The serial form of an outcome: poses, contacts and clouds; relations follow from them."""
    before, after = snapshot_record(outcome.before), snapshot_record(outcome.after)
    header = {
        "before": before.header,
        "after": after.header,
        "seconds": {key: float(value) for key, value in outcome.seconds.items()},
        "stable": bool(outcome.stable),
    }
    arrays = {f"{when}/{name}": a for when, r in (("before", before), ("after", after)) for name, a in r.arrays.items()}
    return Record(header, arrays)


def snapshot_record(snapshot: Snapshot) -> Record:
    """The serial form of a snapshot."""
    contact = np.asarray(snapshot.relations.binary[..., BINARY.index("contact")], dtype=bool)
    openings = {name: float(opening) for name, opening in snapshot.scene.openings.items()}
    cloud = {"points": snapshot.cloud.points, "visibility": snapshot.cloud.visibility}
    return Record({"openings_m": openings}, {"poses": snapshot.scene.poses, "contact": contact, **cloud})


def read_outcome(record: Record, job: Job, thresholds: Thresholds = DEFAULT) -> Outcome:
    """The outcome of a job. ProtocolError where it does not fit the job. Clouds that are left out are cast here."""
    form = _checked(_Outcome, record.header)
    rng = np.random.default_rng(job.seed)
    snapshots = [
        _snapshot(rest, _part_of(record, when), job.scene, job.camera, rng, thresholds)
        for rest, when in ((form.before, "before"), (form.after, "after"))
    ]
    return Outcome(job.call, snapshots[0], snapshots[1], form.seconds, form.stable)


def _part_of(record: Record, when: str) -> Record:
    own = {name[len(when) + 1 :]: array for name, array in record.arrays.items() if name.startswith(f"{when}/")}
    return Record({}, own)


def read_snapshot(record: Record, scene: Scene, camera: Camera, seed: int, thresholds: Thresholds = DEFAULT) -> Snapshot:
    """The snapshot of a scene. ProtocolError where it does not fit the scene."""
    return _snapshot(_checked(_Rest, record.header), record, scene, camera, np.random.default_rng(seed), thresholds)


def _snapshot(
    rest: _Rest, record: Record, scene: Scene, camera: Camera, rng: np.random.Generator, thresholds: Thresholds
) -> Snapshot:
    if set(rest.openings_m) != set(scene.openings):
        raise ProtocolError(f"openings of {sorted(rest.openings_m)} where the scene has {sorted(scene.openings)}")
    poses = _numbers(record, "poses", (len(scene), 7))
    if not np.allclose(np.linalg.norm(poses[:, 3:], axis=1), 1.0, atol=1e-3):
        raise ProtocolError("poses must hold unit quaternions")
    now = scene.with_poses(poses, rest.openings_m)
    relations = ground_truth(now, _contact(record, len(scene)), thresholds)
    return Snapshot(now, relations, _cloud(record, now, camera, rng))


def _contact(record: Record, count: int) -> Mask:
    touching = record.arrays.get("contact")
    if touching is None or touching.shape != (count, count) or touching.dtype != np.bool_ or (touching != touching.T).any():
        raise ProtocolError(f"contact must be a symmetric ({count}, {count}) array of booleans")
    return np.asarray(touching)


def _cloud(record: Record, scene: Scene, camera: Camera, rng: np.random.Generator) -> SegmentedCloud:
    if "points" not in record.arrays:
        return look(caster(scene), scene, camera, rng)[0]
    points, visibility = record.arrays["points"], record.arrays.get("visibility")
    count = len(scene)
    whole = points.shape == (count, POINTS, 3) and points.dtype == np.float32
    if not whole or visibility is None or visibility.shape != (count,) or not ((visibility >= 0) & (visibility <= 1)).all():
        raise ProtocolError(f"points must be ({count}, {POINTS}, 3) float32, with ({count},) visibilities from 0 to 1")
    categories = tuple(spec.category for spec in scene.objects)
    try:
        return SegmentedCloud(scene.names, categories, points, visibility.astype(np.float32))
    except ValueError as error:
        raise ProtocolError(str(error)) from error


def _numbers(record: Record, name: str, shape: tuple[int, ...]) -> Array:
    array = record.arrays.get(name)
    if array is None or array.shape != shape or array.dtype != np.float64 or not np.isfinite(array).all():
        found = "none" if array is None else f"{array.dtype} {array.shape}"
        raise ProtocolError(f"{name} must be {shape} finite float64, got {found}")
    return np.asarray(array)


def _checked(form: Any, header: dict[str, Any]) -> Any:
    try:
        return form(**header)
    except (ValidationError, TypeError) as error:
        raise ProtocolError(_first(error)) from error


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
