import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import filelock
import numpy as np
import psutil
import pytest
import torch
from toy import toy_frames, toy_store

from mcss.data import StoreWriter
from mcss.experiments import EXPERIMENTS, clock, running
from mcss.experiments.__main__ import main
from mcss.experiments.queue import ROLES, Queue
from mcss.experiments.results import read_result
from mcss.experiments.running import run
from mcss.experiments.trainings import TRAININGS, configuration
from mcss.inference import predict
from mcss.metrics import n_mpjpe

pytestmark = pytest.mark.slow  # trains


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Three training subjects and a test subject; a second domain of other people."""
    folder = tmp_path_factory.mktemp("experiments")
    small = {"frames": 12, "fps": 2.0}  # a few steps an epoch
    toy_store(folder / "main", subjects=("A", "B", "D", "C"), **small)
    toy_store(folder / "field", subjects=("E", "F", "G"), test=("G",), **small)
    return {"main": folder / "main", "field": folder / "field"}


@pytest.fixture(scope="module")
def failed(stores):
    """table1 and figure4, one seed, where a training fails: the error's message, and the names of
    the results written.
    """
    results, real = stores["main"].parent / "results", Queue.do

    def do(self, training_run, requested, progress):
        if training_run.name == "mcss-all":
            raise RuntimeError("out of memory")
        real(self, training_run, requested, progress)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError) as raised:
        patch.setattr(Queue, "do", do)
        run(["table1", "figure4"], stores, (0,), "small", None, results, progress=False)
    return str(raised.value), [path.name for path in results.glob("*.json")]


@pytest.fixture(scope="module")
def finished(stores, failed):
    """The same again, now that nothing fails: done once for this module."""
    results = stores["main"].parent / "results"
    return run(["figure4", "table1"], stores, (0,), "small", None, results, progress=False), results


def copied(stores, folder):
    """A queue that works in `folder`, where what `finished` trained as mcss-one is done."""
    queue = Queue(stores, "small", folder)
    done = Queue(stores, "small").run("mcss-one", 0)
    shutil.copytree(done.folder, queue.run("mcss-one", 0).folder)
    return queue


def figure6(store, runs, results):
    """The command line's arguments for figure6 on one store."""
    named = {"--store": store, "--schedule": "small", "--runs": runs, "--results": results}
    return ["figure6", *(str(part) for pair in named.items() for part in pair)]


def test_every_row_names_a_training_and_every_configuration_is_valid(stores):
    queue = Queue(stores)
    for experiment in EXPERIMENTS.values():
        for row in experiment.rows:
            assert row.training in TRAININGS and row.on in ("main", *ROLES)
    for name in TRAININGS:
        for schedule in ("paper", "small"):
            configuration(name, queue.stores["main"], schedule, 3)


def test_labels_are_counted_in_the_store_s_own_subjects(stores):
    store = Queue(stores).stores["main"]
    assert configuration("mcss-one", store, "paper", 0).label_subjects == ("A",)
    assert configuration("mcss-all", store, "paper", 0).label_subjects is None
    assert configuration("mcss-one-v12", store, "paper", 0).label_views == (0, 1)
    assert configuration("sensitivity twice the epochs", store, "paper", 0).epochs == 80
    assert store.splits["fit"].subjects == ["A", "B"]
    assert store.splits["validation"].subjects == ["D"]
    with pytest.raises(ValueError, match="takes labels of 3 subjects: .*field trains on 2"):
        configuration("mcss-three", Queue({"main": stores["field"]}).stores["main"], "paper", 0)


def test_views_are_counted_in_the_split_s_own(stores):
    store = Queue(stores).stores["main"]
    store.splits["train"] = store.splits["train"]._replace(views=[3, 1, 2, 0])
    assert configuration("mcss-one-v12", store, "paper", 0).label_views == (3, 1)
    all_views = configuration("mcss-one", store, "paper", 0)
    assert configuration("mcss-one-v1234", store, "paper", 0) == all_views
    store.splits["train"] = store.splits["train"]._replace(views=[0, 1, 2])
    with pytest.raises(ValueError, match="needs four views: .* trains on 3"):
        configuration("mcss-one-v123", store, "paper", 0)


