"""What this process has to compute with."""

import os
from pathlib import Path

import torch


def default_device():
    """'cuda' if there is a GPU, else 'cpu'."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def cores():
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_folder(cache=None):
    """Where things that can be made again are kept: `cache`, else the environment's
    MCSS_CACHE, else ~/.cache/mcss. Made if missing.
    """
    default = Path.home() / ".cache" / "mcss"
    folder = Path(cache or os.environ.get("MCSS_CACHE") or default).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()
