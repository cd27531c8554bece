"""Ray casting with Warp: a batch of instants of one subject, seen by all cameras, in three kernel
launches.

All bodies of a batch live in one grouped `wp.Mesh`, one group a slot; `skin_kernel` moves the
vertices, `refit` updates the ray tree without rebuilding it, and each ray only walks the group of
its own instant. `first_kernel` casts one ray a pixel; `finish_kernel` casts more only where a pixel
differs from its neighbours, which is where one ray is not enough. What lies behind the person comes
from the plates of `room`. Nothing loops over pixels in Python.
"""

import warp as wp

from .paint import Paint, backdrop, paint
from .room import MARGIN, PLATE

wp.set_module_options({"enable_backward": False, "fast_math": True})

KEEP, REPLACE, REMOVE = range(3)


@wp.struct
class Cast:
    """The people of a batch: slot k holds triangles k * triangles ... of `mesh`, of which the first
    `person` are skin and clothes and the rest a stool."""

    mesh: wp.uint64
    indices: wp.array(dtype=wp.int32)
    triangles: int
    vertices: int
    person: int
    rest: wp.array(dtype=wp.vec3)
    normals: wp.array(dtype=wp.vec3)
    paint: Paint


@wp.struct
class Stage:
    """Plates, light and cameras; metres, linear light. `crops` are x0, y0, size in pixels of the
    camera's image.
    """

    background: int
    glow: wp.array3d(dtype=wp.vec4)  # rgb, distance
    lit: wp.array4d(dtype=wp.vec3)  # by lamp
    lamps: wp.array(dtype=wp.vec4)  # place and radius
    colours: wp.array(dtype=wp.vec3)
    ambient: wp.vec3
    rotation: wp.array(dtype=wp.mat33)  # world -> camera
    centre: wp.array(dtype=wp.vec3)
    lens: wp.array(dtype=wp.vec4)  # fx, fy, cx, cy in pixels
    gain: wp.array(dtype=wp.vec3)  # exposure and white balance of each camera
    crops: wp.array(dtype=wp.vec3)
    seeds: wp.array(dtype=wp.int32)


@wp.kernel
def skin_kernel(
    rest: wp.array(dtype=wp.vec3),
    rest_normal: wp.array(dtype=wp.vec3),
    bones: wp.array2d(dtype=wp.int32),
    weights: wp.array2d(dtype=wp.float32),
    moves: wp.array3d(dtype=wp.vec4),
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
):
    """Linear blend skinning of slot, vertex."""
    slot, v = wp.tid()
    x = wp.vec4(rest[v][0], rest[v][1], rest[v][2], 1.0)
    m = wp.vec4(rest_normal[v][0], rest_normal[v][1], rest_normal[v][2], 0.0)
    a = wp.vec4()
    b = wp.vec4()
    c = wp.vec4()
    for k in range(4):
        w = weights[v, k]
        if w > 0.0:
            g = bones[v, k]
            a += w * moves[slot, g, 0]
            b += w * moves[slot, g, 1]
            c += w * moves[slot, g, 2]
    i = slot * rest.shape[0] + v
    points[i] = wp.vec3(wp.dot(a, x), wp.dot(b, x), wp.dot(c, x))
    normals[i] = wp.normalize(wp.vec3(wp.dot(a, m), wp.dot(b, m), wp.dot(c, m)))


@wp.func
def hidden(at: wp.vec3, lamp: wp.vec4, state: wp.uint32, body: wp.uint64, root: int):
    """Whether the person or the stool stands between a place and a point of a lamp."""
    ray = wp.vec3(lamp[0], lamp[1], lamp[2]) + lamp[3] * wp.sample_unit_sphere(state) - at
    far = wp.length(ray)
    return wp.mesh_query_ray_anyhit(body, at, ray / far, far, root)


