"""The host side of `render`: buffers for a batch of instants, made once and reused."""

import numpy as np
import warp as wp

from .paint import paint_on
from .render import KEEP, REMOVE, REPLACE, Cast, Stage, finish_kernel, first_kernel, skin_kernel

BACKGROUNDS = {"keep": KEEP, "replace": REPLACE, "remove": REMOVE}
CONTRAST = 0.2  # difference to a neighbour, of 0 to 1, from which on a pixel gets more samples


class Raycaster:
    """Renders up to `slots` instants of one subject at a time; one of these per thread.

    scene: `scene.Scene`; plates: its `room.Plates`; image_size: pixels; samples: further rays of a
    pixel at an edge.
    """

    def __init__(self, scene, plates, image_size, samples, slots, device, background="keep"):
        self.size, self.samples, self.slots, self.device = image_size, samples, slots, device
        self.views = len(scene.cameras)
        self.figure, room, s = None, plates.room, Stage()
        s.background = BACKGROUNDS[background]
        s.glow, s.lit = plates.glow, plates.lamps
        s.lamps, s.colours, s.ambient = room.lamps, room.colours, room.ambient
        s.rotation, s.centre, s.lens = room.rotation, room.centre, room.lens
        s.gain = self._array([c.gain for c in scene.cameras], wp.vec3)
        self.stage = s
        images = slots * self.views
        self.base = wp.empty((images, image_size, image_size), dtype=wp.vec4, device=device)
        self.out = wp.empty((images, 3, image_size, image_size), dtype=wp.uint8, device=device)
        self.mask = wp.empty((images, image_size, image_size), dtype=wp.uint8, device=device)
        self.no_mask = wp.empty((0, 0, 0), dtype=wp.uint8, device=device)

    def _array(self, values, kind, host=np.float32):
        return wp.array(np.ascontiguousarray(values, host), dtype=kind, device=self.device)

    def dress(self, figure):
        """Take over a `wardrobe.Figure`: its rest mesh, skinning and colours."""
        array, n = self._array, len(figure.vertices)
        self.figure = figure
        faces = figure.faces[None] + n * np.arange(self.slots)[:, None, None]
        groups = np.repeat(np.arange(self.slots), len(figure.faces))
        self.mesh = wp.Mesh(
            array(np.tile(figure.vertices, (self.slots, 1)), wp.vec3),
            array(faces.ravel(), wp.int32, np.int32),
            groups=array(groups, wp.int32, np.int32),
        )
        self.rest, self.rest_normals = (
            array(figure.vertices, wp.vec3),
            array(figure.normals, wp.vec3),
        )
        self.bones, self.weights = (
            array(figure.bones, wp.int32, np.int32),
            array(figure.weights, wp.float32),
        )
        c = self.cast = Cast()
        c.mesh, c.indices = self.mesh.id, self.mesh.indices
        c.triangles, c.vertices, c.person = len(figure.faces), n, figure.person_triangles
        c.rest = array(figure.pattern_points, wp.vec3)
        c.normals = wp.empty(self.slots * n, dtype=wp.vec3, device=self.device)
        c.paint = paint_on(self.device, figure.of_triangle, figure.materials)

    def render(self, moves, crops, seeds, mask=False):
        """Images of `n <= slots` instants: a torch uint8 tensor `(n, V, 3, S, S)` on the device,
        overwritten by the next call.

        moves: skinning matrices `(n, G, 3, 4)` float32 (`Body.transforms`, and one for the stool at
        the end);
        crops: `(n, V, 3)` x0, y0, size in pixels; seeds: `(n, V)` integers for a replaced
        background. With mask=True also the coverage of the person, uint8 `(n, V, S, S)`.
        """
        n, array, d = len(moves), self._array, self.device
        # idle slots stay finite
        moves = np.concatenate([moves, np.repeat(moves[-1:], self.slots - n, 0)])
        wp.launch(
            skin_kernel,
            dim=(self.slots, len(self.figure.vertices)),
            device=d,
            inputs=[self.rest, self.rest_normals, self.bones, self.weights, array(moves, wp.vec4)],
            outputs=[self.mesh.points, self.cast.normals],
        )
        self.mesh.refit()
        self.stage.crops = array(crops.reshape(-1, 3), wp.vec3)
        self.stage.seeds = array(seeds.ravel(), wp.int32, np.int32)
        size = (n * self.views, self.size, self.size)
        wp.launch(
            first_kernel, dim=size, device=d, inputs=[self.cast, self.stage], outputs=[self.base]
        )
        wp.launch(
            finish_kernel,
            dim=size,
            device=d,
            inputs=[self.cast, self.stage, self.samples, CONTRAST, self.base],
            outputs=[self.out, self.mask if mask else self.no_mask],
        )
        if d != "cpu":
            wp.synchronize_device(d)  # torch works on another stream; once a batch
        images = wp.to_torch(self.out)[: n * self.views].unflatten(0, (n, self.views))
        if not mask:
            return images
        return images, wp.to_torch(self.mask)[: n * self.views].unflatten(0, (n, self.views))
