"""Decoding JPEG files, on the CPU's cores or on the GPU."""

import functools
from concurrent.futures import ThreadPoolExecutor

import torch
from torchvision.io import ImageReadMode, decode_jpeg


def decode(files, device="cpu"):
    """JPEG files of one size, a list of `(bytes,)` uint8 tensors, as one `(n, 3, h, w)`
    uint8 tensor on `device`, decoded there. Raises `RuntimeError` for a damaged file.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return _decode_on_gpu(files, device)
    images = _threads(torch.get_num_threads()).map(_decode_one, files, chunksize=8)
    return torch.stack(list(images))


def _decode_one(file):
    return decode_jpeg(file, ImageReadMode.RGB)


@functools.cache
def _threads(count):
    return ThreadPoolExecutor(count)


def _decode_on_gpu(files, device):
    """The GPU's JPEG decoder writes at once, even where work still waits in a queue to
    read what lay there before (https://github.com/pytorch/vision/pull/9606). So its
    memory comes from a stream of its own, idle at every call.
    """
    index = torch.cuda.current_device() if device.index is None else device.index
    stream = _decoding_stream(index)
    with torch.cuda.stream(stream):
        decoded = decode_jpeg(files, ImageReadMode.RGB, device=stream.device)
        images = torch.stack(decoded)
    stream.synchronize()  # while `decoded` is alive: what is freed is idle
    images.record_stream(torch.cuda.current_stream(stream.device))
    return images


@functools.cache
def _decoding_stream(index):
    return torch.cuda.Stream(index)