def test_rows_share_trainings_and_a_start_comes_first(stores):
    runs = Queue(stores).runs(["table1", "table2", "table4", "figure4"], [0, 1])
    keys = [(run.name, run.seed) for run, _ in runs]
    assert len(keys) == len(set(keys)) == 2 * (4 + 2 + 1)
    assert keys.index(("mcss-one", 1)) < keys.index(("field-metric", 1))
    requested = {(run.name, run.seed): requested for run, requested in runs}
    assert requested["mcss-one", 0] == (
        ("field", "test", "running"),
        ("main", "test", "running"),
    )
    # V1234 is the training of table 1
    assert len(Queue(stores).runs(["table1", "table3"], [0])) == 4 + 4


def test_a_run_knows_its_folder_and_what_it_starts_from(stores):
    queue = Queue(stores)
    one, two = (queue.run("field-metric", seed) for seed in (0, 1))
    assert one.config.seed == 0 and two.config.seed == 1 and one.folder != two.folder
    assert one.store.path == stores["field"] and one.start.store.path == stores["main"]
    assert one.start.folder == queue.run("mcss-one", 0).folder != two.start.folder
    assert one.folder.parent == queue.folder and not one.done and str(one) == "field-metric, seed 0"


def test_a_result_carries_its_origin(finished):
    (figure, table), _ = finished
    result = read_result(table)
    assert table.name == "table1.toy.small.json" and result["seeds"] == [0]
    assert result["command"].startswith(
        "python -m mcss.experiments table1 --store STORE --seeds 0 --schedule small"
    )
    assert result["stores"]["main"]["recipe_hash"] and result["hardware"] and result["commit"]
    (row,) = [row for row in result["rows"] if row["training"] == "mcss-one"]
    assert row["config"]["label_subjects"] == ["A"] and row["trained"][0]["seconds"] > 0
    assert row["values"]["N-MPJPE"]["interval"] is None
    together = sum(row["trained"][0]["seconds"] for row in result["rows"])
    assert result["seconds"] == pytest.approx(together, abs=0.01)
    shown = read_result(figure)["rows"][0]["shown"]
    assert len(shown) == 2 and np.shape(shown[0]["predicted"]) == (16, 3)


def test_a_number_in_the_file_is_the_network_s(finished, stores):
    (_, table), _ = finished
    queue = Queue(stores, "small")
    p = predict(queue.run("baseline-one", 0).model(), queue.stores["main"])
    (stored,) = [r for r in read_result(table)["rows"] if r["training"] == "baseline-one"]
    assert stored["values"]["N-MPJPE"]["per_seed"] == [
        pytest.approx(n_mpjpe(p.poses, p.truth).mean().item(), abs=1e-3)
    ]


def test_what_is_done_is_skipped(finished, stores, monkeypatch):
    _, results = finished
    monkeypatch.setattr("mcss.experiments.runs.train", lambda *a: pytest.fail("trained again"))
    assert len(run(["table1"], stores, (0, 0), "small", None, results, progress=False)) == 1
    assert read_result(results / "table1.toy.small.json")["seeds"] == [0]  # a seed counts once


