import pytest
import torch
from toy import toy_store

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


def test_pictures_of_another_size(learned, tmp_path):
    store = toy_store(tmp_path / "s", frames=4, size=40)
    with pytest.raises(ValueError, match="pictures of 40 px, this network takes 32 px: take a"):
        predict(learned[1].model, store)
