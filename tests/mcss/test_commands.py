"""The commands as a person calls them: on a toy store, from training to poses in a CSV file."""

import csv
import json
import os
import re

import numpy as np
import pytest
import torch
from PIL import Image
from toy import toy_store

from mcss import find, predict, train
from mcss.data import Split, open_store
from mcss.engine.checkpoint import load_model
from mcss.inference import predict as predict_store
from mcss.skeleton import JOINTS

pytestmark = pytest.mark.slow  # trains

FEW = ["--epochs", "1", "--pairs", "6", "--device", "cpu"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a store, a run with poses and one without; it is the working folder."""
    folder, before = tmp_path_factory.mktemp("commands"), os.getcwd()
    toy_store(folder / "store", frames=16)
    os.chdir(folder)
    assert train.main(["store", "run", *FEW]) == 0
    assert train.main(["store", "metric", "--metric-only", *FEW]) == 0
    yield folder
    os.chdir(before)


def refused(main, arguments, capsys):
    """The one line that a command says of bad input."""
    try:
        status = main(arguments)
    except SystemExit as end:  # what argparse refuses
        status = end.code
    out, err = capsys.readouterr()
    lines = [line for line in err.split("\n") if line and "it/s" not in line and "\r" not in line]
    assert status == 2 and out == "" and len(lines) == 1 and lines[0].startswith("error: "), err
    return lines[0]


@pytest.mark.parametrize("module", [train, find, predict])
def test_help_reads_well(module, capsys):
    with pytest.raises(SystemExit) as end:
        module.main(["--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and module.__doc__.strip() in text
    assert max(map(len, text.splitlines())) <= 88
    for option in re.findall(r"^  (--[a-z-]+).*$", text, re.M):
        assert re.search(rf"{option}.*\s+\S", text)


def test_training_goes_on_and_says_what_it_did(place, capsys):
    before = (place / "run/checkpoint.json").stat().st_mtime_ns
    assert train.main(["store", "run", *FEW]) == 0
    out = capsys.readouterr().out
    steps = re.search(r"run: (\d+) steps, \d+ s, pose_loss ([\d.]+) to ([\d.]+)", out)
    losses = json.loads((place / "run/checkpoint.json").read_text())["history"]["pose_loss"]
    assert int(steps[1]) == len(losses)
    assert steps[2] == f"{losses[0]:.3f}" and steps[3] == f"{losses[-1]:.3f}"
    assert "python -m mcss.find run store" in out
    assert (place / "run/checkpoint.json").stat().st_mtime_ns == before


def test_a_start_and_labels_of_one_person(place):
    more = ["--start", "run", "--labels", "A", *FEW, "--gap", "0.2"]
    assert train.main(["store", "more", *more, "--improved", "--seed", "3"]) == 0
    config = json.loads((place / "more/checkpoint.json").read_text())["config"]
    assert config["label_subjects"] == ["A"] and config["mining"] == "infonce"
    assert (config["seed"], config["gap"], config["lr_drop_epoch"]) == (3, 0.2, 1)


@pytest.mark.parametrize("arguments, words", [
    (["nowhere", "r"], "nowhere is not a store"),
    (["store", "run", "--epochs", "9", "--pairs", "6"], "run holds a run of 1 epochs"),
    (["store", "r", "--split", "all"], "no split 'all': take --split train or test"),
    (["store", "r", "--labels", "Z", *FEW], "labels for ['Z']"),
    (["store", "r", "--start", "store", *FEW], "store holds no checkpoint.json"),
    (["store", "r", "--epochs", "0"], "'0' should be a whole number above 0"),
    (["store", "r", "--lr", "fast"], "'fast' should be a positive number"),
    (["store", "r"], "a batch needs 66"),
    (["store"], "the following arguments are required: run"),
])  # fmt: skip
def test_what_a_training_refuses(place, arguments, words, capsys):
    assert words in refused(train.main, arguments, capsys)


def test_a_store_without_poses(place, tmp_path, capsys):
    bare = toy_store(tmp_path / "bare", frames=8, poses=False).path
    line = refused(train.main, [str(bare), str(tmp_path / "r")], capsys)
    assert line == f"error: {bare} holds no poses: add --metric-only"
    few = [*FEW, "--metric-only"]
    assert train.main([str(bare), str(tmp_path / "r"), *few]) == 0


def embedded(store):
    """The embeddings of B, brute force: `(n, d)`, frames and views."""
    split = Split(["B"], [0, 1, 2, 3], {"B": np.arange(store.length("B"))})
    found = predict_store(load_model("run"), store, split)
    return found.embeddings, found.frames, found.views


def test_the_nearest_of_the_other_views(place, capsys):
    store = open_store("store")
    embeddings, frames, views = embedded(store)
    asks = int(np.flatnonzero((frames == 21) & (views == 2))[0])
    distance = torch.cdist(embeddings[[asks]], embeddings)[0].numpy()
    distance[views == 2] = np.inf
    expected = [f"cam{views[k]}, frame {frames[k]}" for k in distance.argsort()[:4]]
    assert find.main(["run", "store", "B", "21", "cam2", "--count", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [", ".join(line.split(", ")[:2]) for line in lines[:-1]] == expected
    for line, k in zip(lines[:-1], distance.argsort()):
        same_clip = frames[k] >= 16  # of two clips of 16 frames
        when = f"{(frames[k] - 21) / 10:+.2f} s" if same_clip else "another clip"
        assert line.split(", ")[2] == when
    assert lines[-1] == "found.png"
    with Image.open("found.png") as sheet:
        assert sheet.width > 5 * 192 and sheet.height > 192


def test_a_view_by_its_number(place, capsys):
    found = []
    for view in ("cam1", "1"):
        assert find.main(["run", "store", "A", "7", view, "--picture", "other.jpg"]) == 0
        found.append(capsys.readouterr().out)
    assert found[0] == found[1] and Image.open("other.jpg").format == "JPEG"


def test_how_often_the_right_instant_is_found(place, capsys):
    assert find.main(["run", "store", "--within", "0.3"]) == 0
    out = capsys.readouterr().out
    embeddings, frames, views = embedded(open_store("store"))
    distance = torch.cdist(embeddings, embeddings).numpy()
    distance[views[:, None] == views] = np.inf
    near = (abs(frames[:, None] - frames) <= 3) & ((frames[:, None] < 16) == (frames < 16))
    rate = near[np.arange(len(frames)), distance.argmin(1)].mean()
    elsewhere = views[:, None] != views
    blind = ((near & elsewhere).sum(1) / elsewhere.sum(1)).mean()
    assert f"train, B: the nearest of another view is within 0.3 s in {rate:.1%} of 128" in out
    assert f"(blind: {blind:.1%})" in out and "test, C: " in out


@pytest.mark.parametrize("arguments, words", [
    (["run", "store", "Z", "1", "cam1"], "no person 'Z', but A, B, C"),
    (["run", "store", "A", "1", "cam7"], "no view 'cam7', but cam0, cam1, cam2, cam3"),
    (["run", "store", "A", "32", "cam1"], "A has frames 0 to 31, not 32"),
    (["run", "store", "A", "-1", "cam1"], "A has frames 0 to 31, not -1"),
    (["run", "store", "A"], "all three, or none"),
    (["run", "store", "A", "one", "cam1"], "invalid int value: 'one'"),
    (["run", "store", "A", "1", "cam1", "--picture", "found.txt"], "should end in .png or .jpg"),
    (["nowhere", "store"], "nowhere holds no checkpoint.json"),
])  # fmt: skip
def test_what_a_search_refuses(place, arguments, words, capsys):
    assert words in refused(find.main, arguments, capsys)


def test_poses_of_pictures(place, capsys):
    store = open_store("store")
    files = []
    for frame in (3, 17):
        image = store.images("C", [frame], [1])[0].permute(1, 2, 0).numpy()
        files.append(f"c{frame}.png")
        Image.fromarray(image).save(files[-1])
    assert predict.main(["run", *files]) == 0
    assert "2 poses in poses.csv, drawn in poses.png" in capsys.readouterr().out
    with open("poses.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["joint"] for line in lines] == [*JOINTS, *JOINTS]
    assert [line["image"] for line in lines] == [files[0]] * 17 + [files[1]] * 17
    got = np.array([[float(line[axis]) for axis in "xyz"] for line in lines]).reshape(2, 17, 3)
    with torch.inference_mode():
        expected = load_model("run")(store.images("C", [3, 17], 1)).pose.numpy()
    assert np.allclose(got[:, 1:], expected, atol=0.06) and (got[:, 0] == 0).all()
    assert abs(got[0] - got[1]).max() > 0.5  # two poses, not one
    with Image.open("poses.png") as sheet:
        assert sheet.width > 3 * 190


def test_pictures_are_made_upright_and_square(tmp_path):
    """As a telephone writes them: 40 x 20 on its side, to be turned by EXIF's 6."""
    image, exif = Image.new("RGB", (40, 20), "white"), Image.Exif()
    image.paste("red", (0, 0, 10, 20))  # left, and after the turn on top
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    seen = predict.picture_of(tmp_path / "a.jpg", 40).float()
    assert seen[:, 20, :8].max() < 20 and seen[:, 20, -8:].max() < 20  # black borders
    assert seen[0, 4, 20] > 200 > 60 > seen[1, 4, 20] and seen[1, 35, 20] > 200


@pytest.mark.parametrize("images, words", [
    (["missing.png"], "missing.png cannot be read as a picture (there is no such file)"),
    (["text.png"], "text.png cannot be read as a picture"),
    (["store"], "it is a folder: give its files, as store/*.jpg"),
])  # fmt: skip
def test_pictures_that_are_none(place, images, words, capsys):
    (place / "text.png").write_text("no picture")
    assert words in refused(predict.main, ["run", *images], capsys)


def test_a_network_that_never_saw_a_pose(place, capsys):
    Image.new("RGB", (32, 32)).save("any.png")
    line = refused(predict.main, ["metric", "any.png"], capsys)
    assert "metric was trained without poses (--metric-only)" in line and "mcss.find" in line
