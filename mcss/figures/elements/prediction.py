"""Element 6: predicted poses against the truth in 3D, after what each error forgives
(Section 5).
"""

import torch

from ...metrics import best_scale, mpjpe
from .element import Element, joints, sheet


def aligned(predicted, target):
    """Each predicted pose `(..., 16, 3)` at its best scale, rotation and shift, without
    a reflection: what PA-MPJPE measures.
    """
    p, q = (
        pose.double() - pose.double().mean(-2, keepdim=True)
        for pose in (predicted, target)
    )
    U, S, Vh = torch.linalg.svd(q.transpose(-1, -2) @ p)
    sign = torch.ones_like(S)
    sign[..., 2] = torch.linalg.det(U @ Vh).sign()
    R = U @ torch.diag_embed(sign) @ Vh
    scale = (S * sign).sum(-1)[..., None, None] / p.square().sum((-2, -1), keepdim=True)
    return (
        scale * p @ R.transpose(-1, -2) + target.double().mean(-2, keepdim=True)
    ).to(target.dtype)


def prediction_viewer(images, names, truth, predictions):
    """images `(n, 3, h, w)` with n names; truth `(n, 16, 3)` mm; predictions:
    `{network: poses (n, 16, 3)}`.
    """
    networks = []
    for name, poses in predictions.items():
        forms = [poses, best_scale(poses, truth) * poses, aligned(poses, truth)]
        networks.append(
            {
                "name": name,
                "joints": [joints(form) for form in forms],
                "errors": [mpjpe(form, truth) for form in forms],
            }
        )
    return Element(
        "prediction",
        "A predicted skeleton over the true one, in 3D: choose a picture, a network,"
        " and what the error forgives.",
        {
            "sheet": sheet(images),
            "names": names,
            "truth": joints(truth),
            "networks": networks,
        },
    )
