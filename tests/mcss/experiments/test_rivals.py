import pytest
from toy_cameras import with_cameras

from mcss.experiments import EXPERIMENTS
from mcss.experiments.queue import Queue
from mcss.experiments.rivals import ROWS, PointsInCamera, both_frames
from mcss.experiments.trainings import TRAININGS
from mcss.rivals import RIVALS


def test_every_rival_has_its_rows():
    """Each with labels of all and of one, beside MCSS and the Baseline."""
    trainings = {row.training for row in EXPERIMENTS["rivals"].rows}
    for amount in ("all", "one"):
        assert {f"{name}-{amount}" for name in (*RIVALS, "mcss", "baseline")} <= trainings
    assert {"seeing-one", "improved-one"} <= trainings
    assert all(TRAININGS[f"{name}-one"].rival == name for name in ROWS)


@pytest.mark.slow
def test_a_rival_is_trained_predicted_and_measured_by_the_queue(tmp_path):
    """As any training: in a folder of its own, once, with a record; read back in its own frame."""
    with_cameras(tmp_path / "main", subjects=("A", "B", "C"), frames=12, fps=2.0)
    queue = Queue({"main": tmp_path / "main"}, "small")
    run, mcss = queue.run("novel_view-one", 0), queue.run("mcss-one", 0)
    requested = (("main", "test"),)
    assert run.folder != mcss.folder != queue.run("novel_view-all", 0).folder
    assert run.config.settings["width"] == 32 and run.config.label_subjects == ("A",)
    queue.do(run, requested, progress=False)
    assert queue.is_done(run, requested) and run.record["training"] == "novel_view-one"
    assert run.record["steps"] == 2 * 3 * 2  # pairs, then labels; epochs; batches
    evaluated = run.evaluated(queue.stores["main"], "test")
    assert isinstance(evaluated, PointsInCamera)
    values = both_frames(evaluated)
    assert values["PA-MPJPE"] > 0 and values["canonical MPJPE"] != values["MPJPE"]
    assert values["same M@10, cameras known"] > 0
