import numpy as np
import torch

from mcss.augmenting import augmented


def pictures(n, seed=0):
    coarse = torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return (255 * torch.nn.functional.interpolate(coarse, size=32, mode="bilinear")).byte()


def test_it_changes_pictures_but_not_beyond_recognition():
    images = pictures(20)
    changed = augmented(images, np.random.default_rng(0))
    assert changed.dtype == torch.uint8 and changed.shape == images.shape
    off = (changed.float() - images.float()).abs().mean((1, 2, 3))
    other = (images.roll(1, 0).float() - images.float()).abs().mean((1, 2, 3))
    assert (off > 1).all() and off.mean() < 0.8 * other.mean()


def test_both_views_alike_or_not():
    twice = pictures(10).repeat(2, 1, 1, 1)
    alike = augmented(twice, np.random.default_rng(1), same=2)
    assert torch.equal(alike[:10], alike[10:])
    apart = augmented(twice, np.random.default_rng(1))
    assert not torch.equal(apart[:10], apart[10:])


def test_the_same_generator_the_same_pictures():
    one, other = (augmented(pictures(4), np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(one, other)
