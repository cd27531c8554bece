"""Small folders in the official formats of Human3.6M and MPI-INF-3DHP, filled with `scenes.film()`,
and checks of the stores made from them. Written from the formats' descriptions alone, without a
look at the converters.

The writers take `Recording`s whose subject and action bear the official names: 'S1' and 'Directions
1', 'S1' and 'Seq1'.
"""

import dataclasses
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import time
import zipfile

import av
import cdflib
import filelock
import h5py
import numpy as np
import pytest
import scipy.io
import scipy.ndimage
from PIL import Image

from mcss.data import open_store
from mcss.experiments.results import read_result
from mcss.experiments.running import run
from mcss.experiments.trainings import SCHEDULES
from mcss.skeleton import JOINTS

SERIALS = ("54138969", "55011271", "58860488", "60457274")
CHEST = (0, 2, 4, 7, 8)  # the cameras of MPI-INF-3DHP at the height of the chest
TURN = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)  # MPI-INF-3DHP's Y up -> Z up


def narrow(recording, action):
    """Eight columns less, so that frames are not square; action: the official name."""
    less = np.array([[0, 0, 8.0], [0, 0, 0], [0, 0, 0]])
    cameras = [c._replace(K=c.K - less, size=(c.size[0] - 8, c.size[1])) for c in recording.cameras]
    return recording._replace(
        action=action,
        frames=recording.frames[..., 8:, :],
        masks=recording.masks[..., 8:],
        cameras=cameras,
    )


def cut(file):
    """Half a file."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def write_video(path, frames, rate, codec="libx264", **options):
    """frames: (T, H, W, 3) RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        quality = {"crf": "8"} if codec == "libx264" else {"qmin": "1", "qmax": "1"}
        stream = file.add_stream(codec, rate=rate, options={"g": "10"} | quality | options)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        if codec != "libx264":
            stream.bit_rate = 20_000_000
        for frame in frames:
            file.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                )
            )
        file.mux(stream.encode())


def spoil_frame(file, number):
    """Overwrites one frame in a video whose frames do not depend on each other (option g="1")."""
    with av.open(str(file)) as video:
        packet = [packet for packet in video.demux(video=0) if packet.size][number]
        place, size = packet.pos, packet.size
    with open(file, "r+b") as raw:
        raw.seek(place)
        raw.write(bytes(size))


def prolonged(recording, frames, every=1):
    """The scene over and over; every: only each so manyth pixel, and of those an even number in
    width.
    """
    t = np.arange(frames) % len(recording.frames)
    width = recording.frames.shape[3] // every // 2 * 2
    small, masks = (
        part[:, :, ::every, ::every][t, :, :, :width]
        for part in (recording.frames, recording.masks)
    )
    scale = np.diag([1 / every, 1 / every, 1])
    cameras = [c._replace(K=scale @ c.K, size=(width, small.shape[2])) for c in recording.cameras]
    return recording._replace(
        joints=recording.joints[t], frames=small, masks=masks, cameras=cameras
    )


# Human3.6M

HUMAN36M = (
    0,
    1,
    2,
    3,
    6,
    7,
    8,
    12,
    13,
    14,
    15,
    17,
    18,
    19,
    25,
    26,
    27,
)  # of the 32 joints, those in JOINTS


def human36m_pose(joints):
    """(T, 17, 3) -> (T, 96): the other 15 joints lie near their parents, but never where one of the
    17 lies.
    """
    pose = np.repeat(joints[:, :1] + [70.0, -90.0, 110.0], 32, 1)
    pose += np.arange(32)[:, None] * 5
    pose[:, HUMAN36M] = joints
    return pose.reshape(len(pose), 96)


def write_cdf(path, pose, variable="Pose"):
    path.parent.mkdir(parents=True, exist_ok=True)
    pose = np.asarray(pose, np.float32)[None]
    file = cdflib.cdfwrite.CDF(str(path), cdf_spec={"Majority": "row_major"}, delete=True)
    spec = {
        "Variable": variable,
        "Data_Type": 44,
        "Num_Elements": 1,
        "Rec_Vary": True,
        "Dim_Sizes": list(pose.shape[1:]),
    }
    file.write_var(spec, var_data=pose)
    file.close()


def box_of(mask):
    """x0, y0, x1, y1 of the box that the fixtures give a person: a little more than the mask,
    unevenly; or None.
    """
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return (
        max(cols[0] - 3, 0),
        max(rows[0] - 1, 0),
        min(cols[-1] + 2, mask.shape[1]),
        min(rows[-1] + 2, mask.shape[0]),
    )


