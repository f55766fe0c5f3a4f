"""Worlds of one structure on the device: each has a scene and a track, or is free, and goes by a clock of its own."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mujoco_warp as mjw
import numpy as np
import warp
from numpy.typing import NDArray

from fail2progress.core.scene import Array
from fail2progress.simulation.mujoco.bodies import TIMESTEP
from fail2progress.simulation.mujoco_warp import kernels
from fail2progress.simulation.mujoco_warp.padding import EMPTY, Content, Numbers, Padded
from fail2progress.simulation.mujoco_warp.plays import Play
from fail2progress.simulation.mujoco_warp.seeing import Eyes
from fail2progress.simulation.mujoco_warp.structure import Structure
from fail2progress.simulation.rest import PAUSE
from fail2progress.simulation.track import PERIOD

warp.config.log_level = warp.LOG_WARNING  # its greeting and its list of kernels go to standard output, which belongs to --json
_CONTACTS, _ROUNDED, _ROWS = 10, 4, 80
"""For each place: contacts on average over worlds, those among them with cylinders, and rows of constraints in one world."""
_STEPS = round(PERIOD / TIMESTEP)
_LOOKS = (3, 75, 12, 200)
"""Periods between two looks at whether everything rests before a skill, and at most; the same after it."""
_PAUSE = round(PAUSE / PERIOD)
_LENGTHS = 256
"""Tracks have room for a multiple of so many set-points."""
_MODEL = (
    *("body_pos", "body_quat", "body_ipos", "body_iquat", "body_mass", "body_subtreemass", "body_inertia", "body_invweight0"),
    *("body_gravcomp", "jnt_range", "dof_invweight0", "qpos0"),
    *("geom_size", "geom_pos", "geom_rbound", "geom_aabb", "geom_friction"),
)
_DATA = ("xpos", "xquat", "xmat", "xipos", "ximat", "geom_xpos", "geom_xmat", "qpos")


_TRACKS = {"shift": 3, "turn": 4, "press": 2, "opening": 1}
"""Columns of a play, and how many numbers each has."""


@dataclass(frozen=True)
class Load:
    """What R worlds are given: numbers of the model, tracks (R, T, n), hold (R, T), and (R, 4): length, grip, drawer, phase."""

    numbers: Numbers
    tracks: Mapping[str, NDArray[np.float32]]
    hold: NDArray[np.int32]
    columns: NDArray[np.int32]


@dataclass(frozen=True)
class Finished:
    """R worlds that came to rest: (2, R, nq) states before and after, (2, R, P, P) which places touched, and (R, nq) states a
    PAUSE before the first of them, or that one where everything rested then."""

    qpos: NDArray[np.float32]
    touching: NDArray[np.bool_]
    earlier: NDArray[np.float32]


class Worlds:
    """Room for so many worlds of a structure, with tracks of so many set-points."""

    def __init__(self, padded: Padded, count: int, length: int, gap: float) -> None:
        self.padded, self.count, self.longest = padded, count, -(-length // _LENGTHS) * _LENGTHS
        self.clock = Clock(warp.get_device())
        model, self._gap = padded.model, gap
        self.model = mjw.put_model(model, batch_sizes=dict.fromkeys(_MODEL, count))
        self.model.opt.warn_overflow = 0  # to standard output, which belongs to --json; see done()
        most = {"nconmax": _CONTACTS, "nccdmax": _ROUNDED, "njmax": _ROWS}
        room = {name: number * (padded.structure.places + 1) for name, number in most.items()}
        self.data = mjw.make_data(model, nworld=count, **room)
        self.eyes = Eyes(padded, self.model)
        places, whole = padded.structure.places, (warp.zeros(count, dtype=int) for _ in range(8))
        self._phase, self._ticks, self._calm, self._latched, self._length, self._grip, self._drawer, self._late = whole
        self._saved = warp.zeros((3, count, model.nq), dtype=float)
        self._touching = warp.zeros((2 * count, places, places), dtype=int)
        self._place_of = warp.array(padded.place_of.astype(np.int32), dtype=int)
        shape = (count, self.longest)
        self._hold, kinds = warp.zeros(shape, dtype=int), {1: float, 2: warp.vec2, 3: warp.vec3, 4: warp.quat}
        self._tracks = {name: warp.zeros(shape, dtype=kinds[width]) for name, width in _TRACKS.items()}
        self._graph: Any = None
        self._aside = warp.Stream() if warp.get_device().is_cuda else None
        self._start(_whole(range(count)), self.padded.numbers([EMPTY] * count))

    def takes(self, shape: Structure, length: int) -> bool:
        """Whether a scene of a structure, with a track of so many set-points, has room here."""
        return length <= self.longest and self.padded.structure.fits(shape)

    def prepared(self, contents: Sequence[Content], plays: Sequence[Play]) -> Load:
        """What worlds are given for contents and plays."""
        count, longest = len(plays), max(len(play) for play in plays)
        tracks = {name: np.zeros((count, longest, width), np.float32) for name, width in _TRACKS.items()}
        hold = np.zeros((count, longest), np.int32)
        for row, play in enumerate(plays):
            hold[row, : len(play)] = play.hold
            for name, values in tracks.items():
                values[row, : len(play)] = getattr(play, name)
        acts = [play.acts_on(content.scene, self.padded.structure) for play, content in zip(plays, contents, strict=True)]
        begins = [kernels.SETTLING if play.settles else kernels.RESTING for play in plays]
        columns = np.array([(len(play), *act, begin) for play, act, begin in zip(plays, acts, begins, strict=True)], np.int32)
        return Load(self.padded.numbers(contents), tracks, hold, columns)

    def load(self, rows: Sequence[int], load: Load) -> None:
        """Give worlds that are free or done something new to do."""
        index = _whole(rows)
        self._start(index, load.numbers)
        for name, values in load.tracks.items():
            _write(self._tracks[name], index, values)
        _write_whole(self._hold, index, load.hold)
        for target, column in zip((self._length, self._grip, self._drawer, self._phase), load.columns.T, strict=True):
            _write_whole(target, index, column[:, None])
        for target in (self._ticks, self._calm, self._late):
            _write_whole(target, index, np.zeros((len(rows), 1), np.int32))

    def _start(self, index: Any, numbers: Numbers) -> None:
        count = index.shape[0]
        for owner, names in ((self.model, _MODEL), (self.data, _DATA)):
            for name in names:
                _write(getattr(owner, name), index, numbers[name])
        # A scene that only comes to rest has no state before a skill but this one.
        for state in (0, 2):
            _write(self._saved[state], index, numbers["qpos"])
        for target in (self.data.qvel, self.data.qacc_warmstart, self.data.qfrc_applied, self.data.ctrl):
            _write(target, index, np.zeros((count, target.shape[1])))
        shape = (count, max(self.data.eq_active.shape[1], self._touching.shape[1]))
        warp.launch(kernels.reset, dim=shape, inputs=[index], outputs=[self.data.eq_active, self._touching])

    def advance(self, periods: int) -> None:
        """Let so many periods of every world pass; on a GPU this returns before they have passed."""
        with self.clock:
            for _ in range(periods):
                if self._graph is not None:
                    warp.capture_launch(self._graph)
                else:
                    self._period()
        if self._graph is None and warp.get_device().is_cuda:  # by now every kernel is compiled
            with warp.ScopedCapture() as capture:
                self._period()
            self._graph = capture.graph

    def _period(self) -> None:
        data, state = self.data, [self._phase, self._ticks]
        warp.launch(
            kernels.begin,
            dim=self.count,
            inputs=[data.qpos, data.qvel, *state, self._calm, self._latched, self._saved, warp.vec4i(*_LOOKS), _PAUSE],
        )
        contacts = [data.nacon, data.contact.worldid, data.contact.geom, data.contact.dist]
        inputs = [*contacts, self._place_of, self._latched, self._gap]
        warp.launch(kernels.touch, dim=data.naconmax, inputs=inputs, outputs=[self._touching])
        tracks = [self._hold, *self._tracks.values(), len(self.padded.structure.movable), self._late]
        warp.launch(
            kernels.steer,
            dim=self.count,
            inputs=[data.qpos, data.qvel, *state, self._saved, self._length, self._grip, self._drawer, *tracks],
            outputs=[data.mocap_pos, data.mocap_quat, data.eq_active, data.ctrl, data.qfrc_applied],
        )
        for _ in range(_STEPS):
            mjw.step(self.model, data)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is done on a GPU in this context does not wait for the periods that pass."""
        if self._aside is None:
            yield
            return
        with warp.ScopedStream(self._aside, sync_enter=False, sync_exit=False):
            yield

    def done(self) -> list[int]:
        """The worlds that came to rest; waits for what is under way. Warns where contacts found no room."""
        contacts, rows = int(self.data.nacon.numpy()[0]), int(self.data.nefc.numpy().max())
        if contacts > self.data.naconmax or rows > self.data.njmax:
            warnings.warn(f"{contacts} contacts or {rows} rows of constraints are more than there is room for", stacklevel=2)
        return np.flatnonzero(self._phase.numpy() == kernels.DONE).tolist()

    def finished(self, rows: Sequence[int]) -> Finished:
        """What became of worlds that came to rest."""
        shape = (self.count, 2, *self._touching.shape[1:])
        saved = self._saved.numpy()[:, rows]
        return Finished(saved[:2], self._touching.numpy().reshape(shape)[rows].swapaxes(0, 1) > 0, saved[2])


