"""Similarity Procrustes without a singular value decomposition: the work behind PA-MPJPE."""

import torch

#: Below this share of its largest possible value, the denominator of the closed form says that the best
#: rotation is (nearly) not unique; such pairs, which hardly occur, go through the decomposition instead.
DEGENERATE = 1e-7


def similarity_residual(source, target):
    """Mean over joints of || s R source_j + t - target_j ||, with the s, R, t that align best in least squares.

    source, target: `(..., J, 3)`, which broadcast against each other. R is a rotation, never a reflection.
    Returns `(...)` in float64, the unit of the input. Poses whose joints all coincide align to their centre.
    """
    p, p_size = _normalised(source)
    q, q_size = _normalised(target)
    # M_ab = sum_j q_ja p_jb; einsum turns a (Q, 1) against (1, G) broadcast into one matrix product.
    M = [[torch.einsum("...j,...j->...", q[..., a], p[..., b]) for b in range(3)] for a in range(3)]
    R, scale, degenerate = _rotation(M)
    if degenerate.any():
        _decompose(M, R, scale, degenerate)
    return _residual(R, scale, p, q) * q_size.expand(scale.shape)


def _normalised(pose):
    centred = pose.double() - pose.double().mean(-2, keepdim=True)
    size = centred.flatten(-2).norm(dim=-1)
    return centred / torch.where(size > 0, size, 1)[..., None, None], size


def _rotation(M):
    """The rotation that maximises tr(R^T M), and that maximum, for 3x3 matrices given as nine tensors.

    With the singular values s1 >= s2 >= |s3| of M, s3 carrying the sign of det M, the maximum is
    lambda = s1 + s2 + s3, the largest root of Theobald's quartic (Acta Cryst. 2005, A61, 478); and, by
    Cayley-Hamilton, R = (lambda cof M + (|M|^2 + I2) M - M M^T M) / (lambda I2 - det M) with
    I2 = s1 s2 + s2 s3 + s3 s1. The denominator, (s1 + s2)(s2 + s3)(s3 + s1), vanishes only where R is not unique.
    """
    (a, b, c), (d, e, f), (g, h, i) = M
    C = [
        [e * i - f * h, f * g - d * i, d * h - e * g],
        [c * h - b * i, a * i - c * g, b * g - a * h],
        [b * f - c * e, c * d - a * f, a * e - b * d],
    ]
    det = a * C[0][0] + b * C[0][1] + c * C[0][2]
    square = sum(x * x for row in M for x in row)
    constant = square * square - 4 * sum(x * x for row in C for x in row)

    largest = (3 * square).sqrt().clamp_max(1)  # an upper bound, from which Newton descends without overshooting
    for _ in range(40):
        x2 = largest * largest
        value = (x2 - 2 * square) * x2 - 8 * det * largest + constant
        slope = 4 * (x2 - square) * largest - 8 * det
        step = torch.where(slope > 0, value / slope, 0)
        largest = largest - step
        if step.abs().max() < 1e-14:
            break

    I2 = (largest * largest - square) / 2
    denominator = largest * I2 - det
    degenerate = ~(denominator > DEGENERATE)
    inverse = 1 / torch.where(degenerate, 1, denominator)
    weight = square + I2
    # M M^T is symmetric: six products instead of nine
    xx, yy, zz = a * a + b * b + c * c, d * d + e * e + f * f, g * g + h * h + i * i
    xy, xz, yz = a * d + b * e + c * f, a * g + b * h + c * i, d * g + e * h + f * i
    MMt = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]
    R = [
        [
            (largest * C[r][k] + weight * M[r][k] - sum(MMt[r][n] * M[n][k] for n in range(3))) * inverse
            for k in range(3)
        ]
        for r in range(3)
    ]
    return R, largest, degenerate


def _decompose(M, R, scale, where):
    """Overwrites R and scale, at the pairs `where`, by the textbook solution (Umeyama, PAMI 1991)."""
    matrix = torch.stack([M[r][k][where] for r in range(3) for k in range(3)], -1).unflatten(-1, (3, 3))
    U, S, Vt = torch.linalg.svd(matrix)
    sign = torch.sign(torch.linalg.det(U @ Vt))
    U = torch.cat((U[..., :2], U[..., 2:] * sign[:, None, None]), -1)
    rotation = U @ Vt
    scale[where] = S[:, 0] + S[:, 1] + S[:, 2] * sign
    for r in range(3):
        for k in range(3):
            R[r][k][where] = rotation[:, r, k]


def _residual(R, scale, p, q):
    total = torch.zeros_like(scale)
    for j in range(p.shape[-2]):
        x, y, z = p[..., j, 0], p[..., j, 1], p[..., j, 2]
        square = 0
        for r in range(3):
            offset = q[..., j, r] - scale * (R[r][0] * x + R[r][1] * y + R[r][2] * z)
            square = square + offset * offset
        total += square.sqrt()
    return total / p.shape[-2]
