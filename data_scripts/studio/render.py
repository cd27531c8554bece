"""Ray casting with Warp: a batch of instants of one subject, seen by all cameras, in one kernel launch.

All bodies of a batch live in one grouped `wp.Mesh`, one group a slot; a launch moves the vertices, `refit` updates the
ray tree without rebuilding it, and each ray only walks the group of its own instant. Nothing is looped per pixel or
per frame in Python.
"""

import numpy as np
import warp as wp

wp.config.quiet = True

PLAIN, CHECKS, BANDS, STRIPES, MOTTLED, DOTS, PLANKS, TARTAN = range(8)
KEEP, REPLACE, REMOVE = range(3)


@wp.struct
class Paint:
    """Materials: index of a triangle -> two colours (linear light), a pattern and its period in metres."""

    of_triangle: wp.array(dtype=wp.int32)
    first: wp.array(dtype=wp.vec3)
    second: wp.array(dtype=wp.vec3)
    pattern: wp.array(dtype=wp.int32)
    period: wp.array(dtype=wp.float32)


@wp.struct
class Rig:
    """Cameras and light of a scene; distances in metres."""

    rotation: wp.array(dtype=wp.mat33)   # world -> camera
    centre: wp.array(dtype=wp.vec3)
    lens: wp.array(dtype=wp.vec4)        # fx, fy, cx, cy in pixels
    gain: wp.array(dtype=wp.vec3)        # exposure and white balance of each camera
    lights: wp.array(dtype=wp.vec4)      # place and radius
    colours: wp.array(dtype=wp.vec3)
    ambient: wp.vec3
    sky: wp.vec3


@wp.kernel
def skin_kernel(rest: wp.array(dtype=wp.vec3), rest_normal: wp.array(dtype=wp.vec3), bones: wp.array2d(dtype=wp.int32),
                weights: wp.array2d(dtype=wp.float32), moves: wp.array3d(dtype=wp.vec4),
                points: wp.array(dtype=wp.vec3), normals: wp.array(dtype=wp.vec3)):
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
def odd(x: float):
    return wp.float32(wp.int32(wp.floor(x)) & 1)


@wp.func
def paint(p: Paint, triangle: int, at: wp.vec3, facing: wp.vec3):
    """Colour of a triangle at a place of its own frame (world for the scene, rest for the body)."""
    m = p.of_triangle[triangle]
    kind = p.pattern[m]
    x = at / p.period[m]
    mix = float(0.0)
    if kind == CHECKS:
        mix = wp.abs(odd(x[0] + 0.01) - odd(x[1] + 0.01))
        if wp.abs(facing[2]) < 0.7:
            mix = wp.abs(odd(x[0] + x[1]) - odd(x[2]))
    elif kind == BANDS:
        mix = odd(x[2])
    elif kind == STRIPES:
        mix = odd(x[0] + x[1] * 0.3)
    elif kind == TARTAN:
        mix = 0.5 * odd(x[0]) + 0.5 * odd(x[2])
    elif kind == DOTS:
        u = x[0] - wp.floor(x[0]) - 0.5
        v = x[2] - wp.floor(x[2]) - 0.5
        if u * u + v * v < 0.09:
            mix = 1.0
    elif kind == MOTTLED:
        mix = 0.5 + 0.6 * wp.noise(wp.rand_init(7), x)
    elif kind == PLANKS:
        row = wp.floor(x[1])
        along = x[0] * 0.12 + 0.37 * row
        board = wp.rand_init(11, wp.int32(row) * 131 + wp.int32(wp.floor(along)))
        mix = 0.75 * wp.randf(board) + 0.2 * wp.noise(wp.rand_init(5), wp.vec3(x[0] * 0.5, x[1] * 5.0, x[2]))
        if x[1] - row < 0.05 or along - wp.floor(along) < 0.006:
            mix = 1.25
    mix = wp.clamp(mix, 0.0, 1.25)
    return p.first[m] * (1.0 - mix) + p.second[m] * mix


@wp.func
def lit(at: wp.vec3, n: wp.vec3, rig: Rig, light: int, state: wp.uint32, body: wp.uint64, root: int, scene: wp.uint64):
    """Light that reaches a place: the sky and the floor's glow, plus one light through its shadow ray."""
    lamp = rig.lights[light]
    centre = wp.vec3(lamp[0], lamp[1], lamp[2])
    ray = centre + lamp[3] * wp.sample_unit_sphere(state) - at
    far = wp.length(ray)
    ray = ray / far
    facing = wp.dot(n, ray)
    glow = rig.ambient * (0.62 + 0.38 * n[2])
    if facing <= 0.0:
        return glow
    start = at + 0.004 * n
    if wp.mesh_query_ray_anyhit(body, start, ray, far, root):
        return glow
    if wp.mesh_query_ray_anyhit(scene, start, ray, far):
        return glow
    return glow + rig.colours[light] * facing


