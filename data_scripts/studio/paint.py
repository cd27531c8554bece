"""Colours and patterns, as Warp functions that both bodies and rooms use."""

import numpy as np
import warp as wp

wp.config.quiet = True
wp.set_module_options({"enable_backward": False, "fast_math": True})

PLAIN, CHECKS, BANDS, STRIPES, MOTTLED, DOTS, PLANKS, TARTAN, SKY, BRICKS = range(10)


@wp.struct
class Paint:
    """Materials: index of a triangle -> two colours (linear light), a pattern and its period in
    metres.
    """

    of_triangle: wp.array(dtype=wp.int32)
    first: wp.array(dtype=wp.vec3)
    second: wp.array(dtype=wp.vec3)
    pattern: wp.array(dtype=wp.int32)
    period: wp.array(dtype=wp.float32)


def paint_on(device, of_triangle, materials):
    """A `Paint` from triangle indices `(F,)` and materials, a list of (first rgb, second rgb,
    pattern, period).
    """
    p = Paint()
    first, second, pattern, period = zip(*materials)
    p.of_triangle = wp.array(np.asarray(of_triangle, np.int32), dtype=wp.int32, device=device)
    p.first = wp.array(np.asarray(first, np.float32), dtype=wp.vec3, device=device)
    p.second = wp.array(np.asarray(second, np.float32), dtype=wp.vec3, device=device)
    p.pattern = wp.array(np.asarray(pattern, np.int32), dtype=wp.int32, device=device)
    p.period = wp.array(np.asarray(period, np.float32), dtype=wp.float32, device=device)
    return p


@wp.func
def odd(x: float):
    return float(int(wp.floor(x)) & 1)


@wp.func
def paint(p: Paint, triangle: int, at: wp.vec3, facing: wp.vec3):
    """Colour of a triangle at a place of its own frame (world for the room, rest for the body).

    facing: the normal in the room, zero on a body.
    """
    m = p.of_triangle[triangle]
    kind = p.pattern[m]
    if kind == PLAIN:
        return p.first[m]
    x = at / p.period[m]
    mix = float(0.0)
    if kind == CHECKS:
        if wp.abs(facing[2]) > 0.7:
            mix = wp.abs(odd(x[0]) - odd(x[1]))
        else:
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
        board = wp.rand_init(11, int(row) * 131 + int(wp.floor(along)))
        mix = 0.75 * wp.randf(board) + 0.2 * wp.noise(
            wp.rand_init(5), wp.vec2(x[0] * 0.5, x[1] * 5.0)
        )
        if x[1] - row < 0.05 or along - wp.floor(along) < 0.006:
            mix = 1.25
    elif kind == BRICKS:
        row = wp.floor(x[2])
        along = (x[0] + x[1]) * 0.4 + 0.5 * row
        mix = 0.45 * wp.randf(wp.rand_init(13, int(row) * 173 + int(wp.floor(along))))
        if x[2] - row < 0.14 or along - wp.floor(along) < 0.06:
            mix = 1.0
    elif kind == SKY:
        mix = wp.clamp(
            x[2] + 0.35 * wp.noise(wp.rand_init(3), wp.vec3(x[0] * 2.0, x[1] * 2.0, x[2] * 5.0)),
            0.0,
            1.0,
        )
    mix = wp.clamp(mix, 0.0, 1.25)
    return p.first[m] * (1.0 - mix) + p.second[m] * mix


@wp.func
def backdrop(seed: int, u: float, v: float):
    """A blurred made-up picture in place of the room; u and v from 0 to 1 over the crop."""
    state = wp.rand_init(9, seed)
    shift = float(seed % 977) * 3.7
    q = wp.vec3(u * 5.0, v * 5.0, shift)
    grain = 0.15 * wp.noise(state, wp.vec3(u * 20.0, v * 20.0, shift))
    red = wp.randf(state) * 0.8 + 0.1 + 0.5 * wp.noise(state, q) + grain
    green = wp.randf(state) * 0.8 + 0.1 + 0.5 * wp.noise(state, q + wp.vec3(31.0, 0.0, 0.0)) + grain
    blue = wp.randf(state) * 0.8 + 0.1 + 0.5 * wp.noise(state, q + wp.vec3(0.0, 57.0, 0.0)) + grain
    return wp.vec3(wp.clamp(red, 0.0, 1.0), wp.clamp(green, 0.0, 1.0), wp.clamp(blue, 0.0, 1.0))
