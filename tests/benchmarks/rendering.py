"""The studio's images: motion and body, rays, and encoding, apart and together, against the rays
alone.
"""

import torch

from data_scripts.studio import preset
from data_scripts.studio.studio import Studio, encode

from .timing import interleaved, row

FRAMES = 32


def rows(device, rounds):
    gpu = torch.device(device).type == "cuda"
    for size in (64, 128, 256):
        studio = Studio(preset("sample", image_size=size), device)
        job = ("S1", "Walking", 0, FRAMES)
        clip, images = studio.clip(*job), FRAMES * len(studio.scene("S1").cameras)
        parts = range(0, FRAMES, studio.slots)
        pictures = torch.cat([studio.images(clip, k, k + studio.slots).clone() for k in parts])

        def rays():
            for k in parts:
                studio.images(clip, k, k + studio.slots)

        def whole():
            for frames in studio.frames([job, job]):
                for _ in frames:
                    pass

        work = {
            "all of it": whole,
            "motion and body": lambda: studio.clip(*job),
            "rays": rays,
            "encoding": lambda: encode(pictures.flatten(0, 1)),
        }
        seconds = interleaved(work, min(rounds, 3))
        seconds["all of it"] = [s / 2 for s in seconds["all of it"]]  # two clips
        target = {64: None if gpu else 300, 128: 2000 if gpu else None}.get(size)
        yield row(
            "rendering",
            size,
            "pixels",
            seconds,
            "rays",
            faster=True,
            value=images / min(seconds["all of it"]),
            unit="images/s",
            target=target,
            note=(
                f"{images} images, {studio.workers} workers; rays, body and encoding are timed"
                " on one"
            ),
        )