def write_boxes(path, masks):
    """MATLAB v7.3: a cell array of references; MATLAB counts columns first, so each mask lies there
    transposed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        cells = file.create_dataset("Masks", (len(masks), 1), h5py.ref_dtype)
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
        for t, mask in enumerate(masks):
            filled, box = np.zeros(mask.shape, np.uint8), box_of(mask)
            if box:
                filled[box[1] : box[3], box[0] : box[2]] = 1
            cell = file.create_dataset(f"#refs#/{t}", data=filled.T, compression="gzip")
            cell.attrs["MATLAB_class"], cell.attrs["MATLAB_int_decode"] = (
                np.bytes_("logical"),
                np.int32(1),
            )
            cells[t, 0] = cell.ref
    with open(path, "r+b") as file:
        file.write(
            b"MATLAB 7.3 MAT-file, Platform: GLNXA64 HDF5 schema 1.00 .".ljust(116)
            + bytes(8)
            + b"\x00\x02IM"
        )


def write_metadata(path, recordings, distortion=(0, 0, 0, 0, 0)):
    """One camera c of subject s sits at 6 (11 c + s - 1); unknown places hold numbers that fit
    nothing.

    distortion: k1, k2, k3, p1, p2, as the file orders them. The lenses are those of the first
    recording's cameras.
    """
    numbers = np.tile([0.1, 0.2, 0.3, 9e3, 9e3, 9e3], 44).tolist()
    for recording in recordings:
        for c, camera in enumerate(recording.cameras):
            R, start = camera.R, 6 * (11 * c + int(recording.subject[1:]) - 1)
            angles = [
                np.arctan2(-R[1, 2], R[2, 2]),
                np.arcsin(R[0, 2]),
                np.arctan2(-R[0, 1], R[0, 0]),
            ]  # of Rx Ry Rz
            numbers[start : start + 6] = [*angles, *(-R.T @ camera.t)]
    for camera in recordings[0].cameras:
        numbers += [camera.K[0, 0], camera.K[1, 1], camera.K[0, 2], camera.K[1, 2], *distortion]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = " ".join(f"{n:.10g}" for n in numbers)
    path.write_text(
        "<?xml"
        f' version="1.0"?>\n<metadata><mapping><tr><td>S1</td></tr></mapping>\n<w0>[{text}]</w0></metadata>\n'
    )


def write_human36m(folder, recordings, metadata="metadata.xml"):
    """metadata: where metadata.xml goes, or None."""
    for r in recordings:
        features = folder / r.subject / "MyPoseFeatures"
        write_cdf(features / "D3_Positions" / f"{r.action}.cdf", human36m_pose(r.joints))
        for v, serial in enumerate(SERIALS):
            write_cdf(
                features / "D3_Positions_mono" / f"{r.action}.{serial}.cdf",
                human36m_pose(r.joints) + 500,
            )
            write_video(
                folder / r.subject / "Videos" / f"{r.action}.{serial}.mp4", r.frames[:, v], 50
            )
            write_boxes(
                folder
                / r.subject
                / "MySegmentsMat"
                / "ground_truth_bb"
                / f"{r.action}.{serial}.mat",
                r.masks[:, v],
            )
        (folder / r.subject / "Videos" / "_ALL 1.54138969.mp4").write_bytes(
            b"nobody wants this one"
        )
    if metadata:
        write_metadata(folder / metadata, recordings)
    return folder


def pack_human36m(folder, subject):
    """Puts a subject's files into the three official archives. Returns their paths."""
    made = []
    for name, part in (
        ("Poses_D3_Positions", "MyPoseFeatures/D3_Positions"),
        ("Videos", "Videos"),
        ("Segments_mat_gt_bb", "MySegmentsMat/ground_truth_bb"),
    ):
        made.append(folder / f"{name}_{subject}.tgz")
        with tarfile.open(made[-1], "w:gz", compresslevel=1) as archive:
            archive.add(folder / subject / part, f"{subject}/{part}")
    shutil.rmtree(folder / subject)
    return made


