"""The synthetic studio: multi-view video of people made on the spot, without any licence wall.

`preset_store(name)` gives the folder of a preset's store, rendered on first use; `render(recipe,
path)` renders any `Recipe`. `python -m data_scripts.studio --help` does the same from a shell.
"""

from mcss.engine.machine import cache_folder

from .recipe import PRESETS, Recipe, preset

__all__ = ["PRESETS", "Recipe", "cache_folder", "preset", "preset_store", "render"]


def render(recipe, path, device=None, progress=True):
    """Render a `Recipe` into a store at `path`; see `studio.render`."""
    from .studio import render  # here, so that recipes load without Anny and Warp

    return render(recipe, path, device, progress)


def preset_store(name="sample", cache=None):
    """Path of the store of a preset, rendered on first use and shared by all processes of this
    machine.

    cache: folder for stores, by default the environment's MCSS_CACHE or ~/.cache/mcss.
    """
    from .once import preset_store  # here, as above

    return preset_store(name, cache)
