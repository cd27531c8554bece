"""The synthetic studio: is the ground truth right, does the motion look like people, are the bytes
reproducible.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anny")
pytest.importorskip("warp")

import torch
from safetensors.torch import save_file

from data_scripts.studio import motion, people
from data_scripts.studio.actions import ACTIONS
from data_scripts.studio.body import COMPACT, GROUP, Body, anny_model, check_parsed, skin
from data_scripts.studio.ik import MAX_FLEXION
from data_scripts.studio.recipe import ALL_ACTIONS, PRESETS, preset
from data_scripts.studio.studio import Studio, render
from mcss.canonical import heading
from mcss.data import open_store
from mcss.skeleton import JOINTS, LEFT_HIP, root_relative

TINY = preset(
    "sample", train=("S1",), test=("S9",), actions=("Walking", "Sitting"), frames=12, test_frames=9
)


@pytest.fixture(scope="module")
def studio():
    return Studio(dataclasses.replace(TINY, background="remove"), workers=1)


@pytest.fixture(scope="module")
def body():
    return Body({"gender": 1.0, "age": 0.6})


def pixels(studio, clip, joints, frame, view):
    """Where joints `(J, 3)` in mm lie in a rendered crop."""
    x0, y0, size = clip["crops"][frame, view]
    camera = studio.scene(clip["subject"]).cameras[view]
    return (camera.project(joints / 1000.0) - [x0, y0]) * studio.recipe.image_size / size


def share_inside(studio, clip, joints, mask, reach=1):
    """Share of joints within `reach` pixels of the silhouettes `(n, V, S, S)`."""
    size = mask.shape[-1]
    near = torch.nn.functional.max_pool2d(mask.float(), 2 * reach + 1, 1, reach).numpy() > 64
    inside = []
    for frame in range(mask.shape[0]):
        for view in range(mask.shape[1]):
            col, row = (
                np.floor(pixels(studio, clip, joints[frame], frame, view))
                .astype(int)
                .clip(0, size - 1)
                .T
            )
            inside.append(near[frame, view, row, col])
    return np.mean(inside)


@pytest.mark.parametrize("subject, action", [("S1", "Walking"), ("S9", "Sitting")])
def test_joints_lie_in_the_silhouette(studio, subject, action):
    clip = studio.clip(subject, action, 0, 8)
    _, mask = studio.images(clip, 0, 8, mask=True)
    assert share_inside(studio, clip, clip["joints"], mask.clone()) == 1.0
    moved = clip["joints"] + np.float32([0, 0, 150])  # the test can tell 15 cm
    assert share_inside(studio, clip, moved, mask) < 0.95


def test_removed_background_is_black_outside_the_silhouette(studio):
    clip = studio.clip("S1", "Sitting", 0, 4)
    images, mask = studio.images(clip, 0, 4, mask=True)
    assert images.amax(2)[mask == 0].max() == 0  # the stool goes, too
    assert (mask > 0).float().mean() > 0.1


def test_all_cameras_agree(studio):
    clip = studio.clip("S1", "Walking", 0, 3)
    cameras = studio.scene("S1").cameras
    for joint in clip["joints"][1] / 1000.0:
        rows = []
        for camera in cameras:
            P = camera.K @ np.column_stack([camera.R, -camera.R @ camera.centre])
            u, v = camera.project(joint)
            rows += [u * P[2] - P[0], v * P[2] - P[1]]
        point = np.linalg.svd(np.array(rows))[2][-1]
        assert np.allclose(point[:3] / point[3], joint, atol=1e-6)
    lenses = {round(float(c.K[0, 0]), 3) for c in cameras}
    assert len(lenses) == len(cameras)  # they differ a little
    assert all(1.0 < c.centre[2] < 2.0 for c in cameras)


def test_left_is_left(body):
    """By the names of Anny's own bones, and by where they are: left of where the body looks."""
    bones = {
        "hip": "upperleg01",
        "knee": "lowerleg01",
        "ankle": "foot",
        "shoulder": "upperarm01",
        "elbow": "lowerarm01",
        "wrist": "wrist",
    }
    rest = np.stack([place for _, place in body.joints])

    def wrong(joints):
        return [
            f"{side} {part}"
            for side, letter in (("left", "L"), ("right", "R"))
            for part, bone in bones.items()
            if not np.allclose(
                joints[JOINTS.index(f"{side} {part}")], body.bone_heads[f"{bone}.{letter}"]
            )
        ]

    assert wrong(rest) == []
    assert len(wrong(rest * [-1, 1, 1])) == 12  # a mirrored body fails
    ahead = body.bone_heads["eye.L"] - body.bone_heads["head"]
    left = np.cross([0, 0, 1], ahead)
    assert left @ (rest[LEFT_HIP] - rest[0]) > 0