def evil_tar(archive, kind, outside):
    """Replaces an archive by one that would write into the folder `outside`, two above its own
    unpacked files.
    """

    def member(name, **more):
        info = tarfile.TarInfo(name)
        for key, value in more.items():
            setattr(info, key, value)
        return info

    evil = {
        "above": [member("../evil.txt", size=4)],
        "absolute": [member(str(outside / "evil.txt"), size=4)],
        "symlink": [
            member("S1/Videos/out", type=tarfile.SYMTYPE, linkname=str(outside)),
            member("S1/Videos/out/evil.txt", size=4),
        ],
        "hard link": [
            member("S1/Videos/mine", type=tarfile.LNKTYPE, linkname="../mine.txt"),
            member("S1/Videos/mine", size=4),
        ],
    }[kind]
    with tarfile.open(archive, "w:gz") as file:
        for info in evil:
            file.addfile(info, io.BytesIO(b"evil"))


# MPI-INF-3DHP

NAMES = ("spine3", "spine4", "spine2", "spine", "pelvis", "neck", "head", "head_top", "left_clavicle", "left_shoulder",
         "left_elbow", "left_wrist", "left_hand", "right_clavicle", "right_shoulder", "right_elbow", "right_wrist",
         "right_hand", "left_hip", "left_knee", "left_ankle", "left_foot", "left_toe", "right_hip", "right_knee",
         "right_ankle", "right_foot", "right_toe")  # fmt: skip
CALLED = {"thorax": "neck", "neck": "head", "head": "head_top"}  # ours -> theirs, where they differ


def joints28(joints):
    """(T, 17, 3) -> (T, 28, 3) by the names; the eleven others lie 4 to 9 cm away from a neighbour."""
    ours = {CALLED.get(name, name.replace(" ", "_")): joints[:, j] for j, name in enumerate(JOINTS)}
    near = {
        "spine3": "neck",
        "spine4": "neck",
        "spine2": "spine",
        "clavicle": "shoulder",
        "hand": "wrist",
        "foot": "ankle",
        "toe": "ankle",
    }
    found = []
    for k, name in enumerate(NAMES):
        side, _, part = name.rpartition("_")
        at = ours.get(name)
        found.append(
            at
            if at is not None
            else ours[f"{side}_{near[part]}" if side else near[name]] + [40, -30 - k, 25]
        )
    return np.stack(found, 1)


def rate_of(subject, sequence):
    return 50 if (subject, sequence) == ("S1", "Seq2") or subject in ("S3", "S5") else 25


def fourteen(cameras):
    """The five real ones at the height of the chest; the others stand behind them."""
    filled = [cameras[c % 5]._replace(t=cameras[c % 5].t + [0, 0, 1500.0]) for c in range(14)]
    for c, camera in zip(CHEST, cameras):
        filled[c] = camera
    return filled


def annotations(joints, camera):
    """annot2 (T, 56), annot3 and univ_annot3 (T, 84) of world joints, mm, Z up."""
    seen = joints28(joints) @ camera.R.T + camera.t
    universal = seen[:, 4:5] + 0.8 * (seen - seen[:, 4:5])
    flat = camera.project(joints28(joints))
    return (
        flat.reshape(len(flat), 56),
        seen.reshape(len(flat), 84),
        universal.reshape(len(flat), 84),
    )


def write_annotations(path, joints, cameras):
    columns = zip(*(annotations(joints, camera) for camera in fourteen(cameras)))
    content = {}
    for name, column in zip(("annot2", "annot3", "univ_annot3"), columns):
        content[name] = np.empty((14, 1), object)
        content[name][:, 0] = [part.astype(np.float32) for part in column]
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(
        path,
        content
        | {
            "cameras": np.arange(14, dtype=np.uint8)[None],
            "frames": np.arange(len(joints))[:, None],
        },
    )


def write_calibration(path, cameras):
    lines = ["Skeletool Camera Calibration File V1.0"]
    for c, camera in enumerate(fourteen(cameras)):
        K, E = np.eye(4), np.eye(4)
        K[:3, :3], E[:3, :3], E[:3, 3] = camera.K, camera.R @ TURN, camera.t
        text = lambda matrix: " ".join(f"{x:.9g}" for x in matrix.ravel())
        lines += [
            f"name          {c}",
            "  sensor      10 10",
            f"  size        {camera.size[0]} {camera.size[1]}",
            "  animated    0",
            f"  intrinsic   {text(K)} ",
            f"  extrinsic   {text(E)} ",
            "  radial      0",
        ]
    path.write_text("\n".join(lines) + "\n")


