"""Human3.6M and MPI-INF-3DHP, imitated: the recordings of `scenes` in their official formats.

The writers take `Recording`s whose subject and action bear the official names: 'S1' and 'Directions
1', 'S1' and 'Seq1'. They follow the formats' descriptions alone, not the converters.
"""

import av
import cdflib
import h5py
import numpy as np
import scipy.io

from mcss.skeleton import JOINTS

SERIALS = ("54138969", "55011271", "58860488", "60457274")
CHEST = (0, 2, 4, 7, 8)  # the cameras of MPI-INF-3DHP at the height of the chest
TURN = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)  # MPI-INF-3DHP's Y up -> Z up


def narrow(recording, action):
    """A recording without its first eight columns of pixels, so that frames are not square. action:
    its official name.
    """
    less = np.array([[0, 0, 8.0], [0, 0, 0], [0, 0, 0]])
    cameras = [c._replace(K=c.K - less, size=(c.size[0] - 8, c.size[1])) for c in recording.cameras]
    return recording._replace(
        action=action,
        frames=recording.frames[..., 8:, :],
        masks=recording.masks[..., 8:],
        cameras=cameras,
    )


def write_video(path, frames, rate, codec="libx264", **options):
    """Writes frames `(T, H, W, 3)`, uint8 RGB, as a video of `rate` frames a second. options: the
    codec's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        quality = {"crf": "8"} if codec == "libx264" else {"qmin": "1", "qmax": "1"}
        stream = file.add_stream(codec, rate=rate, options={"g": "10"} | quality | options)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        if codec != "libx264":
            stream.bit_rate = 20_000_000
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            file.mux(stream.encode(picture))
        file.mux(stream.encode())


# Human3.6M


#: Of the 32 joints, those in JOINTS.
HUMAN36M = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)


def human36m_pose(joints):
    """Joints `(T, 17, 3)` as rows of 32 joints `(T, 96)`: the other 15 lie near the pelvis, but
    never where one of the 17 lies.
    """
    pose = np.repeat(joints[:, :1] + [70.0, -90.0, 110.0], 32, 1)
    pose += np.arange(32)[:, None] * 5
    pose[:, HUMAN36M] = joints
    return pose.reshape(len(pose), 96)


def write_cdf(path, pose, variable="Pose"):
    """Writes poses `(T, 96)` as a CDF file."""
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
    """The box x0, y0, x1, y1 that is written for a person's mask `(H, W)`: a little larger than the
    mask, by another margin on each side; None without a person.
    """
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    (height, width), (x0, x1), (y0, y1) = mask.shape, cols[[0, -1]], rows[[0, -1]]
    return max(x0 - 3, 0), max(y0 - 1, 0), min(x1 + 2, width), min(y1 + 2, height)


def write_boxes(path, masks):
    """Writes the boxes of masks `(T, H, W)` as MATLAB v7.3 does: a cell array of references to
    filled masks, each transposed, because MATLAB counts columns first.
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
            cell.attrs["MATLAB_class"] = np.bytes_("logical")
            cell.attrs["MATLAB_int_decode"] = np.int32(1)
            cells[t, 0] = cell.ref
    heading = b"MATLAB 7.3 MAT-file, Platform: GLNXA64 HDF5 schema 1.00 .".ljust(116)
    with open(path, "r+b") as file:
        file.write(heading + bytes(8) + b"\x00\x02IM")


def write_metadata(path, recordings, distortion=(0, 0, 0, 0, 0)):
    """Writes metadata.xml with the cameras of recordings: the six numbers of camera c and subject s
    begin at 6 (11 c + s - 1); those of other subjects fit nothing.

    distortion: k1, k2, k3, p1, p2, as the file orders them. The lenses are those of the first
    recording's cameras.
    """
    numbers = np.tile([0.1, 0.2, 0.3, 9e3, 9e3, 9e3], 44).tolist()
    for recording in recordings:
        for c, camera in enumerate(recording.cameras):
            R, start = camera.R, 6 * (11 * c + int(recording.subject[1:]) - 1)
            x, z = np.arctan2(-R[1, 2], R[2, 2]), np.arctan2(-R[0, 1], R[0, 0])
            angles = x, np.arcsin(R[0, 2]), z  # R = Rx Ry Rz
            numbers[start : start + 6] = [*angles, *(-R.T @ camera.t)]
    for camera in recordings[0].cameras:
        numbers += [camera.K[0, 0], camera.K[1, 1], camera.K[0, 2], camera.K[1, 2], *distortion]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = " ".join(f"{n:.10g}" for n in numbers)
    path.write_text(
        '<?xml version="1.0"?>\n<metadata><mapping><tr><td>S1</td></tr></mapping>\n'
        f"<w0>[{text}]</w0></metadata>\n"
    )


