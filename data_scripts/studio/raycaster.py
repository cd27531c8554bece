"""The host side of `render`: buffers for a batch of instants, made once and reused."""

import numpy as np
import warp as wp

from .render import KEEP, REMOVE, REPLACE, Paint, Rig, render_kernel, skin_kernel

BACKGROUNDS = {"keep": KEEP, "replace": REPLACE, "remove": REMOVE}


def paint_on(device, of_triangle, materials):
    """A `Paint` from triangle indices `(F,)` and materials, a list of (first rgb, second rgb, pattern, period)."""
    p = Paint()
    first, second, pattern, period = zip(*materials)
    p.of_triangle = wp.array(np.asarray(of_triangle, np.int32), dtype=wp.int32, device=device)
    p.first = wp.array(np.asarray(first, np.float32), dtype=wp.vec3, device=device)
    p.second = wp.array(np.asarray(second, np.float32), dtype=wp.vec3, device=device)
    p.pattern = wp.array(np.asarray(pattern, np.int32), dtype=wp.int32, device=device)
    p.period = wp.array(np.asarray(period, np.float32), dtype=wp.float32, device=device)
    return p


class Raycaster:
    """Renders up to `slots` instants of one subject at a time; one of these per thread.

    scene: `scene.Scene`; image_size: pixels; samples: rays a pixel along each axis.
    """

    def __init__(self, scene, image_size, samples, slots, device):
        self.scene, self.size, self.samples, self.slots, self.device = scene, image_size, samples, slots, device
        self.views = len(scene.cameras)
        vertices, faces, of_triangle, materials = scene.mesh()
        self.room_mesh = wp.Mesh(wp.array(vertices.astype(np.float32), dtype=wp.vec3, device=device),
                                 wp.array(faces.astype(np.int32).ravel(), dtype=wp.int32, device=device))
        self.room = paint_on(device, of_triangle, materials)
        self.rig = self._rig()
        self.mesh = None
        images = slots * self.views
        self.out = wp.empty((images, 3, image_size, image_size), dtype=wp.uint8, device=device)
        self.mask = wp.empty((images, image_size, image_size), dtype=wp.uint8, device=device)
        self.no_mask = wp.empty((0, 0, 0), dtype=wp.uint8, device=device)

    def _rig(self):
        r, cameras = Rig(), self.scene.cameras
        array = lambda values, kind: wp.array(np.asarray(values, np.float32), dtype=kind, device=self.device)
        r.rotation = array([c.R for c in cameras], wp.mat33)
        r.centre = array([c.centre for c in cameras], wp.vec3)
        r.lens = array([(c.K[0, 0], c.K[1, 1], c.K[0, 2], c.K[1, 2]) for c in cameras], wp.vec4)
        r.gain = array([c.gain for c in cameras], wp.vec3)
        r.lights = array([(*light.place, light.radius) for light in self.scene.lights], wp.vec4)
        r.colours = array([light.colour for light in self.scene.lights], wp.vec3)
        r.ambient, r.sky = wp.vec3(*self.scene.ambient), wp.vec3(*self.scene.sky)
        return r

    def dress(self, figure):
        """Take over a `wardrobe.Figure`: its rest mesh, skinning and colours."""
        d, n = self.device, len(figure.vertices)
        self.figure = figure
        self.rest = wp.array(figure.vertices.astype(np.float32), dtype=wp.vec3, device=d)
        self.pattern_place = wp.array(figure.pattern_place.astype(np.float32), dtype=wp.vec3, device=d)
        self.rest_normals = wp.array(figure.normals.astype(np.float32), dtype=wp.vec3, device=d)
        self.bones = wp.array(figure.bones.astype(np.int32), dtype=wp.int32, device=d)
        self.weights = wp.array(figure.weights.astype(np.float32), dtype=wp.float32, device=d)
        self.clothes = paint_on(d, figure.of_triangle, figure.materials)
        faces = (figure.faces[None] + n * np.arange(self.slots)[:, None, None]).astype(np.int32)
        groups = np.repeat(np.arange(self.slots, dtype=np.int32), len(figure.faces))
        points = np.tile(figure.vertices.astype(np.float32), (self.slots, 1))
        self.normals = wp.empty(self.slots * n, dtype=wp.vec3, device=d)
        self.mesh = wp.Mesh(wp.array(points, dtype=wp.vec3, device=d), wp.array(faces.ravel(), dtype=wp.int32, device=d),
                            groups=wp.array(groups, dtype=wp.int32, device=d))

    def render(self, moves, crops, background="keep", seeds=None, mask=False):
        """Images of `n <= slots` instants: a torch uint8 tensor `(n, V, 3, S, S)` on the device, overwritten by the next call.

        moves: skinning matrices `(n, G, 3, 4)` float32 (`Body.transforms`, and one for the stool at the end);
        crops: `(n, V, 3)` x0, y0, size in pixels; seeds: `(n, V)` integers for a replaced background.
        With mask=True also the coverage of the person, uint8 `(n, V, S, S)`.
        """
        n, d = len(moves), self.device
        padded = np.concatenate([moves, np.repeat(moves[-1:], self.slots - n, 0)]) if n < self.slots else moves
        wp.launch(skin_kernel, dim=(self.slots, len(self.figure.vertices)), device=d,
                  inputs=[self.rest, self.rest_normals, self.bones, self.weights,
                          wp.array(np.ascontiguousarray(padded, np.float32), dtype=wp.vec4, device=d)],
                  outputs=[self.mesh.points, self.normals])
        self.mesh.refit()
        seeds = np.zeros(crops.shape[:2]) if seeds is None else seeds
        wp.launch(render_kernel, dim=(n * self.views, self.size, self.size), device=d, inputs=[
            self.mesh.id, self.mesh.indices, len(self.figure.faces), len(self.figure.vertices), self.figure.person_triangles,
            self.pattern_place, self.normals, self.clothes, self.room_mesh.id, self.room, self.rig,
            wp.array(np.ascontiguousarray(crops.reshape(-1, 3), np.float32), dtype=wp.vec3, device=d),
            wp.array(np.ascontiguousarray(seeds.ravel(), np.int32), dtype=wp.int32, device=d),
            BACKGROUNDS[background], self.samples], outputs=[self.out, self.mask if mask else self.no_mask])
        images = wp.to_torch(self.out)[:n * self.views].unflatten(0, (n, self.views))
        if not mask:
            return images
        return images, wp.to_torch(self.mask)[:n * self.views].unflatten(0, (n, self.views))
