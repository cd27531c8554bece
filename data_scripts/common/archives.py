"""Unpacking archives that are not trusted: only the wanted files, only into the given folder."""

import gzip
import json
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import filelock


def unpack(archive, folder, wanted):
    """Unpacks a tar or zip archive into `folder`, as a whole or not at all. A second call does
    nothing, unless unpacked files are gone since.

    wanted: function from a member's name to its path below `folder`, or None to leave it out.
    Raises `ValueError` if the archive is damaged, holds a link or a path that leads outside, or
    cannot be unpacked here; `RuntimeError` while another process unpacks it.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        _unpack(archive, folder, wanted)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        gzip.BadGzipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
    ) as error:
        raise ValueError(
            f"{archive} is damaged ({' '.join(str(error).split())}): get it again"
        ) from None
    except filelock.Timeout:
        raise RuntimeError(
            f"{archive} is being unpacked by another process; wait for it to end"
        ) from None
    except RuntimeError as error:  # an unknown compression, or a password
        raise ValueError(
            f"{archive} cannot be unpacked ({error}): unpack it yourself, and take it away"
        ) from None
    except OSError as error:
        raise ValueError(
            f"{archive} cannot be unpacked into {folder} ({error.strerror or error}): see that"
            " there is room and that you may write there, or unpack it yourself"
        ) from None


def _unpack(archive, folder, wanted):
    done = folder / f".{archive.name}.unpacked"
    stamp = [archive.stat().st_size, archive.stat().st_mtime_ns]
    temporary, names = folder / f".{archive.name}.part", []
    lock = folder / f".{archive.name}.lock"
    with filelock.FileLock(lock, timeout=0):
        try:
            if done.exists():
                before = json.loads(done.read_text(encoding="utf-8"))
                whole = all((folder / path).exists() for path in before["files"])
                if whole and before["stamp"] == stamp:
                    return
            shutil.rmtree(temporary, ignore_errors=True)  # what a killed run left
            temporary.mkdir()
            for name, file in _members(archive):
                path = wanted(name)
                if path is None:
                    continue
                (temporary / path).parent.mkdir(parents=True, exist_ok=True)
                with open(temporary / path, "wb") as copy:
                    shutil.copyfileobj(file, copy, 1 << 20)
                names.append(path)
            for path in dict.fromkeys(names):  # a tar file may hold a file twice: the later counts
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (temporary / path).replace(folder / path)
            (temporary / "done").write_text(
                json.dumps({"stamp": stamp, "files": names}), encoding="utf-8"
            )
            (temporary / "done").replace(done)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _members(archive):
    """Yields (name, readable file) of each regular file. Raises `ValueError` at the first member
    that is a link or leads outside.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as source:
            for member in source.infolist():
                _check_path(archive, member.filename)
                if stat.S_ISLNK(member.external_attr >> 16):
                    raise _foreign(archive, "a link", member.filename)
                if not member.is_dir():
                    with source.open(member) as file:
                        yield member.filename, file
    else:
        with tarfile.open(archive) as source:
            for member in source:
                _check_path(archive, member.name)
                if member.isfile():
                    yield member.name, source.extractfile(member)
                elif not member.isdir():
                    raise _foreign(archive, "a link or device", member.name)
            while source.fileobj.read(1 << 20):  # gzip's checksum stands at the very end
                pass


def _check_path(archive, name):
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or path.parts[:1] and path.parts[0].endswith(":"):
        raise _foreign(archive, "a path that leads outside", name)


def _foreign(archive, what, name):
    return ValueError(
        f"{archive} holds {what}, '{name}': nothing of it was unpacked. It is not the official"
        " archive, get that one"
    )
