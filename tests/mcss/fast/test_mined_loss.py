"""What a GPU does of mining and loss, on a CPU."""

import pytest
import torch
from torch.nn.functional import normalize

from mcss.fast import mined_loss
from mcss.fast.unit import Unit
from mcss.mining import contrastive_loss


def embeddings(m, d, seed):
    generator = torch.Generator().manual_seed(seed)
    anchor = normalize(torch.randn(m, d, generator=generator), dim=1)
    return anchor, normalize(anchor + 0.3 * torch.randn(m, d, generator=generator), dim=1)


@pytest.mark.parametrize("m", [2, 66, 129, 300])
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.1])
@pytest.mark.parametrize("kind", ["spread out", "crowded", "repeated", "long", "none"])
@pytest.mark.parametrize("at_once", [1 << 26, 1 << 12])
def test_it_is_the_plain_form(m, beta, kind, at_once, monkeypatch):
    """Value, figures and gradient, in one strip and in several; also where rounding decides what is
    beyond beta, and where no pair has a negative.
    """
    monkeypatch.setattr(mined_loss, "AT_ONCE", at_once)
    monkeypatch.setattr("mcss.mining.FAST_FROM", 10**9)
    anchor, positive = embeddings(m, 2 if kind == "crowded" else 16, seed=m)
    if kind == "repeated":
        anchor = positive = anchor[torch.arange(m) // 3]
    if kind == "none":
        anchor = positive = anchor[:1].expand(m, -1)
    scale = 50 if kind == "long" else 1
    results = []
    for loss_of in (contrastive_loss, mined_loss.mined_loss):
        a, p = (x.mul(scale).requires_grad_() for x in (anchor, positive))
        found = loss_of(a, p, 1.2 * scale, beta * scale)
        (3 * found.loss).backward()
        figures = torch.stack(found).detach() / torch.tensor([scale, 1, scale, scale])
        results.append((figures, a.grad, p.grad))
    torch.testing.assert_close(results[1][0], results[0][0], atol=1e-5, rtol=0)
    assert all(torch.isfinite(x).all() for x in results[1])
    if kind != "repeated" and not (kind == "crowded" and m > 128):
        # elsewhere several are the nearest, and either may be pushed
        torch.testing.assert_close(results[1][1:], results[0][1:], atol=1e-5, rtol=0)


def test_a_gpu_takes_it(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "is_cuda", True, raising=False)
    anchor, positive = (x.requires_grad_() for x in embeddings(9, 16, 0))
    loss = contrastive_loss(anchor, positive).loss
    assert "MinedLoss" in _functions(loss.grad_fn)


def _functions(node):
    following = [each for each, _ in node.next_functions if each is not None]
    return " ".join([type(node).__name__, *map(_functions, following)])


def test_unit_length_is_normalize():
    x = torch.randn(5, 8, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(Unit.apply(x), normalize(x, dim=1))
    assert torch.autograd.gradcheck(Unit.apply, x)
    assert torch.isfinite(Unit.apply(torch.zeros(2, 8))).all()


@pytest.mark.parametrize("precision", ["medium", "high"])
@pytest.mark.parametrize("way", ["mined_loss", "blocks", "neighbours", "procrustes"])
def test_no_setting_of_float32_products_changes_a_bit(precision, way, monkeypatch):
    """TF32 on a GPU, bfloat16 on a CPU that has it: every product of what is compared is of
    float64, or is made in full float32.
    """
    from mcss.fast.neighbours import nearest
    from mcss.metrics import pairwise_pa_mpjpe

    anchor, positive = embeddings(300, 128, 1)
    pose, other = torch.randn(2, 40, 16, 3)
    work = {
        "mined_loss": lambda: mined_loss.mined_loss(anchor, positive, 1.2, 0.3),
        "blocks": lambda: contrastive_loss(anchor, positive, 1.2, 0.3),
        "neighbours": lambda: torch.cat(nearest(anchor, positive, 5)),
        "procrustes": lambda: pairwise_pa_mpjpe(pose, other),
    }[way]
    before, expected, seen = torch.get_float32_matmul_precision(), work(), []

    class Products(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if function.__name__.split(".")[0] in ("mm", "addmm", "bmm", "baddbmm"):
                exact = torch.get_float32_matmul_precision() == "highest"
                seen.append(exact or args[-1].dtype == torch.float64)
            return function(*args, **(kwargs or {}))

    torch.set_float32_matmul_precision(precision)
    try:
        with Products():
            found = work()
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)
    assert all(seen) and (seen or way == "mined_loss")
    for one, two in zip(found, expected):
        assert torch.equal(one, two)