def test_skin_follows_its_own_side(body):
    for side, sign in (("L", 1), ("R", -1)):
        for limb in ("hand", "foot", "forearm", "shin"):
            assert (sign * body.vertices[skin()["part"] == GROUP[f"{limb}.{side}"], 0] > 0).all()


@pytest.fixture(scope="module")
def clips(body):
    return {
        action: motion.clip(body, action, np.random.default_rng([5, i]), 80, 10.0)
        for i, action in enumerate(ACTIONS)
    }


def test_there_are_the_fifteen_actions(clips):
    assert set(ACTIONS) == set(ALL_ACTIONS) and len(ALL_ACTIONS) == 15


def test_motion_is_smooth(body, clips):
    for action, (rotations, positions, _) in clips.items():
        joints = body.joints_world(rotations, positions)
        speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * 10
        assert speed.max() < 6.0, action  # metres a second; an ankle swings at 5 in a brisk walk
        assert speed[:, 0].max() < 2.0, action  # the pelvis
        assert speed.mean() > 0.02, action  # and nobody is a statue


def angle(a, b):
    return np.arccos(
        np.clip((a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1), -1, 1)
    )


def test_joint_limits(body, clips):
    for action, (rotations, positions, _) in clips.items():
        place = lambda name: positions[:, GROUP[name]]
        look = lambda name, axis: np.einsum(
            "tab,b->ta", rotations[:, GROUP[name]], np.array(axis, float)
        )
        for s in "LR":
            thigh, shin = (
                place(f"shin.{s}") - place(f"thigh.{s}"),
                place(f"foot.{s}") - place(f"shin.{s}"),
            )
            assert angle(thigh, shin).max() <= MAX_FLEXION["knee"] + 1e-6, action
            # a knee bends backwards: its axis points to the left of the thigh
            knee = np.cross(thigh, shin)
            bent = angle(thigh, shin) > 0.2
            assert ((knee * look(f"thigh.{s}", [1, 0, 0])).sum(-1)[bent] > 0).all(), action
            assert angle(
                look(f"thigh.{s}", [1, 0, 0]), look("pelvis", [1, 0, 0])
            ).max() < np.radians(85), action
            upper, fore = (
                place(f"forearm.{s}") - place(f"upperarm.{s}"),
                place(f"hand.{s}") - place(f"forearm.{s}"),
            )
            assert angle(upper, fore).max() <= MAX_FLEXION["elbow"] + 1e-6, action
        assert angle(look("head", [0, -1, 0]), look("chest", [0, -1, 0])).max() < np.radians(100), (
            action
        )
        assert angle(look("chest", [0, 0, 1]), look("pelvis", [0, 0, 1])).max() < np.radians(80), (
            action
        )


def lowest(body, rotations, positions):
    """Height in metres `(T,)` of the lowest vertex of the skinned body."""
    moves = body.transforms(rotations, positions)
    shared = skin()
    rest = np.concatenate([body.vertices, np.ones((len(body.vertices), 1))], 1)
    z = np.einsum("tvkb,vk,vb->tv", moves[:, shared["bones"], 2], shared["weights"], rest)
    return z.min(1)


def test_feet_on_the_ground(body, clips):
    for action, (rotations, positions, _) in clips.items():
        low = lowest(body, rotations, positions)
        assert low.min() > -0.03 and low.max() < 0.03, (action, low.min(), low.max())


def test_planted_feet_do_not_slide(body, clips):
    rotations, positions, _ = clips["Walking"]
    heights = np.stack([positions[:, GROUP[f"foot.{s}"], 2] for s in "LR"], 1)
    moved = np.linalg.norm(
        np.diff(np.stack([positions[:, GROUP[f"foot.{s}"], :2] for s in "LR"], 1), axis=0), axis=-1
    )
    assert moved.max() > 0.2  # they walk
    assert np.median(moved.min(1)) < 0.02  # and at most instants one foot stands where it stood
    assert heights.max() > heights.min() + 0.05


def test_every_heading_occurs_in_every_subject():
    recipe = preset("sample")
    studio = Studio(recipe, workers=1)
    for subject in recipe.train:
        headings = [
            heading(root_relative(torch.from_numpy(studio.clip(s, a, k, n)["joints"]).double()))
            for s, a, k, n in recipe.jobs()
            if s == subject
        ]
        turns = torch.cat(headings).numpy() % (2 * np.pi)
        assert (np.histogram(turns, 12, (0, 2 * np.pi))[0] > 0).all(), subject