class Clock:
    """Seconds of physics: on a GPU those that it was busy with it, measured there."""

    def __init__(self, device: Any) -> None:
        self._timed = bool(device.is_cuda)
        self._events: list[tuple[Any, Any]] = []
        self._begin, self._spent = 0.0, 0.0

    def __enter__(self) -> None:
        if self._timed:
            self._events.append((warp.Event(enable_timing=True), warp.Event(enable_timing=True)))
            warp.record_event(self._events[-1][0])
        self._begin = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        if self._timed:
            warp.record_event(self._events[-1][1])
        else:
            self._spent += time.perf_counter() - self._begin

    def read(self) -> float:
        """Seconds since this was last asked; what is under way must have ended."""
        spent = self._spent + sum(warp.get_event_elapsed_time(*pair) for pair in self._events) / 1000.0
        self._spent, self._events = 0.0, []
        return float(spent)


def _whole(values: Sequence[int]) -> Any:
    return warp.array(np.array(values, np.int32), dtype=int)


def _flat(target: Any, dtype: Any) -> Any:
    """(W, n) numbers of four bytes of an array with a row for each world."""
    components = target.strides[0] // 4
    return warp.array(ptr=target.ptr, dtype=dtype, shape=(target.shape[0], components), device=target.device, copy=False)


def _write(target: Any, index: Any, values: Array | NDArray[np.float32]) -> None:
    """Write values (R, ...) to the first places of some worlds' rows."""
    source = np.ascontiguousarray(values, np.float32).reshape(len(values), -1)
    if not source.shape[1]:
        return
    rows = warp.array(source, dtype=float)
    warp.launch(kernels.scatter, dim=source.shape, inputs=[rows, index], outputs=[_flat(target, float)])


def _write_whole(target: Any, index: Any, values: NDArray[np.int32]) -> None:
    rows = warp.array(np.ascontiguousarray(values), dtype=int)
    warp.launch(kernels.scatter_whole, dim=values.shape, inputs=[rows, index], outputs=[_flat(target, int)])
