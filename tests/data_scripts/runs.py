"""Checks of how converters run: killed and begun again, twice at once, with nothing to convert, and
from the command line.
"""

import dataclasses
import json
import os
import re
import subprocess
import sys
import time

import filelock
import pytest

from mcss.data import open_store
from mcss.experiments.results import read_result
from mcss.experiments.running import run
from mcss.experiments.trainings import SCHEDULES


def complaints(convert, *arguments, **options):
    """What a conversion could not do, as one string: the notes of its report, or its error."""
    try:
        return "\n".join(convert(*arguments, progress=False, **options).notes)
    except (ValueError, FileNotFoundError) as error:
        return str(error)


def store_bytes(store, *patterns):
    """`{file name: content}` of the files of a finished store, or of those that match."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for pattern in patterns or ("*.arrow", "*.json")
        for path in sorted(store.rglob(pattern))
    }


def check_resume(convert, source, whole, store, options):
    """After it was killed a conversion goes on, and makes what an uninterrupted one made: `whole`,
    a (report, store). A second run changes nothing.
    """
    call = (
        f"from {convert.__module__} import convert\nconvert({str(source)!r}, {str(store)!r},"
        f" workers=1, **{options})"
    )
    assert 0 < killed(call, store) < 6
    report = convert(source, store, **options)
    expected = store_bytes(whole[1].path)
    assert store_bytes(store) == expected
    assert (report.frames, report.images) == (whole[0].frames, whole[0].images)
    times = {path: path.stat().st_mtime_ns for path in store.rglob("*.arrow")}
    again = convert(source, store, **options)
    assert str(again) == str(report) and store_bytes(store) == expected
    assert times == {path: path.stat().st_mtime_ns for path in store.rglob("*.arrow")}


def killed(call, store):
    """Runs Python code in a process of its own and kills it as soon as a clip is in the store;
    returns how many are.
    """
    process = subprocess.Popen([sys.executable, "-c", call])
    while process.poll() is None and not list(store.glob("*/*.arrow")):
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert not json.loads((store / "dataset.json").read_text(encoding="utf-8"))["complete"]
    return len(list(store.glob("*/*.arrow")))


def check_second_run(report, again):
    """A second run changes nothing. again: function that converts once more into the same store."""
    arrows = lambda: report.path.rglob("*.arrow")
    state = lambda: {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in arrows()}
    before, index = state(), (report.path / "dataset.json").read_bytes()
    second = again()
    assert state() == before and (report.path / "dataset.json").read_bytes() == index
    assert str(second) == str(report) and second.notes == report.notes
    assert (second.frames, second.images) == (report.frames, report.images)


KILL = """
import os, sys
from mcss.store.writer import StoreWriter
from data_scripts.{name} import convert
add, clips = StoreWriter.add, []
def dying(self, subject, source, action, frames, *more):
    def some():
        for t, frame in enumerate(frames):
            if len(clips) == 3 and t == 2:  # in the middle of the third clip
                os.kill(os.getpid(), 9)
            yield frame
    clips.append(source)
    return add(self, subject, source, action, some(), *more)
StoreWriter.add = dying
convert(sys.argv[1], sys.argv[2], **{options})
"""


def check_killed(name, convert, options, folder, path, report, unpacked, text):
    """After it was killed twice a conversion of `folder` goes on, and makes what an uninterrupted
    one made, which wrote `report`. It is killed as soon as a file with `text` in its name is below
    the folder `unpacked`, and then in the middle of a clip.
    """
    code = KILL.format(name=name, options=options)
    command = [sys.executable, "-c", code, str(folder), str(path)]
    first = subprocess.Popen(command)
    files = lambda: (file for _, _, files in os.walk(unpacked) for file in files)
    while first.poll() is None and not any(text in file for file in files()):
        time.sleep(0.001)
    first.kill()
    assert first.wait() == -9
    assert subprocess.run(command).returncode == -9
    done = {file: file.stat().st_mtime_ns for file in path.glob("*/*.arrow")}
    assert 2 <= len(done) < len(store_bytes(report.path)) - 1  # some clips are done, not all
    again = convert(folder, path, **options)
    assert all(file.stat().st_mtime_ns == at for file, at in done.items())  # not made again
    assert store_bytes(path) == store_bytes(report.path)
    assert str(again) == str(report).replace(str(report.path), str(path))
    assert not [*path.rglob("*.part"), *folder.rglob("*.part")]


def check_two_at_once(convert, main, source, path, capsys):
    """A store that another process writes is refused."""
    path.mkdir()
    with filelock.FileLock(path / ".writing.lock"):
        with pytest.raises(RuntimeError, match="another process"):
            convert(source, path, progress=False)
        assert main([str(source), str(path)]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def check_two_unpacking(main, archive, folder, source, path, capsys):
    """An archive that another process unpacks into `folder` is refused."""
    with filelock.FileLock(folder / f".{archive.name}.lock"):
        assert main([str(source), str(path)]) == 1
    assert f"error: {archive} is being unpacked by another process" in capsys.readouterr().err


def check_store_that_cannot_be(main, source, path, capsys):
    """A file that is where the store should be stays, and is named."""
    path.write_text("mine")
    assert main([str(source), str(path)]) == 1 and path.read_text() == "mine"
    expected = f"error: the store {re.escape(str(path))} cannot be written.*another folder"
    assert re.search(expected, capsys.readouterr().err)


def check_nothing(main, source, path, expected, capsys):
    """Where nothing can be converted, the exit status is 1, and the error names the folder and
    matches what is expected.
    """
    assert main([str(source), str(path)]) == 1
    out, err = capsys.readouterr()
    _, _, error = err.rpartition("error: ")
    assert out == "" and "Traceback" not in err and str(source) in error, err
    assert re.search(expected, error, re.S), err
    assert "0clip" not in err  # no progress bar over nothing


def check_command(name, convert, source, path, options):
    """The command prints the report. options: those of `convert`, and so of the command."""
    command = [sys.executable, "-m", f"data_scripts.{name}", str(source), str(path)]
    for key, value in options.items():
        command += [f"--{key.replace('_', '-')}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(convert(source, path, progress=False, **options)).strip()


def check_outside(tmp_path, folder):
    """Nothing was written beside `folder`, tmp_path / 'a' / 'source', and nothing evil into it."""
    assert sorted(os.listdir(tmp_path / "a")) == ["mine.txt", "source"]
    assert (tmp_path / "a/mine.txt").read_text() == "mine"
    assert not [file for file in folder.rglob("*") if file.is_symlink() or file.name == "evil.txt"]


def check_table_1(path, folder, monkeypatch):
    """Table 1 of the paper runs on a store, in its smallest form."""
    tiny = dataclasses.replace(SCHEDULES["small"], pairs=8, labelled=4, epochs=1, gap=0.0)
    monkeypatch.setitem(SCHEDULES, "small", tiny)
    stores, results = {"main": path}, folder
    (result,) = run(["table1"], stores, (0,), "small", folder / "runs", results, progress=False)
    errors = [row["values"]["N-MPJPE"]["mean"] for row in read_result(result)["rows"]]
    assert len(errors) == 4 and all(0 < error < 1000 for error in errors)
    assert open_store(path).splits["test"].subjects
