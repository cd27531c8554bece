"""Files that appear whole or not at all, and checksums."""

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path):
    """Yields a temporary path beside `path`; on success it replaces `path` in one step,
    on failure it goes.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path, value):
    """Writes `value` as JSON, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
            encoding="utf-8",
        )


def checksum(path):
    """The SHA-256 of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recipe_hash(recipe):
    """The SHA-256 of anything JSON can hold, independent of the order of its keys: 16
    hexadecimal digits.
    """
    return hashlib.sha256(
        json.dumps(recipe, sort_keys=True, allow_nan=False).encode()
    ).hexdigest()[:16]
