"""Worlds of one structure in MuJoCo Warp: made from models, steered by tracks, stepped together."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import mujoco
import mujoco_warp as mjw
import numpy as np
import warp

from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.mujoco.bodies import TIMESTEP
from fail2progress.simulation.mujoco_warp.padding import Structure, build, slots, structure
from fail2progress.simulation.track import Track

warp.config.log_level = warp.LOG_WARNING  # its greeting and its list of kernels go to standard output, which belongs to --json
_CONTACTS_PER_BODY, _ROWS_PER_CONTACT = 24, 6
_DRIVE = (600.0, 30.0, 25.0)
"""Stiffness (N/m), damping (N s/m) and greatest force (N) on a drawer's handle."""


class Batch:
    """Scenes side by side, one world each; tracks may be None where nothing but settling is wanted."""

    def __init__(self, scenes: Sequence[Scene], tracks: Sequence[Track | None]) -> None:
        self.scenes, self.tracks = scenes, tracks
        self.structure = structure(scenes)
        self.slots = [slots(scene, self.structure) for scene in scenes]
        bars = [track.equipment.bar if track is not None else None for track in tracks]
        models = [build(scene, self.structure, bar) for scene, bar in zip(scenes, bars, strict=True)]
        self.host = build(scenes[0], self.structure, bars[0], lopsided=True)
        self.model = _put(self.host, models)
        self.data = _data(self.host, len(models), self.structure)
        self.stepping = 0.0
        self._start(models)

    def _start(self, models: Sequence[mujoco.MjModel]) -> None:
        qpos = np.stack([model.qpos0 for model in models])
        first = self.host.joint("drawer_0").qposadr[0] if self.structure.cabinets else 0
        for world, scene in enumerate(self.scenes):
            for k, item in enumerate(spec for spec in scene.objects if spec.is_drawer):
                qpos[world, first + k] = scene.openings.get(item.name, 0.0)
        self.data.qpos.assign(qpos.astype(np.float32))
        _place(self.data, models)
        self.data.eq_active.assign(np.zeros(self.data.eq_active.shape, bool))
        mjw.forward(self.model, self.data)

    def step(self, seconds: float) -> None:
        """Advance all worlds."""
        start = time.perf_counter()
        for _ in range(max(1, round(seconds / TIMESTEP))):
            mjw.step(self.model, self.data)
        self.stepping += time.perf_counter() - start

    def read(self) -> list[Scene]:
        """The scenes as they are now."""
        positions, turns = self.data.xpos.numpy().astype(float), self.data.xquat.numpy().astype(float)
        qpos = self.data.qpos.numpy()
        return [self._scene(world, positions[world], turns[world], qpos[world]) for world in range(len(self.scenes))]

    def _scene(self, world: int, positions: Array, turns: Array, qpos: Array) -> Scene:
        scene, own = self.scenes[world], self.slots[world]
        poses, openings = scene.poses.copy(), dict(scene.openings)
        for i, (item, body) in enumerate(zip(scene.objects, own, strict=True)):
            if item.movable or item.is_drawer:
                poses[i, :3], poses[i, 3:] = positions[body], turns[body] / np.linalg.norm(turns[body])
            if item.is_drawer:
                openings[item.name] = float(qpos[self._address(body)])
        return scene.with_poses(poses, openings)

    def _address(self, body: int) -> int:
        return int(self.host.jnt_qposadr[self.host.body_jntadr[body]])

    def play(self) -> None:
        """All tracks side by side; a shorter one has ended while the others go on."""
        tracks = [track for track in self.tracks if track is not None]
        poses = [scene.poses for scene in self.read()]
        begins = [self._begin(world, poses[world]) for world in range(len(self.scenes))]
        for k in range(max((len(track) for track in tracks), default=0)):
            self._steer(k, begins)
            self.step(tracks[0].period)
        self.data.eq_active.assign(np.zeros(self.data.eq_active.shape, bool))
        self.data.qfrc_applied.assign(np.zeros(self.data.qfrc_applied.shape, np.float32))

    def _begin(self, world: int, poses: Array) -> Array:
        """The pose (7,) in which the hand takes its object."""
        track = self.tracks[world]
        if track is None or track.equipment.holds is None:
            return np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
        return np.asarray(poses[self.scenes[world].index(track.equipment.holds)])

    def _steer(self, k: int, begins: Sequence[Array]) -> None:
        """Set-points of the k-th period, for all worlds."""
        worlds = len(self.scenes)
        positions, turns = np.zeros((worlds, 1, 3), np.float32), np.zeros((worlds, 1, 4), np.float32)
        active = np.zeros(self.data.eq_active.shape, bool)
        control = self.data.ctrl.numpy()
        force = np.zeros(self.data.qfrc_applied.shape, np.float32)
        qpos, qvel = (self.data.qpos.numpy(), self.data.qvel.numpy()) if self.structure.cabinets else (force, force)
        for world, track in enumerate(self.tracks):
            turns[world, 0, 0] = 1.0
            if track is None or k >= len(track):
                continue
            if track.equipment.holds is not None:
                body = self.slots[world][self.scenes[world].index(track.equipment.holds)]
                active[world, body - 1 - self.structure.fixed] = track.hold[k]
                at = track.moved(begins[world], k)
                positions[world, 0], turns[world, 0] = at[:3], at[3:]
            control[world] = track.press[k]
            if track.drawer is not None:
                body = self.slots[world][self.scenes[world].index(track.drawer)]
                dof, address = int(self.host.body_dofadr[body]), self._address(body)
                pull = _DRIVE[0] * (track.opening[k] - qpos[world, address]) - _DRIVE[1] * qvel[world, dof]
                force[world, dof] = np.clip(pull, -_DRIVE[2], _DRIVE[2])
        self.data.mocap_pos.assign(positions)
        self.data.mocap_quat.assign(turns)
        self.data.eq_active.assign(active)
        self.data.ctrl.assign(control)
        if self.structure.cabinets:
            self.data.qfrc_applied.assign(force)


