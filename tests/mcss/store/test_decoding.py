import numpy as np
import pytest
import torch
from toy import toy_store

from mcss.data import open_store


def test_an_image_that_is_no_image(tmp_path):
    """One whose bytes changed after it was written; the file is as long as before."""
    store = toy_store(tmp_path / "s", subjects=("A",), test=(), clips=1, frames=1, views=1)
    part = store.path / "A" / "clip0.arrow"
    part.write_bytes(part.read_bytes().replace(b"\xff\xd8\xff", bytes(3), 1))
    with pytest.raises(ValueError, match="subject A cannot be decoded.*verify"):
        open_store(store.path).images("A", [0], [0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_decodes_beside_queued_work(store):
    """And leaves alone the memory that this work still reads, though nobody holds it any more."""
    files = store.encoded("A", np.arange(40), 0)
    expected = store.decode(files).float()
    for _ in range(20):
        held = [torch.ones(3, 32, 32, dtype=torch.uint8, device="cuda") for _ in files]
        torch.cuda.synchronize()
        torch.cuda._sleep(50_000_000)
        sums = [image.sum() for image in held]
        del held
        images = store.decode(files, "cuda")
        assert torch.stack(sums).tolist() == [3 * 32 * 32] * len(files)
    assert (images.cpu().float() - expected).abs().mean() < 5  # decoders round differently


def test_a_part_of_zeros(tmp_path):
    """As some file systems leave one behind: as long as it was, its images empty."""
    store = toy_store(tmp_path / "s", subjects=("A",), test=(), clips=1, frames=3, views=1)
    part = store.path / "A" / "clip0.arrow"
    whole = part.read_bytes()
    first, last = whole.index(b"\xff\xd8\xff"), whole.rindex(b"\xff\xd9")
    start = first // 2  # offsets of the images lie before them
    part.write_bytes(whole[:start] + bytes(last - start) + whole[last:])
    with pytest.raises(ValueError, match="damaged|cannot be decoded"):
        open_store(store.path).images("A", [0, 1, 2], [0, 0, 0])
    with pytest.raises(ValueError, match="damaged in A/clip0.arrow"):
        open_store(store.path).verify()