def test_two_workers_do_what_one_does(stores, tmp_path):
    """With one thread each, to the last bit: the number of threads changes the order of sums."""
    folders = tmp_path / "runs", tmp_path
    (written,) = run(["figure6"], stores, (0, 1), "small", *folders, workers=2, progress=False)
    queue, threads = Queue(stores, "small", tmp_path / "alone"), torch.get_num_threads()
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))
    try:
        queue.do(queue.run("mcss-one", 0), progress=False)
    finally:
        torch.set_num_threads(threads)
    one, two = (
        Queue(stores, "small", tmp_path / name).run("mcss-one", 0).model().state_dict()
        for name in ("alone", "runs")
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    values = read_result(written)["rows"][0]["values"]["same view"]
    assert len(values["per_seed"]) == 2 and values["per_seed"][0] != values["per_seed"][1]
    filled = [k for k, v in enumerate(values["mean"]) if v is not None]
    means, bands = values["mean"], values["interval"]
    assert filled and all(bands[k][0] <= means[k] <= bands[k][1] for k in filled)


def test_fine_tuning_starts_from_the_other_training(finished, stores, tmp_path):
    queue = Queue(stores, "small", tmp_path)
    first, second = queue.runs(["table4"], [0])
    with pytest.raises(ValueError, match="starts from mcss-one, which is not finished"):
        queue.do(*second, progress=False)
    queue = copied(stores, tmp_path)
    assert first[0].done and not queue.is_done(*first)  # it has not predicted the other domain
    queue.do(*first, progress=False)
    queue.do(*second, progress=False)
    assert queue.is_done(*first) and queue.is_done(*second)
    table = queue.result("table4", [0])
    assert [row["label"] for row in table["rows"]] == ["as is", "fine-tuned with L_cnstr"]
    assert set(table["stores"]) == {"main", "field"}
    field = queue.stores["field"]
    a, b = (run.evaluated(field, "test").pose_mean for run in (first[0], second[0]))
    assert torch.equal(a, b)  # H and its constants come along


def test_killed_it_goes_on(tmp_path):
    # long enough for a checkpoint on the way
    toy_store(tmp_path / "store", subjects=("A", "B", "D", "C"))
    arguments = figure6(tmp_path / "store", tmp_path / "runs", tmp_path / "results")
    command = [sys.executable, "-m", "mcss.experiments", *arguments]
    # a pipe that nobody reads fills up
    unread = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*command, "--workers", "2"], **unread)
    while process.poll() is None and not list(tmp_path.glob("runs/run-*/checkpoint.json")):
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert workers and not psutil.wait_procs(workers, timeout=5)[1]  # none trains on
    assert not list(tmp_path.glob("results/*"))
    assert not list(tmp_path.glob("runs/run-*/record.json"))
    again = subprocess.run(command, check=True, capture_output=True, text=True)
    # the bar begins where the checkpoint left off
    assert re.search(r"training:.*\b0/", again.stderr) is None
    (written,) = tmp_path.glob("results/*")
    assert read_result(written)["rows"][0]["training"] == "mcss-one"


def test_one_training_on_two_processes(stores, tmp_path):
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = figure6(stores["main"], tmp_path / "runs", tmp_path / "results")
    command = [sys.executable, *torchrun, "-m", "mcss.experiments", *arguments]
    for _ in range(2):  # the second time everything is done
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    (written,) = tmp_path.glob("results/*")
    assert read_result(written)["rows"][0]["trained"][0]["ranks"] == 2


def test_damaged_leftovers_are_named(finished, stores, tmp_path):
    queue = copied(stores, tmp_path)
    run = queue.run("mcss-one", 0)
    (predictions,) = run.folder.glob("predictions-*")
    predictions.write_bytes(predictions.read_bytes()[:100])
    with pytest.raises(
        ValueError, match="predictions-.* is damaged .*delete it and run the same command again"
    ):
        run.evaluated(queue.stores["main"], "test")
    (run.folder / "record.json").write_text("{")
    with pytest.raises(ValueError, match="record.json is damaged"):
        _ = run.record


@pytest.mark.parametrize(
    "names, change, message",
    [
        (["table9"], {}, "unknown experiment table9; there are table1"),
        (
            ["background"],
            {},
            "needs a store with another background .*--background replace.:"
            " add --also replaced=PATH",
        ),
        (
            ["table4"],
            {"field": None},
            "needs a store of another domain .*studio field PATH.: add --also field=PATH",
        ),
    ],
)
def test_bad_requests(stores, names, change, message):
    with pytest.raises(ValueError, match=message):
        Queue({role: path for role, path in (stores | change).items() if path}).check(names)


def test_a_store_without_labels(tmp_path):
    toy_store(tmp_path / "s", subjects=("A", "B", "C"), poses=False)
    with pytest.raises(ValueError, match="test subject C has no poses"):
        Queue({"main": tmp_path / "s"}).check(["table1"])


def test_a_store_without_a_protocol(tmp_path):
    texts = {"name": "x", "licence": "", "source": "", "recipe": {}}
    with StoreWriter(tmp_path, **texts, fps=10, image_size=32, views=list("abcd")) as writer:
        writer.add("A", "c", "Waving", toy_frames(0, 5, 32))
        writer.finish({})
    with pytest.raises(ValueError, match="has no split 'train'"):
        Queue({"main": tmp_path}).check(["table1"])