def _put(host: mujoco.MjModel, models: Sequence[mujoco.MjModel]) -> Any:
    """The models as one with the structure of `host`, every number that differs with a dimension for the worlds."""
    different = {}
    for item in dataclasses.fields(mjw.Model):
        shape = getattr(item.type, "shape", ())
        if not shape or shape[0] != "*" or not hasattr(host, item.name):
            continue
        values = np.stack([getattr(model, item.name) for model in models])
        if (values != getattr(host, item.name)).any():
            different[item.name] = values
    batched = mjw.put_model(host, batch_sizes={name: len(models) for name in different})
    for name, values in different.items():
        target = getattr(batched, name)
        now = target.numpy()
        target.assign(values.reshape(now.shape).astype(now.dtype))
    return batched


def _data(host: mujoco.MjModel, worlds: int, shared: Structure) -> Any:
    contacts = _CONTACTS_PER_BODY * (shared.movable + len(shared.cabinets) + 2)
    return mjw.make_data(host, nworld=worlds, nconmax=contacts, njmax=_ROWS_PER_CONTACT * contacts)


def _place(data: Any, models: Sequence[mujoco.MjModel]) -> None:
    """Where fixed things are: MuJoCo Warp computes that once, when the data are made, and for the first world."""
    poses = [mujoco.MjData(model) for model in models]
    for model, own in zip(models, poses, strict=True):
        mujoco.mj_kinematics(model, own)
        mujoco.mj_comPos(model, own)
    for name in ("xpos", "xquat", "xmat", "xipos", "ximat", "geom_xpos", "geom_xmat"):
        target = getattr(data, name)
        now = target.numpy()
        target.assign(np.stack([getattr(own, name) for own in poses]).reshape(now.shape).astype(now.dtype))
