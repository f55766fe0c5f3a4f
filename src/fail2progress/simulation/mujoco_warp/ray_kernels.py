"""A depth camera on the device: rays through the windows of objects, of many scenes at once (see simulation.looking).

These are kernels of Warp, which compiles their source for the device. A view is a scene at rest with its camera.
"""

import warp as wp

POINTS = 128
"""Points of a segment."""
RAYS = (256, 400, 2116)
"""Rays through an object's window at first, where that gave too few points, and where very little of it is to be seen."""
MOST = sum(RAYS)
_FAR = 10.0
_NONE = 1.0e9

wp.set_module_options({"enable_backward": False})


@wp.func
def _rotation(q: wp.quat) -> wp.mat33:
    """Of a quaternion with w x y z in the places of x y z w."""
    w, x, y, z = q[0], q[1], q[2], q[3]
    return wp.mat33(
        1.0 - 2.0 * (y * y + z * z),
        2.0 * (x * y - w * z),
        2.0 * (x * z + w * y),
        2.0 * (x * y + w * z),
        1.0 - 2.0 * (x * x + z * z),
        2.0 * (y * z - w * x),
        2.0 * (x * z - w * y),
        2.0 * (y * z + w * x),
        1.0 - 2.0 * (x * x + y * y),
    )


@wp.kernel
def stand(
    world: wp.array(dtype=int),
    qpos: wp.array2d(dtype=float),
    counts: wp.vec3i,
    body_of: wp.array(dtype=int),
    body_pos: wp.array2d(dtype=wp.vec3),
    body_quat: wp.array2d(dtype=wp.quat),
    geom_pos: wp.array2d(dtype=wp.vec3),
    position: wp.array2d(dtype=wp.vec3),
    rotation: wp.array2d(dtype=wp.mat33),
):
    """Where every part stands in every view; `counts`: fixed, movable things and drawers."""
    view, part = wp.tid()
    own, body = world[view], body_of[part]
    start, turn = body_pos[own, body], _rotation(body_quat[own, body])
    at = wp.vec3(start[0], start[1], start[2])
    k = body - 1 - counts[0]
    if k >= 0 and k < counts[1]:
        q = 7 * k
        at = wp.vec3(qpos[view, q], qpos[view, q + 1], qpos[view, q + 2])
        turn = _rotation(wp.quat(qpos[view, q + 3], qpos[view, q + 4], qpos[view, q + 5], qpos[view, q + 6]))
    elif k >= counts[1] and k < counts[1] + counts[2]:
        at = at - turn * wp.vec3(qpos[view, 6 * counts[1] + k], 0.0, 0.0)
    elif k >= counts[1] + counts[2]:
        q = 7 * counts[1] + counts[2]
        at = at + turn * wp.vec3(qpos[view, q], 0.0, qpos[view, q + 1])
    position[view, part] = at + turn * geom_pos[own, part]
    rotation[view, part] = turn


@wp.func
def _slab(origin: float, ray: float, half: float) -> wp.vec2:
    """Where a ray enters and leaves the space between two planes."""
    safe = ray
    if wp.abs(ray) < 1.0e-9:
        safe = 1.0e-9
    one, other = (-half - origin) / safe, (half - origin) / safe
    return wp.vec2(wp.min(one, other), wp.max(one, other))


@wp.func
def _distance(origin: wp.vec3, ray: wp.vec3, size: wp.vec3, rounded: int) -> float:
    """Along a ray from outside to a box with half sizes, or an upright cylinder (radius, half height), about the origin."""
    upright = size[2]
    if rounded != 0:
        upright = size[1]
    span = _slab(origin[2], ray[2], upright)
    if rounded != 0:
        a = wp.max(ray[0] * ray[0] + ray[1] * ray[1], 1.0e-12)
        b = ray[0] * origin[0] + ray[1] * origin[1]
        root = b * b - a * (origin[0] * origin[0] + origin[1] * origin[1] - size[0] * size[0])
        if root < 0.0:
            return wp.static(_NONE)
        span = wp.vec2(wp.max(span[0], (-b - wp.sqrt(root)) / a), wp.min(span[1], (-b + wp.sqrt(root)) / a))
    else:
        x, y = _slab(origin[0], ray[0], size[0]), _slab(origin[1], ray[1], size[1])
        span = wp.vec2(wp.max(span[0], wp.max(x[0], y[0])), wp.min(span[1], wp.min(x[1], y[1])))
    if span[0] <= span[1] and span[0] > 0.0:
        return span[0]
    return wp.static(_NONE)


