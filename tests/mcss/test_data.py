import io
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from toy import toy_frames, toy_store, views_missing


def test_what_was_written_is_read(store):
    frames = list(toy_frames(1, 20, 32))  # subject A (0), clip 1
    assert store.subjects == ["A", "B", "C"] and store.image_size == 32 and store.fps == 10
    assert [tuple(c) for c in store.clips("A")] == [
        (0, 20, "Waving", "clip0"),
        (20, 40, "Waving", "clip1"),
    ]
    assert store.views("A") == [0, 1, 2, 3] and len(store) == 3 * 40 * 4
    torch.testing.assert_close(
        store.poses("A")[20:], torch.from_numpy(np.stack([f["pose"] for f in frames]))
    )
    images = store.images("A", [25, 39], [2, 0])
    for image, (t, v) in zip(images, [(5, 2), (19, 0)]):
        expected = np.asarray(Image.open(io.BytesIO(frames[t]["images"][v])).convert("RGB"))
        assert (
            np.abs(image.permute(1, 2, 0).numpy().astype(int) - expected).max() <= 3
        )  # decoders round differently
    assert store.images("A", 3, 1).shape == (1, 3, 32, 32) and store.images("A", [], []).shape == (
        0,
        3,
        32,
        32,
    )


def test_splits_count_views_and_frames(store):
    train = store.splits["train"]
    assert train.subjects == ["A", "B"] and train.views == [0, 1, 2, 3]
    assert train.frames["B"].tolist() == list(range(40))


def test_long_clips_span_record_batches(tmp_path):
    store = toy_store(
        tmp_path / "s", subjects=("A",), test=(), clips=1, frames=150, size=32, views=2
    )
    assert len(store._parts.images("A", 0)[1]) == 3
    for t in (0, 63, 64, 127, 128, 149):
        one = store.images("A", [t], [1])
        assert torch.equal(one, store.decode(store.encoded("A", [t], [1])))
    everything = store.images("A", np.arange(150), 1)
    assert torch.equal(everything[100], store.images("A", [100], [1])[0])
    assert not torch.equal(everything[100], everything[36])


def test_a_store_travels_to_worker_processes(store):
    again = pickle.loads(pickle.dumps(store))
    assert torch.equal(again.images("B", [7], [2]), store.images("B", [7], [2]))


def test_views_and_poses_may_be_missing(tmp_path):
    store = views_missing(tmp_path / "s", [(2, 1)] + [(t, 3) for t in range(10)])
    assert store.views("S") == [0, 1, 2] and not store.present("S")[2, 1] and len(store) == 29
    assert store.poses("S")[3].isnan().all() and not store.poses("S")[2].isnan().any()
    with pytest.raises(ValueError, match="subject S, frame 2 has no image in view b"):
        store.images("S", [1, 2], [1, 1])


def test_poses_are_none_without_any_truth(tmp_path):
    assert toy_store(tmp_path / "s", poses=False, frames=4).poses("A") is None


def test_wrong_questions(store):
    with pytest.raises(KeyError, match="unknown subject 'Z'.*A, B, C"):
        store.clips("Z")
    for frames, views in ([40], [0]), ([-1], [0]), ([0], [4]):
        with pytest.raises(IndexError, match="frames 0 to 39 and views 0 to 3"):
            store.images("A", frames, views)
