"""The empty room as each camera sees it, rendered once: light from everywhere, light from each
lamp, and distance.

A room never changes and light adds up, so an image of a person in it only needs to know which lamps
the person hides. Floor and walls are the inside of one box, hit by arithmetic; the furniture is a
mesh.
"""

import numpy as np
import warp as wp

from .paint import SKY, Paint, paint, paint_on
from .scene import IMAGE

wp.set_module_options({"enable_backward": False, "fast_math": True})

MARGIN = 250  # pixels around the camera's image that crops may reach into
PLATE = IMAGE + 2 * MARGIN
RAYS = 3  # by 3 rays a texel


@wp.struct
class Room:
    """Faces of the box: floor, ceiling, -x, +x, -y, +y, then the rug on the floor; metres, linear
    light.
    """

    furniture: wp.uint64
    paint: Paint
    low: wp.vec3
    high: wp.vec3
    faces: Paint
    rug: wp.vec2  # half extents, 0 for none
    lamps: wp.array(dtype=wp.vec4)  # place and radius
    colours: wp.array(dtype=wp.vec3)
    ambient: wp.vec3
    rotation: wp.array(dtype=wp.mat33)  # world -> camera
    centre: wp.array(dtype=wp.vec3)
    lens: wp.array(dtype=wp.vec4)  # fx, fy, cx, cy in pixels


@wp.func
def leave(x: float, d: float, low: float, high: float):
    """Distance at which a ray from inside an interval leaves it."""
    if d > 1.0e-7:
        return (high - x) / d
    if d < -1.0e-7:
        return (low - x) / d
    return 1.0e6


@wp.func
def leave_box(origin: wp.vec3, ray: wp.vec3, low: wp.vec3, high: wp.vec3):
    """Inward normal of the face where a ray leaves a box; as fourth number, the distance to it."""
    tx = leave(origin[0], ray[0], low[0], high[0])
    ty = leave(origin[1], ray[1], low[1], high[1])
    tz = leave(origin[2], ray[2], low[2], high[2])
    if tz <= tx and tz <= ty:
        return wp.vec4(0.0, 0.0, -wp.sign(ray[2]), tz)
    if tx <= ty:
        return wp.vec4(-wp.sign(ray[0]), 0.0, 0.0, tx)
    return wp.vec4(0.0, -wp.sign(ray[1]), 0.0, ty)


@wp.kernel
def bake_kernel(room: Room, glow: wp.array3d(dtype=wp.vec4), lamps: wp.array4d(dtype=wp.vec3)):
    """Texel view, row, column of the plates: rgb from everywhere, distance; rgb from each lamp."""
    view, row, col = wp.tid()
    scale = float(PLATE) / float(glow.shape[1])
    origin = room.centre[view]
    lens = room.lens[view]
    state = wp.rand_init(view, row * glow.shape[2] + col)
    base = wp.vec3()
    distance = float(0.0)
    for s in range(RAYS * RAYS):
        u = (float(col) + (float(s % RAYS) + 0.5) / float(RAYS)) * scale - float(MARGIN)
        v = (float(row) + (float(s // RAYS) + 0.5) / float(RAYS)) * scale - float(MARGIN)
        ray = wp.normalize(
            wp.transpose(room.rotation[view])
            * wp.vec3((u - lens[2]) / lens[0], (v - lens[3]) / lens[1], 1.0)
        )
        box = leave_box(origin, ray, room.low, room.high)
        n = wp.vec3(box[0], box[1], box[2])
        t = box[3]
        at = origin + t * ray
        sky = False
        hit = wp.mesh_query_ray(room.furniture, origin, ray, t)
        if hit.result:
            t = hit.t
            at = origin + t * ray
            n = hit.normal
            if wp.dot(n, ray) > 0.0:
                n = -n
            colour = paint(room.paint, hit.face, at, n)
        else:
            face = int(
                wp.abs(n[0]) * 2.0
                + wp.abs(n[1]) * 4.0
                + wp.where(n[0] + n[1] + n[2] < 0.0, 1.0, 0.0)
                + 0.5
            )
            if face == 0 and wp.abs(at[0]) < room.rug[0] and wp.abs(at[1]) < room.rug[1]:
                face = 6
            sky = room.faces.pattern[room.faces.of_triangle[face]] == SKY
            if sky:
                base += paint(room.faces, face, ray, n)
            else:
                colour = paint(room.faces, face, at, n)
        distance += t
        if not sky:
            base += wp.cw_mul(colour, room.ambient) * (0.6 + 0.4 * n[2])
            for k in range(room.lamps.shape[0]):
                lamp = wp.vec3(room.lamps[k][0], room.lamps[k][1], room.lamps[k][2])
                facing = wp.dot(n, wp.normalize(lamp - at))
                if facing > 0.0:
                    start = at + 0.004 * n
                    there = lamp + room.lamps[k][3] * wp.sample_unit_sphere(state) - start
                    if not wp.mesh_query_ray_anyhit(
                        room.furniture, start, wp.normalize(there), wp.length(there)
                    ):
                        lamps[k, view, row, col] += wp.cw_mul(colour, room.colours[k]) * (
                            facing / float(RAYS * RAYS)
                        )
    glow[view, row, col] = wp.vec4(base[0], base[1], base[2], distance) / float(RAYS * RAYS)


class Plates:
    """The baked room of a `scene.Scene` on a device: `room`, `glow (V, H, H)`, `lamps (L, V, H,
    H)`; shared by threads.
    """

    def __init__(self, scene, texels, device):
        array = lambda values, kind, host=np.float32: wp.array(
            np.ascontiguousarray(values, host), dtype=kind, device=device
        )
        cameras, r = scene.cameras, Room()
        vertices, faces, of_triangle, materials = scene.mesh()
        self._furniture = wp.Mesh(
            array(vertices, wp.vec3), array(faces.ravel(), wp.int32, np.int32)
        )
        r.furniture = self._furniture.id
        r.paint = paint_on(device, of_triangle, materials)
        r.faces = paint_on(device, np.arange(7), scene.room)
        r.low, r.high = wp.vec3(*scene.low), wp.vec3(*scene.high)
        r.rug = wp.vec2(*scene.rug)
        r.rotation = array([c.R for c in cameras], wp.mat33)
        r.centre = array([c.centre for c in cameras], wp.vec3)
        r.lens = array([(c.K[0, 0], c.K[1, 1], c.K[0, 2], c.K[1, 2]) for c in cameras], wp.vec4)
        r.lamps = array([(*light.centre, light.radius) for light in scene.lights], wp.vec4)
        r.colours = array([light.colour for light in scene.lights], wp.vec3)
        r.ambient = wp.vec3(*scene.ambient)
        self.room, views = r, len(cameras)
        self.glow = wp.zeros((views, texels, texels), dtype=wp.vec4, device=device)
        self.lamps = wp.zeros(
            (len(scene.lights), views, texels, texels), dtype=wp.vec3, device=device
        )
        wp.launch(
            bake_kernel,
            dim=(views, texels, texels),
            device=device,
            inputs=[r],
            outputs=[self.glow, self.lamps],
        )
