import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from mcss.fast import neighbours
from mcss.fast.neighbours import nearest, smallest


def vectors(n, d=6, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n, k", [(1, 1), (50, 50), (1000, 3), (1037, 20)])
@pytest.mark.parametrize("block", [(128, 1 << 15), (7, 300)])
def test_against_scikit_learn(n, k, block, monkeypatch):
    monkeypatch.setitem(neighbours.BLOCK, "cpu", block)
    gallery, queries = vectors(n), vectors(30, seed=1)
    distance, index = nearest(queries, gallery, k)
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(gallery.numpy())
    expected, where = (torch.from_numpy(x) for x in search.kneighbors(queries.numpy()))
    torch.testing.assert_close(distance, expected.float())
    assert torch.equal(index, where)


def test_an_image_finds_itself_at_no_distance():
    gallery = torch.nn.functional.normalize(vectors(500, 128), dim=1)
    distance, index = nearest(gallery, gallery, 2)
    assert (distance[:, 0] == 0).all() and torch.equal(index[:, 0], torch.arange(500))


@pytest.mark.parametrize("n", [10, 256, 300, 4097])
def test_the_smallest_of_a_row(n):
    values = torch.randint(
        0, 50, (20, n), generator=torch.Generator().manual_seed(n)
    ).float()  # many are equal
    value, index = smallest(values, 5)
    assert torch.equal(value, values.topk(5, largest=False).values)
    assert torch.equal(values.gather(1, index), value) and all(
        len(set(row)) == 5 for row in index.tolist()
    )


def test_bad_input():
    assert nearest(vectors(0), vectors(5), 2)[1].shape == (0, 2)
    with pytest.raises(ValueError, match="k = 6 .* gallery, which has 5 images"):
        nearest(vectors(2), vectors(5), 6)
    with pytest.raises(ValueError, match="do not fit"):
        nearest(vectors(2), vectors(5, 7), 1)