@wp.func
def behind(
    u: float,
    v: float,
    view: int,
    ray: wp.vec3,
    near: float,
    stage: Stage,
    state: wp.uint32,
    body: wp.uint64,
    root: int,
):
    """The room at pixel (u, v) with the person's shadow in it: rgb, distance; rgb is 0 where it is
    not in front of `near`.
    """
    size = stage.glow.shape[1]
    scale = float(size) / float(PLATE)
    x = wp.clamp((u + float(MARGIN)) * scale - 0.5, 0.0, float(size) - 1.001)
    y = wp.clamp((v + float(MARGIN)) * scale - 0.5, 0.0, float(size) - 1.001)
    i = int(y)
    j = int(x)
    fx = x - float(j)
    fy = y - float(i)
    # on a person the nearest texel decides what is in front; a blend of two distances would be
    # neither
    ahead = stage.glow[view, int(y + 0.5), int(x + 0.5)][3]
    if ahead >= near:
        return wp.vec4(0.0, 0.0, 0.0, ahead)
    w00 = (1.0 - fx) * (1.0 - fy)
    w01 = fx * (1.0 - fy)
    w10 = (1.0 - fx) * fy
    w11 = fx * fy
    glow = (
        w00 * stage.glow[view, i, j]
        + w01 * stage.glow[view, i, j + 1]
        + w10 * stage.glow[view, i + 1, j]
        + w11 * stage.glow[view, i + 1, j + 1]
    )
    colour = wp.vec3(glow[0], glow[1], glow[2])
    at = stage.centre[view] + (glow[3] - 0.01) * ray
    for k in range(stage.lamps.shape[0]):
        light = (
            w00 * stage.lit[k, view, i, j]
            + w01 * stage.lit[k, view, i, j + 1]
            + w10 * stage.lit[k, view, i + 1, j]
            + w11 * stage.lit[k, view, i + 1, j + 1]
        )
        if light[0] + light[1] + light[2] > 0.01:
            if not hidden(at, stage.lamps[k], state, body, root):
                colour += light
    return wp.vec4(colour[0], colour[1], colour[2], glow[3])


@wp.func
def surface(
    hit: wp.MeshQueryRay,
    triangle: int,
    slot: int,
    origin: wp.vec3,
    ray: wp.vec3,
    cast: Cast,
    stage: Stage,
    state: wp.uint32,
    root: int,
):
    """Colour of the person or the stool where a ray meets it."""
    a = hit.face * 3
    i0 = cast.indices[a]
    i1 = cast.indices[a + 1]
    i2 = cast.indices[a + 2]
    w2 = 1.0 - hit.u - hit.v
    n = wp.normalize(hit.u * cast.normals[i0] + hit.v * cast.normals[i1] + w2 * cast.normals[i2])
    if wp.dot(n, ray) > 0.0:  # a smoothed normal may look away at the rim
        n = wp.normalize(n - 1.05 * wp.dot(n, ray) * ray)
    first = slot * cast.vertices
    place = (
        hit.u * cast.rest[i0 - first] + hit.v * cast.rest[i1 - first] + w2 * cast.rest[i2 - first]
    )
    at = origin + hit.t * ray + 0.004 * n
    light = stage.ambient * (0.6 + 0.4 * n[2])
    for k in range(stage.lamps.shape[0]):
        lamp = stage.lamps[k]
        facing = wp.dot(n, wp.normalize(wp.vec3(lamp[0], lamp[1], lamp[2]) - at))
        if facing > 0.0:
            if not hidden(at, lamp, state, cast.mesh, root):
                light += stage.colours[k] * facing
    return wp.cw_mul(paint(cast.paint, triangle, place, wp.vec3()), light)


