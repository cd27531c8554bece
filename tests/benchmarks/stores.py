"""Small stores of any image size for the benchmarks, rendered on first use."""

import dataclasses

from data_scripts.studio import preset
from data_scripts.studio.once import preset_store
from mcss.data import open_store


def store(image_size):
    """One subject to train on, three full batches of 66 pairs, and one to test on."""
    return open_store(
        preset_store(
            dataclasses.replace(
                preset("sample"),
                name=f"speed-{image_size}",
                image_size=image_size,
                actions=("Walking", "Posing"),
                train=("S1",),
                test=("S9",),
                frames=99,
                test_frames=10,
            )
        )
    )
