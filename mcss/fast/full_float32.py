"""Products of float32 matrices in all their digits: where they are compared, TF32 would
decide.
"""

from contextlib import contextmanager

import torch


@contextmanager
def full_float32():
    """Within it, `torch.set_float32_matmul_precision` is 'highest', whatever was set
    for speed.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
