"""Element 6: predicted poses against the truth in 3D, after what each error forgives
(Section 5).
"""

from ...metrics import aligned, best_scale, mpjpe
from .element import Element, joints, sheet


def prediction_viewer(images, names, truth, predictions):
    """An `Element`: predicted poses over the true ones.

    images: `(n, 3, h, w)` uint8 with n names. truth: `(n, 16, 3)` mm. predictions:
    `{network: poses (n, 16, 3) mm}`.
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
