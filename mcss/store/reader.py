"""Reading the files of a store: its index, and the columns of its Arrow files."""

import json

import numpy as np
import pyarrow as pa

from .files import checksum
from .format import FORMAT, INDEX, KEYS, VERSION, image_column, part_schema


def read_index(path):
    """`dataset.json` of the store in the folder `path`, as a dict.

    Raises `FileNotFoundError` where there is none and `ValueError` for a damaged,
    foreign or unfinished one, each with the remedy.
    """
    index = path / INDEX
    if not index.is_file():
        raise FileNotFoundError(
            f"{path} is not a store: it has no {INDEX}. Check the path; if it came with"
            " the repository, get it again with `git checkout`; else make it with"
            " data_scripts"
        )
    try:
        meta = json.loads(index.read_text(encoding="utf-8"))
        if meta["format"] != FORMAT:
            raise ValueError("another format")
        version, complete = meta["version"], meta["complete"]
        if version == VERSION and complete:
            for key in KEYS:
                meta[key]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{index} is damaged or foreign ({error}): if it came with the repository,"
            " `git checkout` its folder (and `git lfs pull` if it uses that); else make"
            " the store again"
        ) from None
    if version != VERSION:
        raise ValueError(
            f"{index} has version {version}, this package reads {VERSION}; convert the"
            " data again"
        )
    if not complete:
        raise ValueError(
            f"{path} is not finished: run the command that makes it again, it goes on"
            " where it stopped"
        )
    return meta


class Parts:
    """The Arrow files of a store, memory-mapped: one file a clip, in the index's order.

    path: the store's folder. parts, views: as the index holds them. Raises `ValueError`
    with the remedy for a file that is missing or not as long as it was when written.
    """

    def __init__(self, path, parts, views):
        self.path, self.views = path, views
        self.of = {}  #: subject -> its parts, in order
        for part in parts:
            self.of.setdefault(part["subject"], []).append(part)
            file = path / part["file"]
            if not file.is_file():
                raise damaged(file, "missing")
            if file.stat().st_size != part["bytes"]:
                raise damaged(file, "not as long as it was when written")
        self._tables, self._images = {}, {}

    def column(self, subject, name):
        """One column of a subject as record batches: a list of Arrow arrays."""
        if subject not in self._tables:
            self._tables[subject] = [self._open(part) for part in self.of[subject]]
        return [
            chunk for table in self._tables[subject] for chunk in table[name].chunks
        ]

    def _open(self, part):
        file = self.path / part["file"]
        try:
            table = pa.ipc.open_file(pa.memory_map(str(file), "r")).read_all()
        except (pa.ArrowInvalid, OSError) as error:
            raise damaged(file, f"not readable: {error}") from None
        expected = set(part_schema(self.views).names)
        if table.num_rows != part["frames"] or set(table.column_names) != expected:
            raise damaged(file, f"not what {INDEX} says it is")
        return table

    def images(self, subject, view):
        """(first frame of each record batch, record batches) of one view's images."""
        key = subject, view
        if key not in self._images:
            chunks = self.column(subject, image_column(self.views[view]))
            lengths = [len(chunk) for chunk in chunks[:-1]]
            self._images[key] = np.cumsum([0, *lengths]), chunks
        return self._images[key]

    def image(self, subject, frame, view):
        """The JPEG file of one image as a buffer, or None where there is none."""
        starts, chunks = self.images(subject, view)
        chunk = np.searchsorted(starts, frame, "right") - 1
        return chunks[chunk][frame - int(starts[chunk])].as_buffer()

    def rows(self, subject, name, width):
        """A column of fixed-size lists: `(T, width)` float32, NaN where one is
        missing.
        """
        rows = []
        for chunk in self.column(subject, name):
            values = np.full((len(chunk), width), np.nan, np.float32)
            known = chunk.is_valid().to_numpy(False)
            values[known] = chunk.flatten().to_numpy(False).reshape(-1, width)
            rows.append(values)
        return np.concatenate(rows)

    def present(self, subject):
        """`(T, V)` bool: whether this frame has an image in this view."""
        columns = []
        for view in self.views:
            chunks = self.column(subject, image_column(view))
            known = [chunk.is_valid().to_numpy(False) for chunk in chunks]
            columns.append(np.concatenate(known))
        return np.stack(columns, 1)

    def verify(self):
        """Compares every file with its checksum. Raises `ValueError` naming the damaged
        ones.
        """
        bad = [
            part["file"]
            for parts in self.of.values()
            for part in parts
            if checksum(self.path / part["file"]) != part["sha256"]
        ]
        if bad:
            raise ValueError(
                f"{self.path} is damaged in {', '.join(bad)}: delete these files and"
                f" {REMEDY}"
            )


#: What to do about a damaged file.
REMEDY = (
    "run what made the store again, which makes only this part anew (one that came with"
    " the repository: `git checkout` its folder, and `git lfs pull` if it uses that)"
)


def damaged(file, why):
    """The `ValueError` for a file of a store that is not as it was written."""
    return ValueError(f"{file} is damaged ({why}): delete it and {REMEDY}")
