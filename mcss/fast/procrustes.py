"""Similarity Procrustes of all pairs in closed form, without a singular value
decomposition: the fast form of PA-MPJPE.

The functions below `pairwise_residual` work on poses as `normalised` gives them: p is
what is aligned, q what it is aligned to, both `(3, J, ...)`, and
M_ab = sum_j q_aj p_bj, `(3, 3, ...)`, which `correlation` makes.
"""

import functools
import warnings

import torch

#: Below this share of its largest possible value, the denominator of the closed form
#: says that the best rotation is (nearly) not unique; such pairs, which hardly occur,
#: go through the plain form instead.
DEGENERATE = 1e-7
#: Query poses for each core, and gallery poses, aligned at once: what a core's cache
#: holds.
BLOCK = 16, 2048
#: Newton's steps; five to eight are usual, and a pair that needs more goes through the
#: plain form as well.
STEPS = 10


def pairwise_residual(queries, gallery, otherwise, compile=False):
    """Mean over joints of || s R gallery_j + t - query_j || of every pair, with the s,
    R, t that align best in least squares; R is a rotation, never a reflection.

    queries `(Q, J, 3)`, gallery `(G, J, 3)`. Returns `(Q, G)` in the unit and number
    format of the queries; the work takes bounded memory besides that result.
    otherwise: a function of poses and targets, `(n, J, 3)` twice -> `(n,)`, for the few
    pairs whose best rotation is (nearly) not unique. compile: make one loop of machine
    code of it, which needs a C++ compiler and half a minute.
    """
    (q, size), (p, _) = normalised(queries[:, None]), normalised(gallery[None])
    rows, columns = BLOCK
    rows *= 64 if queries.is_cuda else torch.get_num_threads()
    closed_form = by_closed_form
    if compile:  # for one size of block
        closed_form = compiled()
        q, p = _whole_blocks(q, 2, rows), _whole_blocks(p, 3, columns)
    result = queries.new_empty(len(queries), len(gallery))
    for i in range(0, len(queries), rows):
        for j in range(0, len(gallery), columns):
            a, b = q[:, :, i : i + rows], p[..., j : j + columns]
            block, odd = (
                x[: len(queries) - i, : len(gallery) - j]
                for x in closed_form(
                    correlation(a, b), b.to(queries.dtype), a.to(queries.dtype)
                )
            )
            block = block * size[i : i + rows].to(queries.dtype)
            if odd.any():
                at, of = (index for index in odd.nonzero(as_tuple=True))
                block[at, of] = otherwise(gallery[j + of], queries[i + at])
            result[i : i + rows, j : j + columns] = block
    return result


