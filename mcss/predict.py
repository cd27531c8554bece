"""Asks a trained network for the poses of people in pictures.

Each picture should show one person, who fills it, as those of a store do; one that is
not square gets black borders. The poses go into a CSV file, a line a joint: millimetres
from the pelvis, Z up, turned so that the left hip lies towards +x (a network trained on
global poses keeps the heading). A second file shows them beside the pictures. A network
that was trained on made-up people says little about photographs.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from tqdm import tqdm

from .engine.checkpoint import load_checkpoint, load_model
from .engine.command import Parser, command, picture_file, save_picture
from .figures.sheets import grid, stick_figure
from .skeleton import JOINTS
from .store.files import atomic_write

AT_ONCE = 64  #: pictures that go through the network together
DRAWN = 50  #: pictures whose poses are drawn


def parser():
    parser = Parser("mcss.predict", __doc__)
    add = parser.add_argument
    add("checkpoint", help="folder of a training, as book/checkpoints/mcss-one")
    add("images", nargs="+", type=Path, help="picture files, as PHOTOS/*.jpg")
    add(
        "--poses",
        type=Path,
        default=Path("poses.csv"),
        metavar="FILE",
        help="where to write them (poses.csv)",
    )
    add(
        "--picture",
        type=picture_file,
        default=Path("poses.png"),
        metavar="FILE",
        help="where to draw them (poses.png)",
    )
    add("--device", help="cpu or cuda; where the network computes (cpu)")
    return parser


def work(checkpoint, images, poses, picture, device):
    device = device or "cpu"
    model = load_model(checkpoint, device)
    if not load_checkpoint(checkpoint)[1].get("config", {}).get("pose_loss", True):
        raise ValueError(
            f"{checkpoint} was trained without poses (--metric-only), so it knows none:"
            " search with it (python -m mcss.find), or train it with poses"
        )
    size, found, drawn = model.settings["image_size"], [], []
    for start in tqdm(range(0, len(images), AT_ONCE), "predicting", disable=None):
        files = images[start : start + AT_ONCE]
        batch = torch.stack([picture_of(file, size) for file in files])
        with torch.inference_mode():
            found.append(model(batch.to(device)).pose.cpu())
        drawn += list(batch)[: DRAWN - len(drawn)]
    found = torch.cat(found)
    write_poses(poses, images, found)
    rows = [
        part
        for image, pose in zip(drawn, found)
        for part in (image, stick_figure(pose, size), stick_figure(pose, size, 90))
    ]
    labels = [
        text for file in images for text in (file.name, "from the front", "left side")
    ]
    sheet = grid(torch.stack(rows), 3, labels[: len(rows)], max(1, 200 // size))
    save_picture(sheet, picture)
    left = f", the first {DRAWN} of them" if len(images) > DRAWN else ""
    print(f"{len(images)} poses in {poses}, drawn in {picture}{left}")


def picture_of(path, size):
    """A picture file as a tensor `(3, size, size)` uint8, upright, with black borders
    if it is not square. Raises `ValueError`, which names it.
    """
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        reason = "there is no such file" if not path.exists() else error
        if path.is_dir():
            reason = f"it is a folder: give its files, as {path}/*.jpg"
        raise ValueError(f"{path} cannot be read as a picture ({reason})") from None
    return torch.from_numpy(
        np.array(ImageOps.pad(image, (size, size), Image.Resampling.BILINEAR))
    ).permute(2, 0, 1)


def write_poses(path, images, poses):
    """Writes poses `(n, 16, 3)` as CSV, 17 lines a picture, whole or not at all."""
    with atomic_write(path) as temporary:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(("image", "joint", "x", "y", "z"))
            for image, pose in zip(images, poses):
                whole = torch.cat([torch.zeros(1, 3), pose])
                for joint, place in zip(JOINTS, whole.tolist()):
                    lines.writerow((image, joint, *(round(mm, 1) for mm in place)))


main = command(parser, work)

if __name__ == "__main__":
    sys.exit(main())