def write_human36m(folder, recordings, metadata="metadata.xml"):
    """Writes recordings below `folder` as the official archives unpack; returns `folder`. metadata:
    where metadata.xml goes, or None.
    """
    for r in recordings:
        below, pose = folder / r.subject, human36m_pose(r.joints)
        features, boxes = below / "MyPoseFeatures", below / "MySegmentsMat" / "ground_truth_bb"
        write_cdf(features / "D3_Positions" / f"{r.action}.cdf", pose)
        for v, serial in enumerate(SERIALS):
            name = f"{r.action}.{serial}"
            write_cdf(features / "D3_Positions_mono" / f"{name}.cdf", pose + 500)
            write_video(below / "Videos" / f"{name}.mp4", r.frames[:, v], 50)
            write_boxes(boxes / f"{name}.mat", r.masks[:, v])
        (below / "Videos" / "_ALL 1.54138969.mp4").write_bytes(b"no clip")
    if metadata:
        write_metadata(folder / metadata, recordings)
    return folder


# MPI-INF-3DHP


#: Their 28 joints, in order.
NAMES = ("spine3", "spine4", "spine2", "spine", "pelvis", "neck", "head", "head_top",
         "left_clavicle", "left_shoulder", "left_elbow", "left_wrist", "left_hand",
         "right_clavicle", "right_shoulder", "right_elbow", "right_wrist", "right_hand",
         "left_hip", "left_knee", "left_ankle", "left_foot", "left_toe",
         "right_hip", "right_knee", "right_ankle", "right_foot", "right_toe")  # fmt: skip
#: Our names of joints -> theirs, where they differ.
CALLED = {"thorax": "neck", "neck": "head", "head": "head_top"}
#: A neighbour, among ours, of each joint that we lack.
NEAR = {"spine3": "neck", "spine4": "neck", "spine2": "spine", "clavicle": "shoulder",
        "hand": "wrist", "foot": "ankle", "toe": "ankle"}  # fmt: skip


def joints28(joints):
    """Their 28 joints `(T, 28, 3)` from our 17 `(T, 17, 3)`, by their names; the eleven that we
    lack lie 4 to 9 cm away from a neighbour.
    """
    ours = {CALLED.get(name, name.replace(" ", "_")): joints[:, j] for j, name in enumerate(JOINTS)}
    theirs = []
    for k, name in enumerate(NAMES):
        if name not in ours:
            side, _, part = name.rpartition("_")
            neighbour = f"{side}_{NEAR[part]}" if side else NEAR[name]
            ours[name] = ours[neighbour] + [40, -30 - k, 25]
        theirs.append(ours[name])
    return np.stack(theirs, 1)


def rate_of(subject, sequence):
    """Frames a second of a sequence's videos."""
    return 50 if (subject, sequence) == ("S1", "Seq2") or subject in ("S3", "S5") else 25


def fourteen(cameras):
    """The 14 official cameras from a recording's five, which become those at the height of the
    chest; the others stand behind them.
    """
    filled = [cameras[c % 5]._replace(t=cameras[c % 5].t + [0, 0, 1500.0]) for c in range(14)]
    for c, camera in zip(CHEST, cameras):
        filled[c] = camera
    return filled


def annotations(joints, camera):
    """annot2 `(T, 56)`, annot3 and univ_annot3 `(T, 84)` of joints `(T, 17, 3)` in mm, world."""
    seen = joints28(joints) @ camera.R.T + camera.t
    universal = seen[:, 4:5] + 0.8 * (seen - seen[:, 4:5])
    return [
        part.reshape(len(seen), -1) for part in (camera.project(joints28(joints)), seen, universal)
    ]


def write_annotations(path, joints, cameras):
    """Writes annot.mat of joints `(T, 17, 3)` in mm, world, Z up, seen by five cameras."""
    columns = zip(*(annotations(joints, camera) for camera in fourteen(cameras)))
    content = {}
    for name, column in zip(("annot2", "annot3", "univ_annot3"), columns):
        content[name] = np.empty((14, 1), object)
        content[name][:, 0] = [part.astype(np.float32) for part in column]
    path.parent.mkdir(parents=True, exist_ok=True)
    content["cameras"] = np.arange(14, dtype=np.uint8)[None]
    content["frames"] = np.arange(len(joints))[:, None]
    scipy.io.savemat(path, content)


def write_calibration(path, cameras):
    """Writes camera.calibration, in Skeletool's format, with a world that has Y up."""
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


def write_3dhp(folder, recordings, views=range(5)):
    """Writes recordings below `folder` as the official script downloads them; returns `folder`.
    views: of whose cameras there are videos.
    """
    for r in recordings:
        sequence, rate = folder / r.subject / r.action, rate_of(r.subject, r.action)
        write_annotations(sequence / "annot.mat", r.joints, r.cameras)
        write_calibration(sequence / "camera.calibration", r.cameras)
        for v in views:
            video = sequence / "imageSequence" / f"video_{CHEST[v]}.avi"
            write_video(video, r.frames[:, v], rate, "mpeg4")
    return folder
