"""What this process has to compute with."""

import os

import torch


def default_device():
    """'cuda' if there is a GPU, else 'cpu'."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def cores():
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