def test_subjects_differ_in_the_same_pose():
    recipe = dataclasses.replace(TINY, train=("S1", "S5"), test=("S9",), background="remove")
    studio = Studio(recipe, workers=1)
    clip = studio.clip("S1", "Walking", 0, 2)
    one = studio.images(clip, 0, 1).clone().int()
    other = studio.images({**clip, "subject": "S9"}, 0, 1).clone().int()
    assert (one - other).abs().amax(2)[one.amax(2) > 0].float().mean() > 10
    outfits = [people.draw_subject(np.random.default_rng(0), number)[1] for number in range(7)]
    assert len({(o.skin, o.top[0], o.bottom[0]) for o in outfits}) == 7


def test_studio_is_shared_and_casts_shadows():
    recipe = dataclasses.replace(TINY, frames=2, test_frames=2)
    studio = Studio(recipe, workers=1)
    assert studio.scene("S1") is studio.scene("S9")
    clip = studio.clip("S1", "Walking", 0, 2)
    wide = {**clip, "crops": np.broadcast_to(np.float32([100, 100, 800]), clip["crops"].shape)}
    seen, mask = (x.clone() for x in studio.images(wide, 0, 1, mask=True))
    away = {
        **wide,
        "moves": wide["moves"] + np.float32([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, -50]]),
    }  # under the floor
    empty = studio.images(away, 0, 1).clone()
    darker = (empty.int() - seen.int()).amin(2) > 12
    assert (darker & (mask == 0)).sum() > 40  # a shadow on the floor, outside the person
    other = studio.images({**away, "subject": "S9"}, 0, 1)
    assert torch.equal(empty, other)  # the same room for another subject


def test_background_is_replaced():
    studio = Studio(dataclasses.replace(TINY, background="replace"), workers=1)
    clip = studio.clip("S1", "Walking", 0, 2)
    one, mask = (x.clone() for x in studio.images(clip, 0, 1, mask=True))
    two = studio.images({**clip, "seeds": clip["seeds"] + 1}, 0, 1)
    same = (one == two).all(2)
    assert same[mask == 255].all() and same[mask == 0].float().mean() < 0.1


def files(path):
    return {str(f.relative_to(path)): f.read_bytes() for f in sorted(path.glob("*/*.arrow"))}


