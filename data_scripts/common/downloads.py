"""Downloading a file: resumed where it broke off, checked by its MD5, there whole or not at all."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

import filelock
from tqdm import tqdm

BLOCK = 1 << 20


def download(url, path, md5=None, progress=True):
    """Downloads `url` to `path`, going on with what an earlier call left in `path`.part.

    md5: hexadecimal digits, or None for no check. Raises `ValueError`, which names the address and
    what to do, if the file cannot be had, is cut off or has another MD5; one with another MD5 is
    removed.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        with lock:
            try:
                _download(url, path, part, md5, progress)
            finally:
                os.unlink(lock.lock_file)
    except filelock.Timeout:
        raise ValueError(
            f"{path} is being downloaded by another process; wait for it to end"
        ) from None


def _download(url, path, part, md5, progress):
    have, total = part.stat().st_size if part.exists() else 0, 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            if answer.status != 206:  # the server sends everything
                have = 0
            length = int(answer.headers.get("Content-Length") or 0)
            total = length and have + length
            with (
                open(part, "ab" if have else "wb") as file,
                tqdm(
                    total=total or None,
                    initial=have,
                    unit="B",
                    unit_scale=True,
                    desc=path.name,
                    disable=not progress,
                ) as bar,
            ):
                while block := answer.read(BLOCK):
                    file.write(block)
                    bar.update(len(block))
    except urllib.error.HTTPError as error:
        if error.code != 416:  # nothing is left to send: it was cut right at its end
            raise ValueError(
                f"{url} cannot be had ({error}): check whether the address has changed, or get it"
                f" by hand into {path.parent}"
            ) from None
    except (OSError, http.client.HTTPException) as error:
        raise ValueError(
            f"{url} cannot be had ({error}): run it again, which goes on where it stopped, or get"
            f" it by hand into {path.parent}"
        ) from None
    if total and part.stat().st_size < total:
        raise ValueError(
            f"{url} broke off after {part.stat().st_size} of {total} bytes: run it again, which"
            " goes on where it stopped"
        )
    if md5 and md5_of(part, progress) != md5:
        part.unlink()
        raise ValueError(
            f"{url} gave a file with another MD5 than {md5}; it is removed: run it again"
        )
    os.replace(part, path)


def md5_of(path, progress=True):
    """The MD5 of a file, as hexadecimal digits."""
    digest = hashlib.md5(usedforsecurity=False)
    with (
        open(path, "rb") as file,
        tqdm(
            total=path.stat().st_size,
            unit="B",
            unit_scale=True,
            desc=f"checking {path.name}",
            disable=not progress,
        ) as bar,
    ):
        while block := file.read(BLOCK):
            digest.update(block)
            bar.update(len(block))
    return digest.hexdigest()