@wp.func
def _aim(seed: int, place: int, ray: int, side: int, number: int, window: wp.vec4, lens: wp.vec3, axes: wp.mat33) -> wp.vec3:
    """The direction of the number-th ray of a pass on a grid over an object's window; `lens`: focal length, middle (pixels)."""
    state = wp.rand_init(seed, place * wp.static(MOST) + ray)
    u = window[0] + (float(number // side) + wp.randf(state)) / float(side) * window[2]
    v = window[1] + (float(number % side) + wp.randf(state)) / float(side) * window[3]
    return wp.normalize(wp.transpose(axes) * wp.vec3((u - lens[1]) / lens[0], (v - lens[2]) / lens[0], 1.0))


@wp.kernel
def cast(
    world: wp.array(dtype=int),
    seeds: wp.array(dtype=int),
    eyes: wp.array(dtype=wp.vec3),
    axes: wp.array(dtype=wp.mat33),
    lenses: wp.array(dtype=wp.vec3),
    windows: wp.array2d(dtype=wp.vec4),
    wanted: wp.array2d(dtype=int),
    first: int,
    side: int,
    part_of: wp.array(dtype=wp.vec2i),
    rounded: wp.array(dtype=int),
    size: wp.array2d(dtype=wp.vec3),
    position: wp.array2d(dtype=wp.vec3),
    rotation: wp.array2d(dtype=wp.mat33),
    distance: wp.array3d(dtype=float),
):
    """One pass: along each ray the metres to the object that it was meant for, -1 where something else is hit, or nothing."""
    view, place, number = wp.tid()
    if wanted[view, place] == 0:
        return
    ray = first + number
    towards = _aim(seeds[view], place, ray, side, number, windows[view, place], lenses[view], axes[view])
    own, begin, end = world[view], part_of[place][0], part_of[place][1]
    nearest = float(wp.static(_NONE))
    for part in range(begin, end):
        turned = wp.transpose(rotation[view, part])
        origin = turned * (eyes[view] - position[view, part])
        nearest = wp.min(nearest, _distance(origin, turned * towards, size[own, part], rounded[part]))
    if towards[2] < 0.0 and -eyes[view][2] / towards[2] < nearest:
        nearest = wp.static(_NONE)
    if nearest < wp.static(_FAR):
        for part in range(1, position.shape[1]):
            if (part < begin or part >= end) and nearest < wp.static(_FAR):
                turned = wp.transpose(rotation[view, part])
                origin = turned * (eyes[view] - position[view, part])
                if _distance(origin, turned * towards, size[own, part], rounded[part]) < nearest:
                    nearest = wp.static(_NONE)
    if nearest >= wp.static(_FAR):
        nearest = -1.0
    distance[view, place, ray] = nearest


@wp.kernel
def count(
    first: int,
    rays: int,
    coming: int,
    last: int,
    wanted: wp.array2d(dtype=int),
    hits: wp.array2d(dtype=int),
    spent: wp.array2d(dtype=int),
    missing: wp.array2d(dtype=int),
    distance: wp.array3d(dtype=float),
):
    """After a pass: what it hit, and whether the next one is wanted, which must be enough unless it is the last."""
    view, place = wp.tid()
    if wanted[view, place] != 0:
        for ray in range(first, first + rays):
            if distance[view, place, ray] > 0.0:
                hits[view, place] = hits[view, place] + 1
        spent[view, place] = spent[view, place] + rays
        if hits[view, place] >= wp.static(POINTS):
            missing[view, place] = 0
    likely = float(hits[view, place]) * (1.0 + float(coming) / wp.max(float(spent[view, place]), 1.0))
    wanted[view, place] = 0
    if missing[view, place] != 0 and (last != 0 or likely >= float(wp.static(POINTS))):
        wanted[view, place] = 1


@wp.kernel
def choose(
    seeds: wp.array(dtype=int),
    eyes: wp.array(dtype=wp.vec3),
    axes: wp.array(dtype=wp.mat33),
    lenses: wp.array(dtype=wp.vec3),
    windows: wp.array2d(dtype=wp.vec4),
    sides: wp.vec3i,
    noise: wp.array(dtype=float),
    distance: wp.array3d(dtype=float),
    chosen: wp.array3d(dtype=int),
    points: wp.array3d(dtype=wp.vec3),
):
    """Of each object's points a random subset, repeated where too few were seen; NaN where none was."""
    view, place = wp.tid()
    state = wp.rand_init(seeds[view] + 1, place)
    found = int(0)  # noqa: UP018, RUF046 (a number that changes, to Warp)
    for ray in range(wp.static(MOST)):
        if distance[view, place, ray] > 0.0:
            at = int(found)
            if found >= wp.static(POINTS):
                at = wp.randi(state, 0, found + 1)
            if at < wp.static(POINTS):
                chosen[view, place, at] = ray
            found = found + 1
    for k in range(wp.static(POINTS)):
        if found == 0:
            points[view, place, k] = wp.vec3(wp.nan, wp.nan, wp.nan)
        else:
            if k >= found:
                chosen[view, place, k] = chosen[view, place, wp.randi(state, 0, found)]
            ray, side = int(chosen[view, place, k]), sides[0]
            number = ray
            if ray >= wp.static(RAYS[0]):
                side, number = sides[1], ray - wp.static(RAYS[0])
            if ray >= wp.static(RAYS[0] + RAYS[1]):
                side, number = sides[2], ray - wp.static(RAYS[0] + RAYS[1])
            towards = _aim(seeds[view], place, ray, side, number, windows[view, place], lenses[view], axes[view])
            jitter = wp.vec3(wp.randn(state), wp.randn(state), wp.randn(state))
            points[view, place, k] = eyes[view] + distance[view, place, ray] * towards + noise[view] * jitter