@wp.func
def backdrop(seed: int, u: float, v: float):
    """A blurred made-up picture in place of the room."""
    state = wp.rand_init(9, seed)
    q = wp.vec3(u * 5.0, v * 5.0, wp.float32(seed % 977) * 3.7)
    grain = wp.vec3(q[0] * 4.0, q[1] * 4.0, q[2])
    red = wp.randf(state) * 0.8 + 0.5 * wp.noise(state, q) + 0.15 * wp.noise(state, grain)
    green = wp.randf(state) * 0.8 + 0.5 * wp.noise(state, q + wp.vec3(31.0, 0.0, 0.0)) + 0.15 * wp.noise(state, grain)
    blue = wp.randf(state) * 0.8 + 0.5 * wp.noise(state, q + wp.vec3(0.0, 57.0, 0.0)) + 0.15 * wp.noise(state, grain)
    return wp.vec3(wp.clamp(red, 0.0, 1.0), wp.clamp(green, 0.0, 1.0), wp.clamp(blue, 0.0, 1.0))


@wp.kernel
def render_kernel(body: wp.uint64, indices: wp.array(dtype=wp.int32), triangles: int, vertices: int, person: int,
                  rest: wp.array(dtype=wp.vec3), normals: wp.array(dtype=wp.vec3), clothes: Paint,
                  scene: wp.uint64, room: Paint, rig: Rig, crops: wp.array(dtype=wp.vec3),
                  seeds: wp.array(dtype=wp.int32), background: int, samples: int,
                  out: wp.array4d(dtype=wp.uint8), mask: wp.array3d(dtype=wp.uint8)):
    image, row, col = wp.tid()
    views = rig.centre.shape[0]
    slot = image // views
    view = image - slot * views
    root = wp.mesh_get_group_root(body, slot)
    size = out.shape[2]
    box = crops[image]
    lens = rig.lens[view]
    origin = rig.centre[view]
    back = wp.transpose(rig.rotation[view])
    total = wp.vec3()
    covered = int(0)
    for s in range(samples * samples):
        # A rotated grid: no two samples of a pixel share a row or a column.
        gx = wp.float32(s % samples) + 0.5
        gy = wp.float32(s // samples) + 0.5
        off = 0.25 * wp.float32(wp.min(samples - 1, 1))
        fx = (gx + off * (gy / wp.float32(samples) - 0.5) * 2.0) / wp.float32(samples)
        fy = (gy - off * (gx / wp.float32(samples) - 0.5) * 2.0) / wp.float32(samples)
        u = box[0] + (wp.float32(col) + fx) * box[2] / wp.float32(size)
        v = box[1] + (wp.float32(row) + fy) * box[2] / wp.float32(size)
        ray = wp.normalize(back * wp.vec3((u - lens[2]) / lens[0], (v - lens[3]) / lens[1], 1.0))
        state = wp.rand_init(s, row * size + col)
        light = (s + row + col) % rig.lights.shape[0]
        colour = rig.sky * (0.75 + 0.5 * wp.clamp(ray[2], 0.0, 1.0))
        near = float(100.0)
        hit = wp.mesh_query_ray(body, origin, ray, near, root)
        touched = bool(False)
        solid = bool(False)
        local = int(0)
        if hit.result:
            near = hit.t
            local = hit.face - slot * triangles
            solid = local < person
            touched = solid or background == KEEP
        if background == KEEP:
            wall = wp.mesh_query_ray(scene, origin, ray, near)
            if wall.result:
                n = wall.normal
                if wp.dot(n, ray) > 0.0:
                    n = -n
                at = origin + ray * wall.t
                colour = wp.cw_mul(paint(room, wall.face, at, n), lit(at, n, rig, light, state, body, root, scene))
                touched = False
                solid = False
        if touched:
            a = hit.face * 3
            i0 = indices[a]
            i1 = indices[a + 1]
            i2 = indices[a + 2]
            w2 = 1.0 - hit.u - hit.v
            n = wp.normalize(hit.u * normals[i0] + hit.v * normals[i1] + w2 * normals[i2])
            if wp.dot(n, ray) > 0.0:
                n = wp.normalize(n - 1.05 * wp.dot(n, ray) * ray)
            first = slot * vertices
            place = hit.u * rest[i0 - first] + hit.v * rest[i1 - first] + w2 * rest[i2 - first]
            at = origin + ray * near
            colour = wp.cw_mul(paint(clothes, local, place, wp.vec3(0.0, 0.0, 0.0)),
                               lit(at, n, rig, light, state, body, root, scene))
        elif background == REPLACE:
            colour = backdrop(seeds[image], (wp.float32(col) + fx) / wp.float32(size), (wp.float32(row) + fy) / wp.float32(size))
        elif background == REMOVE:
            colour = wp.vec3(0.0, 0.0, 0.0)
        if solid:
            covered += 1
        total += wp.cw_mul(colour, rig.gain[view])
    total = total / wp.float32(samples * samples)
    for c in range(3):
        out[image, c, row, col] = wp.uint8(255.0 * wp.pow(wp.clamp(total[c], 0.0, 1.0), 0.4545) + 0.5)
    if mask.shape[0] > 0:
        mask[image, row, col] = wp.uint8(255 * covered // (samples * samples))