def _whole_blocks(poses, dim, block):
    """Fills up to a multiple of `block` by repeating the last pose."""
    n = poses.shape[dim]
    index = torch.arange(-(-n // block) * block, device=poses.device)
    return poses.index_select(dim, index.clamp_max(n - 1))


def normalised(pose):
    """`(..., J, 3)` -> coordinates `(3, J, ...)` in float64, the centre at 0 and the
    norm 1; and the norm they had, `(...)`.
    """
    x = pose.double().movedim((-1, -2), (0, 1))
    x = x - x.mean(1, keepdim=True)
    size = x.flatten(0, 1).norm(dim=0)
    return (x / torch.where(size > 0, size, 1)).contiguous(), size


def correlation(q, p):
    """M_ab = sum_j q_aj p_bj: `(3, J, ...)` twice -> `(3, 3, ...)`; a (Q, 1) against
    (1, G) broadcast is one matrix product.
    """
    return torch.einsum("aj...,bj...->ab...", q, p)


def by_closed_form(M, p, q):
    """Mean over joints of || s R p_j - q_j ||, `(...)`, in units of q's size; and
    `(...)` bool, the pairs for which it does not hold, because their rotation is not
    unique. M in float64; p and q in the number format of the result.

    With the singular values s1 >= s2 >= |s3| of M, s3 carrying the sign of det M, the
    best rotation maximises tr(R^T M), and s is that maximum, lambda = s1 + s2 + s3: the
    largest root of Theobald's quartic (Acta Cryst. 2005, A61, 478). By Cayley-Hamilton,
    R = (lambda cof M + (|M|^2 + I2) M - M M^T M) / (lambda I2 - det M) with I2 = s1 s2
    + s2 s3 + s3 s1. The denominator, (s1 + s2)(s2 + s3)(s3 + s1), vanishes only where R
    is not unique.

    Nine tensors instead of one of matrices: nothing but sums and products, which
    `compiled` melts into one loop.
    """
    (a, b, c), (d, e, f), (g, h, i) = M
    C = [
        [e * i - f * h, f * g - d * i, d * h - e * g],
        [c * h - b * i, a * i - c * g, b * g - a * h],
        [b * f - c * e, c * d - a * f, a * e - b * d],
    ]
    det = a * C[0][0] + b * C[0][1] + c * C[0][2]
    # M M^T is symmetric: six products instead of nine
    xx, yy, zz, xy, xz, yz = (
        _plus(M[u][0] * M[v][0], (M[u][1], M[v][1]), (M[u][2], M[v][2]))
        for u, v in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
    )
    square = xx + yy + zz
    cofactors = xx * yy + yy * zz + zz * xx - xy * xy - xz * xz - yz * yz  # |cof M|^2
    largest, step = _largest_root(square, det, square * square - 4 * cofactors)

    I2 = (largest * largest - square) / 2
    denominator = largest * I2 - det
    degenerate = ~(denominator > DEGENERATE) | (step.abs() > 1e-9)
    factor = largest / torch.where(degenerate, 1, denominator)
    of_C, of_M = largest * factor, (square + I2) * factor
    xy, xz, yz = -factor * xy, -factor * xz, -factor * yz
    K = [
        [of_M - factor * xx, xy, xz],
        [xy, of_M - factor * yy, yz],
        [xz, yz, of_M - factor * zz],
    ]
    R = [
        [
            _plus(of_C * C[r][k], *((K[r][n], M[n][k]) for n in range(3)))
            for k in range(3)
        ]
        for r in range(3)
    ]
    return _mean_offset(R, p, q), degenerate


def _largest_root(square, det, constant):
    """The largest root of x^4 - 2 square x^2 - 8 det x + constant, and the last of
    Newton's steps towards it.
    """
    # an upper bound, from which Newton descends without overshooting
    root = (3 * square).sqrt().clamp_max(1)
    for _ in range(STEPS):
        x2 = root * root
        value = (x2 - 2 * square) * x2 - 8 * det * root + constant
        slope = 4 * (x2 - square) * root - 8 * det
        step = torch.where(slope > 0, value / slope, 0)
        root = root - step
        if not torch.compiler.is_compiling() and step.abs().max() < 1e-14:
            break
    return root, step


def _mean_offset(sR, p, q):
    sR = [[entry.to(p.dtype) for entry in row] for row in sR]
    total = 0
    for j in range(p.shape[1]):
        x, y, z = (
            _plus(sR[r][0] * p[0, j], (sR[r][1], p[1, j]), (sR[r][2], p[2, j]))
            - q[r, j]
            for r in range(3)
        )
        total = total + _plus(x * x, (y, y), (z, z)).sqrt()
    return total / p.shape[1]


def _plus(total, *products):
    """total + a b + ...: uncompiled, each product is added in one pass over memory
    instead of two.
    """
    for a, b in products:
        total = torch.addcmul(total, a, b)
    return total


@functools.cache
def compiled():
    """`by_closed_form` as one loop of machine code, five times as fast; the first call
    makes it, which takes half a minute.

    Where there is no compiler it warns, and stays as it is.
    """
    function = torch.compile(by_closed_form, dynamic=False)

    def closed_form(*tensors):
        nonlocal function
        try:
            return function(*tensors)
        except RuntimeError as error:
            if function is by_closed_form:
                raise
            warnings.warn(
                "PA-MPJPE runs uncompiled, several times slower"
                f" ({str(error).strip().splitlines()[0]})",
                RuntimeWarning,
                stacklevel=3,
            )
            function = by_closed_form
            return function(*tensors)

    return closed_form