@wp.func
def look(image: int, col: float, row: float, size: int, number: int, cast: Cast, stage: Stage):
    """What one sample at a place of a crop sees: rgb after the camera's gain and gamma, and 1 for
    the person.
    """
    views = stage.centre.shape[0]
    slot = image // views
    view = image - slot * views
    box = stage.crops[image]
    lens = stage.lens[view]
    u = box[0] + col * box[2] / float(size)
    v = box[1] + row * box[2] / float(size)
    origin = stage.centre[view]
    ray = wp.normalize(
        wp.transpose(stage.rotation[view])
        * wp.vec3((u - lens[2]) / lens[0], (v - lens[3]) / lens[1], 1.0)
    )
    state = wp.rand_init(number, int(row) * size + int(col))
    root = wp.mesh_get_group_root(cast.mesh, slot)
    near = float(1.0e6)
    triangle = int(-1)
    hit = wp.mesh_query_ray(cast.mesh, origin, ray, near, root)
    if hit.result:
        triangle = hit.face - slot * cast.triangles
        near = hit.t
        if stage.background != KEEP and triangle >= cast.person:
            triangle = -1
    colour = wp.vec3()
    if stage.background == KEEP:
        seen = behind(u, v, view, ray, near, stage, state, cast.mesh, root)
        if seen[3] < near:
            triangle = -1
            colour = wp.vec3(seen[0], seen[1], seen[2])
    if triangle >= 0:
        colour = surface(hit, triangle, slot, origin, ray, cast, stage, state, root)
    elif stage.background == REPLACE:
        picture = backdrop(stage.seeds[image], col / float(size), row / float(size))
        return wp.vec4(picture[0], picture[1], picture[2], 0.0)
    gain = stage.gain[view]
    solid = wp.where(triangle >= 0 and triangle < cast.person, 1.0, 0.0)
    return wp.vec4(
        wp.sqrt(wp.clamp(colour[0] * gain[0], 0.0, 1.0)),
        wp.sqrt(wp.clamp(colour[1] * gain[1], 0.0, 1.0)),
        wp.sqrt(wp.clamp(colour[2] * gain[2], 0.0, 1.0)),
        solid,
    )


@wp.kernel
def first_kernel(cast: Cast, stage: Stage, base: wp.array3d(dtype=wp.vec4)):
    """One sample in the middle of each pixel."""
    image, row, col = wp.tid()
    base[image, row, col] = look(
        image, float(col) + 0.5, float(row) + 0.5, base.shape[1], 0, cast, stage
    )


@wp.kernel
def finish_kernel(
    cast: Cast,
    stage: Stage,
    extra: int,
    threshold: float,
    base: wp.array3d(dtype=wp.vec4),
    out: wp.array4d(dtype=wp.uint8),
    mask: wp.array3d(dtype=wp.uint8),
):
    """`extra` more samples where a pixel differs from one beside it, then bytes."""
    image, row, col = wp.tid()
    size = base.shape[1]
    here = base[image, row, col]
    worst = float(0.0)
    for k in range(4):
        r = wp.clamp(row + wp.where(k == 0, -1, wp.where(k == 1, 1, 0)), 0, size - 1)
        c = wp.clamp(col + wp.where(k == 2, -1, wp.where(k == 3, 1, 0)), 0, size - 1)
        d = base[image, r, c] - here
        worst = wp.max(
            worst, wp.max(wp.abs(d[0]), wp.max(wp.abs(d[1]), wp.max(wp.abs(d[2]), wp.abs(d[3]))))
        )
    total = here
    if worst > threshold and extra > 0:
        for s in range(extra):
            # a golden-ratio sequence fills the pixel evenly, whatever the number of samples
            x = (float(s) + 0.5) / float(extra)
            y = 0.25 + 0.618034 * float(s)
            total += look(
                image, float(col) + x, float(row) + y - wp.floor(y), size, s + 1, cast, stage
            )
        total = total / float(extra + 1)
    for k in range(3):
        out[image, k, row, col] = wp.uint8(255.0 * total[k] + 0.5)
    if mask.shape[0] > 0:
        mask[image, row, col] = wp.uint8(255.0 * total[3] + 0.5)