def test_a_store_of_another_kind(tmp_path, capsys):
    with pytest.raises(SystemExit, match="error: .* is not a store"):
        main(["table1", "--store", str(tmp_path)])


def test_two_queues_on_one_folder(stores):
    with (
        filelock.FileLock(stores["main"].parent / ".queue.lock"),
        pytest.raises(ValueError, match="another queue works on"),
    ):
        run(["table1"], stores, progress=False)


def test_one_failure_leaves_the_rest_done(failed):
    message, written = failed
    expected = "(?s)1 failed; everything else is done.*training mcss-all, seed 0: out of memory"
    assert re.search(expected, message)
    assert written == ["figure4.toy.small.json"]


def test_what_cannot_be_measured_does_not_stop_the_rest(finished, stores, tmp_path, monkeypatch):
    diverged = EXPERIMENTS["table1"]._replace(measure=lambda e: {"MPJPE": float("nan")})
    monkeypatch.setitem(EXPERIMENTS, "table1", diverged)
    message = "(?s)1 failed.*experiment table1: a result is NaN or infinite: the training diverged"
    with pytest.raises(RuntimeError, match=message):
        run(["table1", "figure4"], stores, (0,), "small", None, tmp_path, progress=False)
    assert [path.name for path in tmp_path.glob("*.json")] == ["figure4.toy.small.json"]


def test_a_killed_worker_is_named(stores, tmp_path, monkeypatch):
    def kill_a_worker():
        while not list(tmp_path.glob("runs/run-*")):
            time.sleep(0.05)
        for child in multiprocessing.active_children():
            child.kill()

    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    message = "(?s)2 failed.*a worker was killed, perhaps for want of memory"
    with pytest.raises(RuntimeError, match=message):
        folders = tmp_path / "runs", tmp_path
        run(["figure6"], stores, (0, 1), "small", *folders, workers=2, progress=False)
    killer.join()


def test_a_full_disk(stores, tmp_path):
    """A real file system of 8 MB: one clear error, and what is there stays whole."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("NOT CHECKED on a full disk: this process may not mount a small file system")
    try:
        with pytest.raises(SystemExit, match="error: the disk is full"):
            main(figure6(stores["main"], small, tmp_path))
        assert not list(small.glob("run-*/*.safetensors")) and not list(small.glob("run-*/.*.part"))
    finally:
        subprocess.run(["umount", small], check=True)


def test_another_version_s_result(tmp_path):
    file = tmp_path / "table1.toy.small.json"
    file.write_text(json.dumps({"format": "mcss-result", "version": 99}))
    message = (
        "table1.toy.small.json is not a result of this package .version 99.*"
        "run the experiment again"
    )
    with pytest.raises(ValueError, match=message):
        read_result(file)


def test_no_training_is_begun_that_would_not_end_in_time(stores, tmp_path, capsys, monkeypatch):
    """Three minutes, a training a minute and a half: one seed's two rows, and its result."""
    now = [0.0]
    for module in (clock, running):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("mcss.experiments.queue.Queue.do", takes(90, now))
    folders = tmp_path / "runs", tmp_path
    arguments = ["figure5"], stores, (0, 1), "small", *folders
    written = run(*arguments, minutes=3.4)
    assert [read_result(path)["seeds"] for path in written] == [[0]]
    assert "2 trainings would not end within 3.4 minutes" in capsys.readouterr().out
    (path,) = run(*arguments, minutes=3.4)  # the same command goes on
    assert read_result(path)["seeds"] == [0, 1]
    # one seed of two others is ready: a file that holds two stays
    assert run(["figure5"], stores, (2, 3), "small", *folders, minutes=3.4) == []
    assert read_result(path)["seeds"] == [0, 1]


def takes(seconds, now):
    """`Queue.do` that takes so long, by a clock of its own."""
    do = Queue.do

    def slow(*arguments, **named):
        do(*arguments, **named)
        now[0] += seconds

    return slow


def test_no_time_limit_where_ranks_would_wait_for_each_other(stores, monkeypatch):
    monkeypatch.setattr(running, "ranks", lambda: (0, 2))
    with pytest.raises(ValueError, match="leave minutes out"):
        run(["table1"], stores, minutes=5)
