import socket

import pytest
import torch
from torch import nn

from mcss.model import MCSS


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MCSS(image_size=64).eval()


def images(n, size, seed=0):
    return torch.randint(
        0, 256, (n, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("size, side", [(224, 4), (256, 4), (128, 2), (64, 1)])
def test_psi_has_the_paper_s_shape(size, side):
    """224 gives a 7 x 7 blob; only with ceil_mode is it 4 x 4 after the pooling, as 256 gives
    anyway.
    """
    model = MCSS(image_size=size).eval()
    assert model.F[:2](torch.zeros(1, 3, size, size)).shape == (1, 512, side, side)
    output = model(images(1, size))
    assert output.embedding.shape == (1, 128) and output.pose.shape == (1, 16, 3)


def test_embeddings_have_unit_length(model):
    torch.testing.assert_close(model.embed(images(5, 64)).norm(dim=1), torch.ones(5))


def test_no_batch_norm_has_affine_parameters(model):
    layers = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert len(layers) == 21  # ResNet-18's 20 and G's
    assert all(layer.weight is None and layer.bias is None for layer in layers)
    assert isinstance(model.G[1], nn.BatchNorm1d)
    assert not any(
        isinstance(m, nn.BatchNorm1d) for m in MCSS(image_size=64, batch_norm=False).modules()
    )


def test_h_is_one_linear_layer_and_resnet34_is_deeper(model):
    assert isinstance(model.H, nn.Linear) and (model.H.in_features, model.H.out_features) == (
        128,
        48,
    )
    small, large = (
        sum(p.numel() for p in MCSS(b, 64).F.parameters()) for b in ("resnet18", "resnet34")
    )
    assert small == 11_166_912 and large == 21_267_648  # convolutions only


def test_poses_come_in_millimetres(model):
    normalised = model.regress(model.embed(images(3, 64)))
    model.pose_mean.copy_(torch.randn(16, 3) * 100)
    model.pose_std.fill_(50)
    torch.testing.assert_close(model(images(3, 64)).pose, normalised * 50 + model.pose_mean)


def test_uint8_and_floats_mean_the_same(model):
    torch.testing.assert_close(model.embed(images(3, 64)), model.embed(images(3, 64).float() / 255))


def test_bad_images(model):
    with pytest.raises(ValueError, match=r"\(n, 3, 64, 64\), not \(2, 3, 32, 32\)"):
        model.embed(images(2, 32))
    with pytest.raises(ValueError, match="uint8, or floats"):
        model.embed(images(2, 64).long())
    model.train()
    with pytest.raises(ValueError, match="one image is not a batch"):
        model.embed(images(1, 64))
    model.eval()


def test_bad_settings():
    with pytest.raises(ValueError, match="resnet18, resnet34"):
        MCSS("resnet50")
    with pytest.raises(ValueError, match="at least 32"):
        MCSS(image_size=16)


def test_missing_imagenet_weights_are_one_clear_error(monkeypatch, tmp_path):
    def closed(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", closed)
    monkeypatch.setattr("urllib.request.urlopen", closed)
    monkeypatch.setattr("torch.hub.urlopen", closed)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(
        RuntimeError, match="ImageNet weights of resnet18 cannot be had.*pretrained=False"
    ):
        MCSS(pretrained=True)


def test_imagenet_weights_are_loaded_where_they_are(monkeypatch):
    """A stand-in file with torchvision's names: the convolutions arrive, gamma and beta go."""
    from torchvision.models import ResNet18_Weights, resnet18

    torch.manual_seed(1)
    standing_in = resnet18()
    nn.init.constant_(standing_in.bn1.weight, 7.0)
    monkeypatch.setattr(
        ResNet18_Weights, "get_state_dict", lambda *_, **__: standing_in.state_dict()
    )
    model = MCSS(image_size=64, pretrained=True)
    assert torch.equal(model.F[0].conv1.weight, standing_in.conv1.weight)
    assert torch.equal(model.F[0].layer4[1].conv2.weight, standing_in.layer4[1].conv2.weight)
    assert model.F[0].bn1.weight is None