def write_3dhp(folder, recordings, rate=None, views=range(5)):
    """rate: of the videos; None for the official one."""
    for r in recordings:
        place = folder / r.subject / r.action
        write_annotations(place / "annot.mat", r.joints, r.cameras)
        write_calibration(place / "camera.calibration", r.cameras)
        for v in views:
            write_video(
                place / "imageSequence" / f"video_{CHEST[v]}.avi",
                r.frames[:, v],
                rate or rate_of(r.subject, r.action),
                "mpeg4",
            )
    return folder


def pack_3dhp(folder, recording, inside=""):
    """Puts a sequence's videos into the official zip file, there in a folder `inside`. Returns its
    path.
    """
    place = folder / recording.subject / recording.action / "imageSequence"
    with zipfile.ZipFile(place / "vnect_cameras.zip", "w") as file:
        for video in sorted(place.glob("*.avi")):
            file.write(video, inside + video.name)
            video.unlink()
    return place / "vnect_cameras.zip"


def evil_zip(archive, kind, outside):
    """Adds to an archive what would write into the folder `outside`."""
    link = zipfile.ZipInfo("video_12.avi")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    name = {
        "above": "../../../../evil.txt",
        "absolute": str(outside / "evil.txt"),
        "symlink": link,
    }[kind]
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(name, str(outside) if kind == "symlink" else "evil")


def lock(archive):
    """Marks the first file of a zip archive as encrypted, in both places."""
    with zipfile.ZipFile(archive) as file:
        places = file.infolist()[0].header_offset + 6, file.start_dir + 8
    data = bytearray(archive.read_bytes())
    for place in places:
        data[place] |= 1
    archive.write_bytes(data)


def change_annotations(file, change, cameras=range(14), drop=()):
    """change(rows (T, joints, 2 or 3)) returns the new rows of these cameras; drop: names to leave
    out.
    """
    content = {
        key: value
        for key, value in scipy.io.loadmat(file).items()
        if not key.startswith("_") and key not in drop
    }
    for key in {"annot2", "annot3", "univ_annot3"} & set(content):
        for c in cameras:
            rows = change(content[key][c][0].reshape(-1, 28, int(key[-1])).copy())
            content[key][c][0] = rows.reshape(len(rows), 28 * int(key[-1]))
    scipy.io.savemat(file, content)


# Checks of a store against the scenes. Each raises AssertionError.


def clip_of(store, recording):
    """(subject, clip) that hold a recording."""
    (clip,) = [clip for clip in store.clips(recording.subject) if clip.source == recording.action]
    return recording.subject, clip


def resample(frame, crop, size):
    """The square x0, y0, size of a frame (H, W[, 3]), black outside of it, as an image of `size`
    pixels.
    """
    margin = int(max(frame.shape[:2]))
    padded = Image.fromarray(
        np.pad(frame, ((margin, margin), (margin, margin)) + ((0, 0),) * (frame.ndim - 2))
    )
    x0, y0, side = (float(x) for x in crop)
    return np.asarray(
        padded.resize(
            (size, size),
            Image.BILINEAR,
            (x0 + margin, y0 + margin, x0 + side + margin, y0 + side + margin),
        )
    )


def check_poses(store, recording, step):
    subject, clip = clip_of(store, recording)
    truth = recording.joints[::step]
    assert clip.stop - clip.start == len(truth)
    np.testing.assert_allclose(
        store.poses(subject)[clip.start : clip.stop].numpy(), truth, atol=0.1
    )


def check_pixels(store, recording, step, limit=7.0, missing=()):
    """Each stored image is the crop of its own frame and view, and of no neighbour's; and no crop
    half a pixel away.

    missing: (frame, view) of images that are not there.
    """
    subject, clip = clip_of(store, recording)
    crops, present, found, size = store.crops(subject), store.present(subject), [], store.image_size
    length, views = recording.frames.shape[:2]
    for t in range(clip.start, clip.stop):
        for v in range(views):
            assert present[t, v] == (((t - clip.start) * step, v) not in missing)
            if not present[t, v]:
                continue
            image = store.images(subject, [t], [v])[0].permute(1, 2, 0).numpy().astype(float)
            frame, half = (t - clip.start) * step, crops[t, v, 2] / size / 2
            differ = lambda f, w, dx=0, dy=0: np.abs(
                resample(recording.frames[f, w], crops[t, v] + [dx, dy, 0], size) - image
            ).mean()
            own = differ(frame, v)
            near = [differ(f, v) for f in (frame - 1, frame + 1) if 0 <= f < length]
            assert own < limit and own < min(near), (
                f"frame {frame}, view {v}: {own:.2f} against {min(near):.2f} of a neighbour"
            )
            assert own < 0.7 * min(differ(frame, w) for w in range(views) if w != v)
            found.append(
                [
                    own,
                    *(
                        differ(frame, v, *shift)
                        for shift in ((half, 0), (-half, 0), (0, half), (0, -half))
                    ),
                ]
            )
    own, *shifted = np.mean(found, 0)
    assert own < 0.9 * min(shifted), (
        f"{own:.2f}, but {np.round(shifted, 2)} when moved by half a pixel to the right, left,"
        " down, up"
    )


