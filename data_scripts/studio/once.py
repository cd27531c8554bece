"""A preset's store, rendered once: of two notebooks that need it at the same time one renders, the
other waits.
"""

import contextlib
import json
import os
import sys

import filelock

from mcss.engine.machine import cache_folder

from .recipe import Recipe, preset


def preset_store(name="sample", cache=None, progress=True):
    """See `data_scripts.studio.preset_store`; name may also be a `Recipe`."""
    recipe = name if isinstance(name, Recipe) else preset(name)
    folder = cache_folder(cache)
    path = folder / f"{recipe.name}-{recipe.digest()}"
    if _complete(path):
        return path
    with filelock.FileLock(folder / f"{path.name}.lock"):
        if not _complete(path):
            os.environ.setdefault("ANNY_CACHE_DIR", str(folder / "anny"))
            from .studio import render  # here: a store that is there needs no ray caster

            # a chapter's output is the same whether it renders or not
            with contextlib.redirect_stdout(sys.stderr):
                print(
                    f"Rendering the '{recipe.name}' store, {recipe.instants()} instants, once for"
                    " all chapters ...",
                    flush=True,
                )
                render(recipe, path, progress=progress)
    return path


def _complete(path):
    try:
        return json.loads((path / "dataset.json").read_text(encoding="utf-8"))["complete"]
    except (OSError, ValueError, KeyError):
        return False
