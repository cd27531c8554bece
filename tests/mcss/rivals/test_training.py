import dataclasses

import numpy as np
import pytest
import torch
from toy_cameras import with_cameras

from mcss.configuration import IMPROVED
from mcss.data import Split
from mcss.experiments.measures import Evaluated
from mcss.experiments.rivals import InCamera, PointsInCamera, both_frames, settings_of
from mcss.feeding import Feeder
from mcss.metrics import pa_mpjpe
from mcss.rivals import RIVALS
from mcss.rivals.cameras import rotate
from mcss.rivals.evaluation import in_canonical, in_world, predict, rotations_of, truth_in
from mcss.rivals.feeding import CameraLabels, RivalFeeder
from mcss.rivals.training import (
    RivalConfig,
    batches,
    check_given,
    load_rival,
    new_rival,
    train_rival,
)
from mcss.targets import truth_of
from mcss.training import TrainingConfig, index_batches

CONFIG = TrainingConfig(pairs=8, labelled=6, epochs=1, lr_drop_epoch=1, checkpoint_every=4)
SMALL = {
    "novel_view": {"points": 8, "width": 8, "hidden": 16},
    "view_consistency": {},
    "skeleton_maps": {"points": 8, "width": 8},
    "synchronisation": {"shift": [0.15, 0.65]},
}
EACH = pytest.mark.parametrize("rival", RIVALS)


def config_of(rival, pretext=True, pose=True, **changes):
    config = dataclasses.replace(CONFIG, metric_loss=pretext, pose_loss=pose)
    return RivalConfig.like(config, rival, **{**SMALL[rival], **changes})


@pytest.fixture(scope="module")
def trained(seen, tmp_path_factory):
    """Each rival, trained for a few steps, and the folder of its checkpoint."""
    folder = tmp_path_factory.mktemp("trained")
    return {
        rival: (train_rival(seen, config_of(rival), folder / rival, progress=False), folder / rival)
        for rival in RIVALS
    }