def test_same_recipe_same_bytes_and_resume(tmp_path, monkeypatch):
    render(TINY, tmp_path / "whole", device="cpu", progress=False)
    whole = files(tmp_path / "whole")
    assert len(whole) == 4
    store = open_store(tmp_path / "whole")
    assert store.subjects == ["S1", "S9"] and store.poses("S1").shape == (24, 17, 3)

    path = tmp_path / "cut"
    encoded = Studio._encoded
    calls = []

    def fail_late(self, *args):
        calls.append(args)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return encoded(self, *args)

    monkeypatch.setattr(Studio, "_encoded", fail_late)
    with pytest.raises(KeyboardInterrupt):
        render(TINY, path, device="cpu", progress=False)
    assert 0 < len(files(path)) < 4
    monkeypatch.setattr(Studio, "_encoded", encoded)
    render(TINY, path, device="cpu", progress=False)
    assert files(path) == whole
    assert (path / "dataset.json").read_bytes() == (
        tmp_path / "whole" / "dataset.json"
    ).read_bytes()

    broken = sorted(path.glob("*/*.arrow"))[1]
    data = bytearray(broken.read_bytes())
    data[len(data) // 2] ^= 255
    broken.write_bytes(data)
    made = []
    monkeypatch.setattr(
        Studio,
        "_encoded",
        lambda self, clip, *rest: made.append(clip["subject"]) or encoded(self, clip, *rest),
    )
    render(TINY, path, device="cpu", progress=False)
    assert files(path) == whole and 0 < len(made) <= 2  # one clip of two launches


def test_recipes(tmp_path):
    for name, recipe in PRESETS.items():
        assert recipe.name == name and len(recipe.digest()) == 12
    assert preset("sample").instants() * 4 == 8640
    assert preset("bench").instants() >= 15000 and preset("paper").instants() * 4 >= 300000
    assert (
        len({r.digest() for r in PRESETS.values()} | {preset("sample", seed=1).digest()})
        == len(PRESETS) + 1
    )
    for bad in (dict(background="green"), dict(actions=("Flying",)), dict(frames=0)):
        with pytest.raises(ValueError):
            preset("sample", **bad)
    with pytest.raises(ValueError):
        preset("huge")


#: Of each preset as first published; the fields that recipes got later must not change them.
DIGESTS = {
    "sample": "672b97c2b776",
    "sample-field": "85a65f63b515",
    "bench": "c4192cf9755b",
    "paper": "6cc12f9aad58",
    "field": "ca96e208e0b0",
    "cmu": "8e503088bf4e",
}


def test_published_recipes_keep_their_digest():
    assert {name: preset(name).digest() for name in DIGESTS} == DIGESTS
    assert preset("bench", every=2).digest() != DIGESTS["bench"]
    assert preset("bench", only=("S9",)).digest() != DIGESTS["bench"]


def test_field_is_another_place():
    recipe = preset("field", image_size=32, frames=2, test_frames=2)
    studio = Studio(recipe, workers=1)
    inside, outside = (studio.scene(s) for s in ("F1", "F2"))
    assert inside is not outside and len(inside.cameras) == len(outside.cameras) == 5
    for subject in ("F1", "F2"):
        clip = studio.clip(subject, "WalkDog", 0, 2)
        images, mask = studio.images(clip, 0, 2, mask=True)
        assert images.shape == (2, 5, 3, 32, 32) and 0.03 < (mask > 0).float().mean() < 0.6


def test_anny_is_what_is_drawn(body):
    """The coarser mesh keeps Anny's own vertices, and at rest skinning leaves every one where Anny
    put it.
    """
    assert len(skin()["keep"]) < len(anny_model().template_vertices)
    assert body.vertices[:, 2].min() == pytest.approx(0, abs=0.004)
    rotations = np.broadcast_to(np.eye(3), (1, len(body.heads), 3, 3))
    moves = body.transforms(rotations, body.heads[None])
    assert np.allclose(moves[0], np.eye(3, 4)[None], atol=1e-6)


def test_two_processes_render_once_and_share(tmp_path):
    """Two chapters that start together: one renders, the other waits, both get the same whole
    store; stdout stays empty.
    """
    script = f"""
import sys
from data_scripts.studio.once import preset_store
from data_scripts.studio.recipe import preset
recipe = preset("sample", train=("S1",), test=("S9",), actions=("Walking",), frames=6,
                test_frames=6)
path = preset_store(recipe, {str(tmp_path)!r}, progress=False)
from mcss.data import open_store
open_store(path).verify()
print(path, file=sys.stderr)
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    results = [process.communicate() for process in processes]
    assert all(process.returncode == 0 for process in processes), results
    assert sum("once for all chapters" in err for _, err in results) == 1
    assert [out for out, _ in results] == ["", ""]
    assert len({err.strip().splitlines()[-1] for _, err in results}) == 1


@pytest.fixture
def parsed(tmp_path):
    """A folder as Anny's cache, with one small compact file, and that file."""
    path = tmp_path / "v14" / f"{COMPACT}0.safetensors"
    path.parent.mkdir()
    save_file({"vertices": torch.arange(1000.0)}, path)
    return tmp_path, path


def test_only_the_compact_body_model_stays(parsed):
    folder, path = parsed
    full, interrupted = path.with_name("build_model_data_0.safetensors"), path.with_name(".tmpAb")
    shutil.copy(path, full)
    shutil.copy(path, interrupted)
    (folder / "noncommercial").mkdir()
    (folder / "noncommercial" / "anny2smplx.pth").touch()  # another's, and not to be made again
    assert check_parsed(folder) and path.exists()
    assert not full.exists() and not interrupted.exists()
    assert (folder / "noncommercial" / "anny2smplx.pth").exists()
    assert not check_parsed(folder / "empty")


@pytest.mark.parametrize("damage", ["cut off", "empty", "a bit", "no header"])
def test_a_damaged_body_model_is_noticed(parsed, capsys, damage):
    folder, path = parsed
    assert check_parsed(folder) and not capsys.readouterr().err
    data = bytearray(path.read_bytes())
    data[-7] ^= damage == "a bit"
    data[:8] = bytes(8) if damage == "no header" else data[:8]
    path.write_bytes(data[: {"cut off": len(data) // 2, "empty": 0}.get(damage)])
    assert not check_parsed(folder) and not path.exists()
    assert "is damaged: parsing the body model again" in capsys.readouterr().err
    save_file({"vertices": torch.ones(3)}, path)  # parsed again, and other than what was there
    assert check_parsed(folder)


def test_the_real_body_model_takes_at_most_60_mb():
    anny_model()
    parsed = [f for f in Path(os.environ["ANNY_CACHE_DIR"]).rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in parsed if f.parent.name.startswith("v")) < 60e6


@pytest.mark.parametrize(
    "arguments", [["-m", "data_scripts.studio", "--help"], ["-c", "import data_scripts.studio"]]
)
def test_recipes_need_neither_body_nor_ray_caster(tmp_path, arguments):
    """Help and recipes work where Anny and Warp are not installed, and take no time to import."""
    for name in ("anny", "warp"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.getcwd()])}
    subprocess.run(
        [sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL
    )
