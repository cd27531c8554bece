import os

import pytest
import torch

from mcss.engine.checkpoint import load_model, save_checkpoint


@pytest.mark.parametrize("damage", ["cut", "foreign", "garbage", "missing"])
def test_a_damaged_checkpoint(tmp_path, damage):
    save_checkpoint(tmp_path, {"model.x": torch.ones(3)}, {"step": 1, "model": {}})
    (tensors,) = tmp_path.glob("*.safetensors")
    if damage == "cut":
        tensors.write_bytes(tensors.read_bytes()[:-4])
    elif damage == "missing":
        os.remove(tensors)
    else:
        (tmp_path / "checkpoint.json").write_text("{}" if damage == "foreign" else "not JSON")
    with pytest.raises(ValueError, match="not a sound MCSS checkpoint.*train again"):
        load_model(tmp_path)


def test_a_checkpoint_of_another_network(tmp_path):
    save_checkpoint(tmp_path, {"model.x": torch.ones(3)}, {"step": 1, "model": {"image_size": 64}})
    with pytest.raises(ValueError, match="another network"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "nowhere")
