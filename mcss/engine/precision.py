"""Which number format the convolutions run in: a question of the device."""

import torch


def resolve(precision, device):
    """'auto' -> 'bfloat16', 'float16' or 'float32', whichever is fast and safe on
    `device`; other names stay.

    bfloat16 on GPUs from Ampere on and on CPUs with bfloat16 instructions (elsewhere it
    is emulated, many times slower than float32); float16, with loss scaling, on older
    GPUs such as a T4.
    """
    device = torch.device(device)
    if precision != "auto":
        if precision not in ("float32", "bfloat16", "float16"):
            raise ValueError(
                "precision must be 'auto', 'float32', 'bfloat16' or 'float16', not"
                f" {precision!r}"
            )
        return precision
    if device.type == "cuda":
        return (
            "bfloat16"
            if torch.cuda.get_device_capability(device) >= (8, 0)
            else "float16"
        )
    if device.type == "cpu":
        probes = (
            getattr(torch.cpu, name, None)
            for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        )
        return "bfloat16" if any(probe and probe() for probe in probes) else "float32"
    return "float32"


def autocast(precision, device):
    """The autocast context for a resolved precision."""
    name = "float16" if precision == "float32" else precision
    return torch.autocast(
        torch.device(device).type,
        dtype=getattr(torch, name),
        enabled=precision != "float32",
    )
