"""Large files in parts, and back: what leaves a borrowed machine must be small."""

import json
from pathlib import Path

from mcss.store.files import atomic_write, checksum, write_json

LARGEST = 14 << 20  #: bytes of a file that stays whole
LIST = ".parts.json"


def split(folder, largest=LARGEST):
    """Replaces every larger file under `folder` by parts NAME.000, NAME.001, ... and, last,
    NAME.parts.json with its checksum; returns those lists.
    """
    lists = []
    for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        if file.stat().st_size <= largest:
            continue
        names = []
        with open(file, "rb") as whole:
            while piece := whole.read(largest):
                names.append(f"{file.name}.{len(names):03}")
                with atomic_write(file.with_name(names[-1])) as temporary:
                    Path(temporary).write_bytes(piece)
        lists.append(file.with_name(file.name + LIST))
        write_json(lists[-1], {"parts": names, "sha256": checksum(file)})
        file.unlink()
    return lists


def join(folder):
    """Puts together what `split` left under `folder`, and removes the parts; returns the files.

    Raises `ValueError` for a part that is missing or not what it was; then everything stays.
    """
    files = []
    for record in sorted(Path(folder).rglob("*" + LIST)):
        file = record.with_name(record.name.removesuffix(LIST))
        told = json.loads(record.read_text(encoding="utf-8"))
        parts = [record.with_name(Path(name).name) for name in told["parts"]]
        missing = [part.name for part in parts if not part.exists()]
        if missing:
            raise ValueError(f"{record}: {', '.join(missing)} missing: bring them all")
        with atomic_write(file) as temporary:
            with open(temporary, "wb") as whole:
                for part in parts:
                    whole.write(part.read_bytes())
            if checksum(temporary) != told["sha256"]:
                raise ValueError(f"{file}: a part is not what it was: bring them again")
        for part in [*parts, record]:
            part.unlink()
        files.append(file)
    return files