@EACH
def test_a_rival_sees_the_pictures_of_mcss(seen, rival):
    """The same pairs in the same order, and the same labelled pictures. Only the partners of
    `synchronisation` are of another moment where it shifts them, and skeletons are no pictures.
    """
    settings = {"sees": "picture"} if rival == "skeleton_maps" else {}
    config = config_of(rival, **settings)
    pairs, labelled = batches(seen, config)
    model = new_rival(seen, config, labelled)
    feeder = RivalFeeder(seen, model, pairs, labelled, config)
    mcss = Feeder(seen, *index_batches(seen, CONFIG))
    later = feeder.each if model.staged else 0
    assert feeder.steps == CONFIG.epochs * len(pairs) * (2 if model.staged else 1)
    for step in (0, feeder.each - 1):
        of_mcss = mcss.batch(step).images
        pictures, given, _ = feeder.batch(step)
        of_labels, _, targets = feeder.batch(step + later)
        m = 2 * mcss.batch(step).pairs
        assert len(targets) == CONFIG.labelled
        assert torch.equal(of_labels[-CONFIG.labelled :], of_mcss[m:])
        same = (pictures[:m] == of_mcss[:m]).flatten(1).all(1)
        if rival == "synchronisation":
            same |= torch.cat([torch.zeros(m // 2).bool(), given["kinds"] == 1])
        assert same.all()


@EACH
def test_a_rival_trains_and_its_checkpoint_is_its_network(seen, trained, rival):
    (model, history), folder = trained[rival]
    steps = len(history["pose_loss"])
    assert not model.training and np.isfinite(history["pretext_loss"]).all()
    pose = history["pose_loss"][steps // 2 :]
    assert min(pose) > 0 and (sum(history["pose_loss"][: steps // 2]) == 0) == model.staged
    assert history["images"] == CONFIG.epochs * history["steps_per_epoch"] * (2 * 8 + 6)
    loaded = load_rival(folder)
    images = model.inputs(seen, "C", np.arange(4), [0, 1, 2, 3])
    with torch.no_grad():
        assert torch.allclose(model(images).pose, loaded(images).pose, atol=0.1)


@EACH
def test_an_interrupted_training_goes_on_to_the_same_weights(seen, trained, tmp_path, rival):
    class Stop(Exception):
        pass

    def stop(step, model):
        if step == 8:
            raise Stop

    (whole, history), _ = trained[rival]
    for watch, ends in ((stop, Stop), (None, None)):
        if ends:
            with pytest.raises(ends):
                train_rival(seen, config_of(rival), tmp_path, progress=False, watch=watch)
        else:
            again = train_rival(seen, config_of(rival), tmp_path, progress=False)
    assert again.history["pretext_loss"] == history["pretext_loss"]
    state = again.model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in whole.state_dict().items())


@pytest.mark.parametrize("rival", ["novel_view", "skeleton_maps", "synchronisation"])
def test_what_is_frozen_stays_while_the_pose_is_learned(seen, rival):
    """Weights and BatchNorm's statistics, from the first step of the second stage on."""
    kept = {}

    def watch(step, model):
        kept[step] = {k: v.clone() for k, v in model.state_dict().items()}

    model, history = train_rival(seen, config_of(rival), progress=False, watch=watch)
    half, end = len(history["pose_loss"]) // 2, len(history["pose_loss"])
    for name, before in kept[half].items():
        frozen = name.startswith(tuple(f"{part}." for part in model.frozen))
        changed = not torch.equal(before, kept[end][name])
        learns = name.startswith(("H.", "F.0.layer4", "G."))
        assert not (frozen and changed), name
        if learns and not frozen and "num_batches" not in name:
            assert changed, name


@pytest.mark.parametrize("rival", ["novel_view", "skeleton_maps", "synchronisation"])
def test_what_is_learned_without_labels_is_learned_once(seen, trained, rival):
    """The first stage alone leads to what is frozen in both; the second alone goes on from it."""
    (both, _), _ = trained[rival]
    first, of_first = train_rival(seen, config_of(rival, pose=False), progress=False)
    second = config_of(rival, pretext=False)
    second, of_second = train_rival(seen, second, progress=False, start=first)
    assert of_first["pose_loss"] and not any(of_first["pose_loss"])
    assert len(of_second["pose_loss"]) == len(of_first["pose_loss"])
    assert all(of_second["pose_loss"]) and not any(of_second["pretext_loss"])
    assert of_first["images"] + of_second["images"] == trained[rival][0].history["images"]
    for part in both.frozen:
        states = (m.get_submodule(part).state_dict() for m in (both, first, second))
        for values in zip(*(state.values() for state in states)):
            assert torch.equal(values[0], values[1]) and torch.equal(values[0], values[2]), part
    assert not torch.equal(first.state_dict()["pose_mean"], second.state_dict()["pose_mean"])


def test_labels_in_the_cameras_frame(seen):
    labelled = CameraLabels(seen, "train", ("A",), None, 1.0, 6, 0)
    batch = labelled.batch(3)
    truth = truth_in(seen, "A", batch.frames, batch.views)
    assert torch.allclose(labelled.targets(3) * labelled.std + labelled.mean, truth, atol=0.01)
    world = truth_of(seen, "A", batch.frames, "global")
    assert not torch.allclose(truth, world, atol=50)


@EACH
def test_predictions_in_the_cameras_frame_and_in_that_of_mcss(seen, trained, rival):
    """Truth turned to the canonical frame is that of MCSS, whichever camera saw it; PA-MPJPE is
    blind to the frame."""
    (model, _), _ = trained[rival]
    p = predict(model, seen, "test")
    assert len(p.views) == 160 and p.poses.dtype == p.truth.dtype == torch.float32
    canonical = in_canonical(p, seen)
    expected = truth_of(seen, "C", p.frames)
    assert torch.allclose(canonical.truth, expected, atol=0.05)
    in_camera, in_own = pa_mpjpe(p.poses, p.truth), pa_mpjpe(canonical.poses, canonical.truth)
    assert torch.allclose(in_camera, in_own, atol=0.1)
    kind = PointsInCamera if model.points else InCamera
    values = both_frames(kind(p, model.pose_mean, {}, seen, 0))
    assert values["canonical MPJPE"] != pytest.approx(values["MPJPE"], rel=1e-3)
    assert (values["same M@10, cameras known"] is None) != model.points
    plain = both_frames(Evaluated(canonical, model.pose_mean, {}, seen, 0))
    assert plain["canonical MPJPE"] == plain["MPJPE"]


def test_points_that_are_the_pose_are_one_in_the_world(seen, trained):
    """An embedding of true joints is as many as there are cameras, and one once it is turned."""
    (model, _), _ = trained["novel_view"]
    p = predict(model, seen, Split(["C"], [0, 1, 2, 3], {"C": np.arange(5)}))
    p = p._replace(embeddings=p.truth.flatten(1))
    turned = in_world(p, seen).embeddings.unflatten(0, (5, 4))
    assert turned.std(1).max() < 0.1 and p.embeddings.unflatten(0, (5, 4)).std(1).max() > 50
    assert torch.allclose(
        rotate(p.truth, rotations_of(p, seen).mT).flatten(1), turned.flatten(0, 1)
    )


@pytest.mark.parametrize("rival", ["novel_view", "view_consistency", "skeleton_maps"])
def test_without_a_calibration(store, rival):
    with pytest.raises(ValueError, match="a calibration.*Without it work: .*Synchronisation") as e:
        train_rival(store, config_of(rival), progress=False)
    without = str(e.value).split("Without it work: ")[1]
    assert "MCSS" in without and RIVALS[rival].title not in without


def test_synchronisation_without_a_calibration(store):
    with pytest.raises(ValueError, match="target='canonical'"):
        check_given(store, config_of("synchronisation"))
    check_given(store, config_of("synchronisation", target="canonical"))


def test_without_a_background(seen, monkeypatch):
    """Nobody knows what part of the camera's image the pictures show."""
    monkeypatch.setattr(seen, "crops", lambda s: np.full((40, 4, 3), np.nan))
    with pytest.raises(ValueError, match="estimate the empty room.*View consistency.*MCSS"):
        check_given(seen, config_of("novel_view"))


@EACH
def test_without_a_second_view(tmp_path, rival):
    store = with_cameras(tmp_path / "one", views=1)
    with pytest.raises(ValueError, match="two views of one instant.*work: the Baseline$"):
        check_given(store, config_of(rival))


def test_a_rival_that_there_is_not():
    with pytest.raises(ValueError, match="rival must be one of novel_view, "):
        RivalConfig.like(CONFIG, "guessing")


def test_settings_that_a_rival_would_not_heed():
    with pytest.raises(ValueError, match="heed same_subject, negatives, .*cosine"):
        RivalConfig.like(IMPROVED, "novel_view", target="canonical")


def test_smaller_schedules_have_smaller_decoders():
    assert settings_of("novel_view", "small")[1]["width"] < 128
    assert settings_of("novel_view", "bench") == ("novel_view", {})
    rival, settings = settings_of("camera", "small")
    assert rival == "view_consistency" and settings["agreement"] == 0
