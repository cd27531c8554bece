"""Work done ahead by processes: what a thread did would take the interpreter's lock
from the one that launches the steps.
"""

from contextlib import contextmanager
from multiprocessing import get_all_start_methods

import torch
from torch.utils.data import DataLoader, Dataset

#: Results that are kept ready; more than an epoch's index batches take to be dealt.
READY = 64
#: Processes at most.
MOST = 8


class _Results(Dataset):
    def __init__(self, work):
        self.work = work

    def __getitem__(self, number):
        return self.work(number)


@contextmanager
def ahead(work, numbers, workers, pinned=False):
    """A context that gives an iterator over `work(n)` of all `numbers`, in order, made
    ahead by `workers` processes.

    work: computes on the CPU only, with one thread. pinned: tensors come in memory from
    which a GPU copies without waiting.
    """
    loader = DataLoader(
        _Results(work),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        prefetch_factor=max(2, READY // workers),
        pin_memory=pinned,
        multiprocessing_context="fork",  # the network and the store are there already
    )
    results = (result for result in loader)
    try:
        yield results
    finally:
        results.close()  # ends the processes


def workers_for(device):
    """How many processes to read ahead with for a device: on a CPU 0, which means a
    thread, since they would take the cores from the step itself.
    """
    if torch.device(device).type != "cuda" or "fork" not in get_all_start_methods():
        return 0
    return min(MOST, torch.get_num_threads())
