import pytest
import torch

from mcss.fast.folded import folded
from mcss.model import MCSS


def trained_a_little(**settings):
    """A network whose running statistics say something."""
    torch.manual_seed(0)
    model = MCSS(image_size=64, **settings).train()
    with torch.no_grad():
        for _ in range(3):
            model.embed(torch.rand(8, 3, 64, 64))
    return model


@pytest.mark.parametrize("backbone", ["resnet18", "resnet34"])
def test_folded_it_says_the_same(backbone):
    model = trained_a_little(backbone=backbone)
    images = torch.rand(4, 3, 64, 64)
    lean = folded(model)
    with torch.inference_mode():
        expected, found = model.eval()(images), lean(images)
    torch.testing.assert_close(found.embedding, expected.embedding, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.pose, expected.pose, atol=1e-4, rtol=0)
    left = [layer for layer in lean.F.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert not left


def test_the_network_itself_stays():
    model = trained_a_little()
    before = {name: x.clone() for name, x in model.state_dict().items()}
    folded(model)
    assert model.training
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


def test_other_norms_stay():
    model = trained_a_little(norm="group").eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(folded(model)(images).embedding, model(images).embedding)