def check_masks(store, recording, step, share=0.97):
    """Stored world joints, projected by the stored cameras, lie on the person in the stored crops."""
    subject, clip = clip_of(store, recording)
    size, inside, frames = store.image_size, [], np.arange(clip.start, clip.stop)
    for v in range(len(store.view_names)):
        places = store.calibration.project(
            store.poses(subject)[clip.start : clip.stop], subject, frames, v
        ).numpy()
        for i, t in enumerate(frames):
            mask = resample(
                recording.masks[i * step, v].astype(np.uint8) * 255,
                store.crops(subject)[t, v],
                size,
            )
            near = scipy.ndimage.maximum_filter(mask, 5) > 64
            x, y = np.floor(places[i]).astype(int).T
            shown = (x >= 0) & (y >= 0) & (x < size) & (y < size)
            inside.append(np.where(shown, near[y.clip(0, size - 1), x.clip(0, size - 1)], False))
    assert np.mean(inside) >= share, f"{np.mean(inside):.3f} of the joints lie on the person"


def check_body(store, recording):
    """What is known of people without a camera: they are upright, of human size, and their knees
    bend forwards.
    """
    subject, clip = clip_of(store, recording)
    pose = dict(
        zip(
            JOINTS,
            store.poses(subject)[clip.start : clip.stop].numpy().astype(float).swapaxes(0, 1),
        )
    )
    assert (pose["head"] - pose["pelvis"])[:, 2].mean() > 350, "not upright"
    for side in ("left", "right"):
        thigh = np.linalg.norm(pose[f"{side} hip"] - pose[f"{side} knee"], axis=-1)
        assert (abs(thigh - 420) < 120).all(), f"a thigh is {thigh.mean():.3g} mm long"
    ahead = np.cross(pose["left hip"] - pose["right hip"], [0, 0, 1.0])
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    bent = [
        ((pose[f"{s} knee"] - (pose[f"{s} hip"] + pose[f"{s} ankle"]) / 2) * ahead).sum(-1).mean()
        for s in ("left", "right")
    ]
    assert min(bent) > 10, (
        f"knees bend backwards ({bent[0]:.0f}, {bent[1]:.0f} mm): left and right are swapped"
    )


def swap_sides(joints):
    """The same bodies with left called right."""
    swapped = [
        JOINTS.index(name.replace("left", "?").replace("right", "left").replace("?", "right"))
        for name in JOINTS
    ]
    return joints[:, swapped]


def store_bytes(path):
    """All of a finished store, to compare."""
    return {
        str(f.relative_to(path)): f.read_bytes()
        for f in sorted(path.rglob("*"))
        if f.suffix in (".arrow", ".json")
    }


# Checks of a converter, the same for both.


def check_the_checks(store, recording, step):
    """Frames or views off by one, colours or sides reversed: each shows."""
    frames = recording.frames
    for other in (
        np.roll(frames, 1, 0),
        np.roll(frames, -1, 0),
        np.roll(frames, 1, 1),
        frames[..., ::-1],
        frames[..., ::-1, :],
    ):
        with pytest.raises(AssertionError):
            check_pixels(store, recording._replace(frames=other), step)
    with pytest.raises(AssertionError):
        check_poses(store, recording._replace(joints=np.roll(recording.joints, 1, 0)), step)
    with pytest.raises(AssertionError):
        check_masks(store, recording._replace(masks=np.roll(recording.masks, 1, 1)), step)


def check_second_run(report, again):
    """again: converts once more into the same store."""
    state = lambda: {
        f: (f.read_bytes(), f.stat().st_mtime_ns) for f in report.path.rglob("*.arrow")
    }
    before, index = state(), (report.path / "dataset.json").read_bytes()
    second = again()
    assert state() == before and (report.path / "dataset.json").read_bytes() == index
    assert (str(second), second.notes, second.frames, second.images) == (
        str(report),
        report.notes,
        report.frames,
        report.images,
    )


