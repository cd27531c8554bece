import torch

from mcss.engine.precision import resolve


def test_precision_by_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda d: (7, 5))
    assert resolve("auto", "cuda") == "float16"  # a T4
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda d: (9, 0))
    assert resolve("auto", "cuda") == "bfloat16"
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    assert resolve("auto", "cpu") == "float32" and resolve("bfloat16", "cpu") == "bfloat16"
