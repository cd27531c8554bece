import pytest
from toy_cameras import with_cameras

from mcss.experiments import EXPERIMENTS
from mcss.experiments.queue import Queue
from mcss.experiments.rivals import ROWS, STAGED, PointsInCamera, both_frames
from mcss.experiments.trainings import TRAININGS
from mcss.rivals import RIVALS


def test_every_rival_has_its_rows():
    """Each with labels of one and of all, from one network where it learns without them first."""
    for name, amount in (("rivals", "one"), ("rivals_all", "all")):
        trainings = {row.training for row in EXPERIMENTS[name].rows}
        assert trainings == {f"{rival}-{amount}" for rival in ROWS} and ROWS.keys() > RIVALS.keys()
    for rival in ROWS:
        one, every = TRAININGS[f"{rival}-one"], TRAININGS[f"{rival}-all"]
        assert one.rival == every.rival == rival and one.start == every.start
        assert one.start == (rival if rival in STAGED else None)


@pytest.mark.slow
def test_a_rival_is_trained_predicted_and_measured_by_the_queue(tmp_path):
    """As any training: in a folder of its own, once, with a record; read back in its own frame."""
    with_cameras(tmp_path / "main", subjects=("A", "B", "C"), frames=12, fps=2.0)
    queue = Queue({"main": tmp_path / "main"}, "small")
    run, mcss = queue.run("novel_view-one", 0), queue.run("mcss-one", 0)
    requested = (("main", "test"),)
    assert run.folder != mcss.folder != queue.run("novel_view-all", 0).folder
    assert run.config.settings["width"] == 32 and run.config.label_subjects == ("A",)
    assert run.start.folder == queue.run("novel_view-all", 0).start.folder
    with pytest.raises(ValueError, match="starts from novel_view, which is not finished"):
        queue.do(run, requested, progress=False)
    queue.do(run.start, progress=False)
    queue.do(run, requested, progress=False)
    assert queue.is_done(run, requested) and run.record["training"] == "novel_view-one"
    assert run.record["steps"] == 3 * 2  # epochs, batches
    evaluated = run.evaluated(queue.stores["main"], "test")
    assert isinstance(evaluated, PointsInCamera)
    values = both_frames(evaluated)
    assert values["PA-MPJPE"] > 0 and values["canonical MPJPE"] != values["MPJPE"]
    assert values["same M@10, cameras known"] > 0