KILL = """
import os, sys
from mcss.store.writer import StoreWriter
from data_scripts.{name} import convert
add, clips = StoreWriter.add, []
def dying(self, subject, source, action, frames, *more):
    def some():
        for t, frame in enumerate(frames):
            if len(clips) == 3 and t == 2: os.kill(os.getpid(), 9)  # in the middle of the third clip
            yield frame
    clips.append(source)
    return add(self, subject, source, action, some(), *more)
StoreWriter.add = dying
convert(sys.argv[1], sys.argv[2], **{options})
"""


def check_killed(name, convert, options, folder, path, report, place, text):
    """Killed as soon as a file with `text` in its name is unpacked somewhere in `place`, then in
    the middle of a clip.
    """
    command = [
        sys.executable,
        "-c",
        KILL.format(name=name, options=options),
        str(folder),
        str(path),
    ]
    first = subprocess.Popen(command)
    while first.poll() is None and not any(
        text in file for _, _, files in os.walk(place) for file in files
    ):
        time.sleep(0.001)
    first.kill()
    assert first.wait() == -9
    assert subprocess.run(command).returncode == -9
    done = {file: file.stat().st_mtime_ns for file in path.glob("*/*.arrow")}
    assert 2 <= len(done) < len(store_bytes(report.path)) - 1  # some clips are done, not all
    again = convert(folder, path, **options)
    assert all(file.stat().st_mtime_ns == at for file, at in done.items())  # not made again
    assert store_bytes(path) == store_bytes(report.path) and str(again) == str(report).replace(
        str(report.path), str(path)
    )
    assert not [*path.rglob("*.part"), *folder.rglob("*.part")]


def check_two_at_once(convert, main, source, path, capsys):
    path.mkdir()
    with filelock.FileLock(path / ".writing.lock"):
        with pytest.raises(RuntimeError, match="another process"):
            convert(source, path, progress=False)
        assert main([str(source), str(path)]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def check_two_unpacking(main, archive, folder, source, path, capsys):
    with filelock.FileLock(folder / f".{archive.name}.lock"):
        assert main([str(source), str(path)]) == 1
    assert f"error: {archive} is being unpacked by another process" in capsys.readouterr().err


def check_store_that_cannot_be(main, source, path, capsys):
    """A file is where the store should be."""
    path.write_text("mine")
    assert main([str(source), str(path)]) == 1 and path.read_text() == "mine"
    assert re.search(
        f"error: the store {re.escape(str(path))} cannot be written.*another folder",
        capsys.readouterr().err,
    )


def check_nothing(main, source, path, said, capsys):
    """Nothing can be converted: exit status 1 and an error that names the folder and says what is
    missing.
    """
    assert main([str(source), str(path)]) == 1
    out, err = capsys.readouterr()
    _, _, error = err.rpartition("error: ")
    assert (
        out == ""
        and "Traceback" not in err
        and str(source) in error
        and re.search(said, error, re.S)
    ), err
    assert "0clip" not in err  # no progress bar over nothing


def check_command(name, convert, source, path, options):
    """The command prints the report. options: of the command; those of `convert` follow from them."""
    arguments = [
        text
        for key, value in options.items()
        for text in (f"--{key.replace('_', '-')}", str(value))
    ]
    done = subprocess.run(
        [sys.executable, "-m", f"data_scripts.{name}", str(source), str(path), *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(convert(source, path, progress=False, **options)).strip()


def check_outside(tmp_path, folder):
    """`folder`, in tmp_path / 'a', is all there is in it, and nothing evil came into it."""
    assert (
        sorted(os.listdir(tmp_path / "a")) == ["mine.txt", "source"]
        and (tmp_path / "a/mine.txt").read_text() == "mine"
    )
    assert not [file for file in folder.rglob("*") if file.is_symlink() or file.name == "evil.txt"]


def check_table_1(path, folder, monkeypatch):
    """Table 1 of the paper runs on a store, in its smallest form."""
    tiny = dataclasses.replace(SCHEDULES["small"], pairs=8, labelled=4, epochs=1, gap=0.0)
    monkeypatch.setitem(SCHEDULES, "small", tiny)
    (result,) = run(
        ["table1"], {"main": path}, (0,), "small", folder / "runs", folder, progress=False
    )
    errors = [row["values"]["N-MPJPE"]["mean"] for row in read_result(result)["rows"]]
    assert len(errors) == 4 and all(0 < error < 1000 for error in errors)
    assert open_store(path).splits["test"].subjects
