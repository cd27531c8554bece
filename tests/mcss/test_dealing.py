import numpy as np

from mcss.dealing import deal


def test_many_instants_are_dealt_fast_and_evenly():
    frames = np.arange(5000)
    parts = deal(frames, frames // 1000, 66, 10, np.random.default_rng(0))
    assert sorted(np.concatenate(parts)) == list(range(5000))
    assert max(map(len, parts)) <= 66 and min(map(len, parts)) >= 60
