import pytest
import torch
from toy import toy_store

from mcss.fast.folded import folded
from mcss.inference import predict
from mcss.targets import truth_of

pytestmark = pytest.mark.slow  # trains


def test_predict_covers_the_split_in_order(learned):
    store, (model, _) = learned
    p = predict(model, store, views=[1, 3], batch_size=50)
    assert len(p.poses) == 240 and set(p.views) == {1, 3} and set(p.subjects) == {"C"}
    row = 57
    one = model.eval()(store.images("C", [p.frames[row]], [p.views[row]], model.pose_mean.device))
    # predict may compute in bfloat16, where the machine has it
    torch.testing.assert_close(
        p.embeddings[row], one.embedding[0].detach().cpu(), atol=5e-3, rtol=0
    )
    torch.testing.assert_close(p.truth[row], truth_of(store, "C", [p.frames[row]])[0])


def test_predict_folds_where_it_changes_nothing(learned, monkeypatch):
    """Equal to 1e-4 in float32; in a CPU's bfloat16 the network stays as it is."""
    store, (model, _) = learned
    split = store.splits["test"]._replace(views=[0])
    lean, predictions = [], []
    monkeypatch.setattr("mcss.inference.folded", lambda m: (lean.append(m), folded(m))[1])
    for precision in ("float32", "bfloat16"):
        monkeypatch.setattr("mcss.inference.resolve", lambda *_: precision)
        predictions.append(predict(model, store, split, device="cpu"))
    assert len(lean) == 1 and lean[0] is model
    images = store.images("C", predictions[0].frames, 0)
    with torch.inference_mode():
        expected = model.eval().cpu()(images)
    atol = {"atol": 1e-4, "rtol": 0}
    torch.testing.assert_close(predictions[0].embeddings, expected.embedding, **atol)
    torch.testing.assert_close(predictions[0].poses, expected.pose, atol=1e-2, rtol=0)  # mm


def test_pictures_of_another_size(learned, tmp_path):
    store = toy_store(tmp_path / "s", frames=4, size=40)
    with pytest.raises(ValueError, match="pictures of 40 px, this network takes 32 px: take a"):
        predict(learned[1].model, store)
