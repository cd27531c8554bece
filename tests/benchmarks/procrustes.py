"""All pairs' PA-MPJPE, against a batched singular value decomposition."""

import torch

from mcss.metrics import pairwise_pa_mpjpe

from .timing import extra_memory, interleaved, row

WHOLE = 8000  # poses on either side of the largest job
PART = 1 << 16  # pairs that the decomposition is timed on


def poses(n, device, seed=0, dtype=torch.float32):
    """People-sized poses, mm."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.randn(16, 3, generator=generator) * 300
    return (base + torch.randn(n, 16, 3, generator=generator) * 150).to(device, dtype)


def by_svd(gallery, queries):
    """The peer: Umeyama's alignment of `(n, J, 3)` to `(n, J, 3)` with `torch.linalg.svd` over the
    whole batch.
    """
    p, q = (x - x.mean(1, keepdim=True) for x in (gallery, queries))
    U, S, Vt = torch.linalg.svd(q.mT @ p)
    sign = torch.where(torch.linalg.det(U @ Vt) < 0, -1, 1)
    U = torch.cat((U[..., :2], U[..., 2:] * sign[:, None, None]), -1)
    scale = (S[:, 0] + S[:, 1] + S[:, 2] * sign) / p.square().sum((1, 2))
    return (scale[:, None, None] * p @ (U @ Vt).mT - q).norm(dim=-1).mean(-1)


def difference_to_float64(device):
    """The largest, in mm: usual, flat, straight, mirrored and equal poses; compiled and not."""
    a, b = poses(60, device), poses(60, device, 1)
    ways = torch.tensor([(1, 1, 1), (1, 1, 0), (1, 0, 0), (1, 1, -1)], device=device)
    gallery = torch.cat([b * way for way in ways] + [a])
    expected = torch.stack([by_svd(gallery.double(), q.double().expand_as(gallery)) for q in a])
    return {
        name: (pairwise_pa_mpjpe(a, gallery, compile=compile) - expected).abs().max().item()
        for name, compile in (("eager", False), ("compiled", True))
    }


def rows(device, rounds):
    gpu = torch.device(device).type == "cuda"
    sides = {
        compiled: [n for n in (500, 1000, 2000, 4000, WHOLE) if compiled or n <= 4000 or gpu]
        for compiled in (False, True)
    }
    differences = difference_to_float64(device)  # which also compiles
    q, g = poses(256, device), poses(256, device, 1)
    pairs = [
        x.reshape(PART, 16, 3)
        for x in (g[None].expand(256, -1, -1, -1), q[:, None].expand(-1, 256, -1, -1))
    ]
    for compiled, name in ((True, "compiled"), (False, "eager")):
        for n in sides[compiled]:
            queries, gallery = poses(n, device), poses(n, device, 1)
            work = {
                "ours": lambda: pairwise_pa_mpjpe(queries, gallery, compile=compiled),
                "batched SVD": lambda: by_svd(*pairs),
            }
            seconds = interleaved(work, min(rounds, 3))
            last = n == sides[compiled][-1]
            yield row(
                f"pairwise PA-MPJPE, {name}",
                n,
                "poses on each side",
                seconds,
                "batched SVD",
                scale={"batched SVD": n * n / PART},
                target=(5 if gpu else 30 if compiled else 10) if last else None,
                note=(
                    f"{n * n / min(seconds['ours']):.3g} pairs/s; SVD timed on {PART} pairs; at"
                    f" most {differences[name]:.1g} mm from float64"
                ),
            )
    result = 4 * WHOLE * WHOLE
    memory = extra_memory(
        lambda: pairwise_pa_mpjpe(poses(WHOLE, device), poses(WHOLE, device, 1), compile=True),
        device,
    )
    yield row(
        "pairwise PA-MPJPE, memory",
        WHOLE,
        "poses on each side",
        {},
        faster=False,
        value=memory / 1e9,
        unit="GB of extra memory",
        target=1,
        note=f"{result / 1e9:.2f} GB of it the result",
    )
