"""Where rendered stores and Anny's parsed assets are kept between runs."""

import os
import pathlib


def cache_folder(cache=None):
    """The cache folder: `cache`, else the environment's MCSS_CACHE, else ~/.cache/mcss. Made if
    missing.
    """
    folder = pathlib.Path(
        cache or os.environ.get("MCSS_CACHE") or pathlib.Path.home() / ".cache" / "mcss"
    ).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()
