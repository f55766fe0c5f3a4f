"""What happens in a world between two steps of physics: each settles, plays its track and comes to rest by a clock of its own.

These are kernels of Warp, which compiles their source for the device: one thread for each world, contact or row.
"""

import warp as wp

from fail2progress.simulation.held import MOMENT, TRAILING
from fail2progress.skills.limits import HANDLE_DAMPING, HANDLE_FORCE, HANDLE_STIFFNESS

FREE, SETTLING, PLAYING, RESTING, DONE = 0, 1, 2, 3, 4
"""Phases of a world."""
_REST_SPEED = 0.01
wp.set_module_options({"enable_backward": False})


@wp.func
def _rests(speeds: wp.array2d(dtype=float), world: int) -> bool:
    """Whether everything in a world is slower than m/s and rad/s at which the reference takes it for resting."""
    for k in range(speeds.shape[1]):  # noqa: SIM110 (Warp compiles loops)
        if wp.abs(speeds[world, k]) >= wp.static(_REST_SPEED):
            return False
    return True


@wp.kernel
def begin(
    qpos: wp.array2d(dtype=float),
    qvel: wp.array2d(dtype=float),
    phase: wp.array(dtype=int),
    clock: wp.array(dtype=int),
    calm: wp.array(dtype=int),
    latched: wp.array(dtype=int),
    saved: wp.array3d(dtype=float),
    limits: wp.vec4i,
    pause: int,
):
    """Whether a world has settled before its skill, or has come to rest after it. limits: see worlds._LOOKS; pause: in periods.

    saved: states at these two times, and so long before the first where not everything rested then.
    """
    world = wp.tid()
    now = phase[world]
    latched[world] = 0
    if now != wp.static(SETTLING) and now != wp.static(RESTING):
        return
    clock[world] = clock[world] + 1
    every, longest, times = limits[0], limits[1], 2
    if now == wp.static(RESTING):
        every, longest, times = limits[2], limits[3], 1
    if now == wp.static(SETTLING) and clock[world] == longest - pause:
        for k in range(qpos.shape[1]):
            saved[2, world, k] = qpos[world, k]
    if clock[world] % every == 0:
        if _rests(qvel, world):
            calm[world] = calm[world] + 1
        else:
            calm[world] = 0
    if calm[world] < times and clock[world] < longest:
        return
    which = 0
    if now == wp.static(RESTING):
        which = 1
    for k in range(qpos.shape[1]):
        saved[which, world, k] = qpos[world, k]
        if which == 0 and calm[world] >= times:
            saved[2, world, k] = qpos[world, k]
    latched[world] = which + 1
    phase[world] = now + 1
    clock[world] = 0
    calm[world] = 0


@wp.kernel
def steer(
    qpos: wp.array2d(dtype=float),
    qvel: wp.array2d(dtype=float),
    phase: wp.array(dtype=int),
    clock: wp.array(dtype=int),
    saved: wp.array3d(dtype=float),
    length: wp.array(dtype=int),
    grip: wp.array(dtype=int),
    drawer: wp.array(dtype=int),
    hold: wp.array2d(dtype=int),
    shift: wp.array2d(dtype=wp.vec3),
    turn: wp.array2d(dtype=wp.quat),
    press: wp.array2d(dtype=wp.vec2),
    opening: wp.array2d(dtype=float),
    movable: int,
    late: wp.array(dtype=int),
    mocap_pos: wp.array2d(dtype=wp.vec3),
    mocap_quat: wp.array2d(dtype=wp.quat),
    active: wp.array2d(dtype=bool),
    control: wp.array2d(dtype=float),
    force: wp.array2d(dtype=float),
):
    """The set-points of every world that plays its track. Quaternions of MuJoCo are w x y z in the places of x y z w."""
    world = wp.tid()
    if phase[world] != wp.static(PLAYING):
        return
    k = clock[world]
    if k >= length[world]:
        if grip[world] >= 0:
            active[world, grip[world]] = False
        if drawer[world] >= 0:
            force[world, 6 * movable + drawer[world]] = 0.0
        phase[world] = wp.static(RESTING)
        clock[world] = 0
        return
    clock[world] = k + 1
    control[world, 0] = press[world, k][0]
    control[world, 1] = press[world, k][1]
    body = grip[world]
    if body >= 0:
        at = 7 * body
        if active[world, body]:
            now = wp.vec3(qpos[world, at], qpos[world, at + 1], qpos[world, at + 2])
            if wp.length(now - mocap_pos[world, 0]) > wp.static(TRAILING):
                late[world] = late[world] + 1
            elif late[world] <= wp.static(MOMENT):
                late[world] = 0
        # What is kept back by what does not give way is left behind, for good.
        active[world, body] = hold[world, k] > 0 and late[world] <= wp.static(MOMENT)
        start = wp.vec3(saved[0, world, at], saved[0, world, at + 1], saved[0, world, at + 2])
        mocap_pos[world, 0] = start + shift[world, k]
        a = turn[world, k]
        b = wp.quat(saved[0, world, at + 3], saved[0, world, at + 4], saved[0, world, at + 5], saved[0, world, at + 6])
        mocap_quat[world, 0] = wp.quat(
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        )
    if drawer[world] >= 0:
        dof, at = 6 * movable + drawer[world], 7 * movable + drawer[world]
        pull = wp.static(HANDLE_STIFFNESS) * (opening[world, k] - qpos[world, at]) - wp.static(HANDLE_DAMPING) * qvel[world, dof]
        force[world, dof] = wp.clamp(pull, -wp.static(HANDLE_FORCE), wp.static(HANDLE_FORCE))


@wp.kernel
def touch(
    contacts: wp.array(dtype=int),
    world_of: wp.array(dtype=int),
    geoms: wp.array(dtype=wp.vec2i),
    distance: wp.array(dtype=float),
    place_of: wp.array(dtype=int),
    latched: wp.array(dtype=int),
    gap: float,
    touching: wp.array3d(dtype=int),
):
    """Which objects touch in the worlds that have just come to rest: (2 W, P, P), before and after the skill in turn."""
    contact = wp.tid()
    if contact >= contacts[0] or contact >= world_of.shape[0]:
        return
    world = world_of[contact]
    if latched[world] == 0 or distance[contact] >= gap:
        return
    one, other = place_of[geoms[contact][0]], place_of[geoms[contact][1]]
    if one >= 0 and other >= 0 and one != other:
        row = 2 * world + latched[world] - 1
        touching[row, one, other] = 1
        touching[row, other, one] = 1


@wp.kernel
def scatter(source: wp.array2d(dtype=float), rows: wp.array(dtype=int), target: wp.array2d(dtype=float)):
    """Write rows of numbers to those of other worlds."""
    i, k = wp.tid()
    target[rows[i], k] = source[i, k]


@wp.kernel
def scatter_whole(source: wp.array2d(dtype=int), rows: wp.array(dtype=int), target: wp.array2d(dtype=int)):
    """The same for whole numbers."""
    i, k = wp.tid()
    target[rows[i], k] = source[i, k]


@wp.kernel
def reset(rows: wp.array(dtype=int), active: wp.array2d(dtype=bool), touching: wp.array3d(dtype=int)):
    """Nothing is held, and nothing touches, in these worlds."""
    i, k = wp.tid()
    if k < active.shape[1]:
        active[rows[i], k] = False
    for j in range(touching.shape[2]):
        touching[2 * rows[i], k, j] = 0
        touching[2 * rows[i] + 1, k, j] = 0
