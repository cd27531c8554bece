"""Checkpoints: tensors in safetensors, everything else in JSON, written whole or not at
all.
"""

import errno
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..model import MCSS
from ..store.files import atomic_write, checksum, write_json

FORMAT = "mcss-checkpoint"
INDEX = "checkpoint.json"


def save_tensors(tensors, path):
    """Writes `{name: tensor}` as safetensors, whole or not at all. Raises `OSError`
    where the disk is full, as any write does.
    """
    with atomic_write(path) as temporary:
        try:
            contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
            save_file(contiguous, temporary)
        except SafetensorError as error:
            if "No space left" in str(error):
                words = "no space left on the device"
                raise OSError(errno.ENOSPC, words, str(path)) from None
            raise


def save_checkpoint(directory, tensors, meta):
    """Makes (tensors, meta) the checkpoint in `directory`, replacing the one before.

    tensors: `{name: tensor}`. meta: anything JSON can hold, as a dict. At whatever
    moment the process dies, `checkpoint.json` names a complete file of tensors: it is
    replaced last, in one step.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    name = f"step-{meta['step']:08d}.safetensors"
    save_tensors(tensors, directory / name)
    index = {"format": FORMAT, **meta, "tensors": name}
    write_json(directory / INDEX, index | {"sha256": checksum(directory / name)})
    for old in directory.glob("*.safetensors"):
        if old.name != name:
            old.unlink()
    for leftover in directory.glob(".*.part"):  # of a process killed while writing
        leftover.unlink()


def load_checkpoint(directory):
    """The checkpoint in `directory`, `(tensors, meta)`, or None if there is none.

    Raises `ValueError` naming the file and the remedy if it is damaged or something
    else.
    """
    index = Path(directory) / INDEX
    if not index.exists():
        return None
    try:
        meta = json.loads(index.read_text(encoding="utf-8"))
        if meta["format"] != FORMAT:
            raise ValueError("another format")
        file = index.with_name(Path(meta["tensors"]).name)
        if not file.exists() or checksum(file) != meta["sha256"]:
            raise ValueError(f"{file.name} is missing or not what was written")
        return load_file(file), meta
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ValueError(
            f"{index} is not a sound MCSS checkpoint ({error}): delete {index.parent}"
            " and train again"
        ) from None


def load_model(directory, device="cpu"):
    """The network of a checkpoint, in evaluation mode on `device`. Raises `ValueError`
    as `load_checkpoint` does.
    """
    checkpoint = load_checkpoint(directory)
    if checkpoint is None:
        raise FileNotFoundError(f"{directory} holds no {INDEX}: not a checkpoint")
    tensors, meta = checkpoint
    try:
        model = MCSS(**meta["model"])
        model.load_state_dict(with_prefix(tensors, "model."))
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"{directory} holds another network than this package builds ({error}):"
            " train again"
        ) from None
    return model.to(device).eval()


def with_prefix(tensors, prefix):
    """The tensors whose names begin with `prefix`, by the rest of their names."""
    n = len(prefix)
    return {name[n:]: t for name, t in tensors.items() if name.startswith(prefix)}
