"""Is what is stored what was filmed? Checks of a store against its recordings."""

import numpy as np
import pytest
import scipy.ndimage
import torch
import torch.nn.functional as F
from PIL import Image

from data_scripts.imitations.filmed import boxes_of
from mcss.skeleton import JOINTS

# Checks that return what is wrong: of ASPset-510 and plain videos.


def cropped(frames, crop, size):
    """Frames `(n, H, W, 3)` cut to the square `crop` (x0, y0, side) and resized to `(n, size, size,
    3)`; NaN outside the frame.
    """
    images = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    height, width = images.shape[2:]
    fine = (torch.arange(3 * size) + 0.5) * float(crop[2]) / (3 * size)
    x, y = (fine + float(crop[0])) / width, (fine + float(crop[1])) / height
    grid = torch.stack(torch.meshgrid(2 * x - 1, 2 * y - 1, indexing="xy"), -1).expand(
        len(images), -1, -1, -1
    )
    sampled = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    sampled = sampled.masked_fill((grid.abs() > 1).any(-1)[:, None], torch.nan)
    return F.avg_pool2d(sampled, 3).permute(0, 2, 3, 1)


def wrong_images(store, subject, start, recording, step=1, every=5, most=6.0):
    """A list of what is wrong with stored images: number start + i should show frame i * step of
    the recording.

    Each is compared with its own frame, cut as its crop says, and with that frame's neighbours in
    time and other views: it must be near its own frame, and less than half way towards another.
    Others that are too like its own to tell are left out. every: which stored frames are checked.
    most: grey levels that an image may be off on the mean.
    """
    wrong, crops, present, film = [], store.crops(subject), store.present(subject), recording.frames
    for i in range(0, (len(film) - 1) // step + 1, every):
        for view in np.flatnonzero(present[start + i]):
            t = i * step
            others = [(s, view) for s in (t - 1, t + 1) if 0 <= s < len(film)]
            others += [(t, v) for v in range(3) if v != view]
            image = store.images(subject, [start + i], [view])[0].permute(1, 2, 0).float()
            frames = np.stack([film[s, v] for s, v in [(t, view), *others]])
            own, *rest = cropped(frames, crops[start + i, view], len(image))
            error = (image - own).abs().nanmean().item()
            shares = [
                ((image - own) * (one - own)).nansum() / ((one - own) ** 2).nansum()
                for one in rest
                if (one - own).abs().nanmean() > 0.5
            ]
            if not error < most or not len(shares) >= 2 or not max(shares) < 0.5:
                wrong.append(
                    f"frame {start + i}, view {view}: error {error:.2f}, shares"
                    f" {np.round(shares, 2)}"
                )
    return wrong


def shifted_images(store, subject, start, recording, every=8):
    """(frame, view) of stored images that the recording's frame fits better when the crop is moved
    by a pixel of the video.
    """
    shifted = []
    for t in range(0, len(recording.frames), every):
        for view in np.flatnonzero(store.present(subject)[start + t]):
            image = store.images(subject, [start + t], [view])[0].permute(1, 2, 0).float()
            moves = np.array([(0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)])
            crops = store.crops(subject)[start + t, view] + moves
            frame = recording.frames[t, view][None]
            again = [cropped(frame, crop, len(image))[0] for crop in crops]
            if np.argmin([(one - image).abs().nanmean().item() for one in again]):
                shifted.append((start + t, int(view)))
    return shifted


def stray_crops(store, subject, start, recording, step=1):
    """(frame, view) of stored crops that do not hold the person's box, or are more than twice as
    large as it.
    """
    stray = []
    for view in range(3):
        for i, (x1, y1, x2, y2) in enumerate(boxes_of(recording.masks[::step, view])):
            x, y, side = store.crops(subject)[start + i, view]
            holds = x <= x1 + 1 and y <= y1 + 1 and x2 <= x + side + 1 and y2 <= y + side + 1
            good = holds and side <= 2 * max(x2 - x1, y2 - y1)
            if store.present(subject)[start + i, view] and not good:
                stray.append((start + i, view))
    return stray


def share_on_person(store, subject, start, recording, step=1, reach=2):
    """The share of stored joints that the stored calibration projects onto the person in the
    recording, or within `reach` pixels of it.
    """
    clip = range(start, start + (len(recording.masks) - 1) // step + 1)
    masks = torch.from_numpy(recording.masks[::step]).float()
    near = F.max_pool2d(masks, 2 * reach + 1, 1, reach).numpy() > 0
    hits = []
    for view in np.flatnonzero(store.present(subject)[clip.start : clip.stop].any(0)):
        poses = store.poses(subject)[clip.start : clip.stop]
        pixels = store.calibration.project(poses, subject, list(clip), view).numpy()
        crop = store.crops(subject)[clip.start : clip.stop, view, None].astype(float)
        pixels = np.floor(crop[..., :2] + pixels * crop[..., 2:] / store.image_size).astype(int)
        col, row = pixels.transpose(2, 0, 1)
        height, width = near.shape[-2:]
        inside = (0 <= col) & (col < width) & (0 <= row) & (row < height)
        t = np.broadcast_to(np.arange(len(clip))[:, None], col.shape)
        hits.append(inside & near[t, view, row.clip(0, height - 1), col.clip(0, width - 1)])
    return np.mean(hits)


def faults(poses):
    """What is wrong with the people in poses `(T, 17, 3)`, by anatomy alone: a list of 'up', 'left'
    and 'unit'.
    """
    joint = {name: np.asarray(poses, float)[:, k] for k, name in enumerate(JOINTS)}
    bent = sum(
        joint[f"{side} knee"] - (joint[f"{side} hip"] + joint[f"{side} ankle"]) / 2
        for side in ("left", "right")
    )
    above = joint["head"] - joint["pelvis"]
    across = joint["left hip"] - joint["right hip"]
    standing = joint["head"] - (joint["left ankle"] + joint["right ankle"]) / 2
    thigh = np.linalg.norm(joint["left knee"] - joint["left hip"], axis=-1)
    checks = {
        "up": np.mean(standing[:, 2] / np.linalg.norm(standing, axis=-1)) > 0.7,
        # knees bend ahead, and left of ahead is left
        "left": np.mean((np.cross(above, bent) * across).sum(-1) > 0) > 0.9,
        "unit": 250 < np.median(thigh) < 650,  # mm
    }
    return [name for name, good in checks.items() if not good]


# Checks that raise AssertionError: of Human3.6M and MPI-INF-3DHP.


def clip_of(store, recording):
    """The (subject, clip) of a store that hold a recording."""
    (clip,) = [clip for clip in store.clips(recording.subject) if clip.source == recording.action]
    return recording.subject, clip


def resample(frame, crop, size):
    """The square `crop` (x0, y0, side) of a frame `(H, W[, 3])`, black outside of it, as an image
    of `size` pixels.
    """
    margin = int(max(frame.shape[:2]))
    widths = ((margin, margin), (margin, margin)) + ((0, 0),) * (frame.ndim - 2)
    padded = Image.fromarray(np.pad(frame, widths))
    x0, y0, side = (float(x) for x in crop)
    box = (x0 + margin, y0 + margin, x0 + side + margin, y0 + side + margin)
    return np.asarray(padded.resize((size, size), Image.BILINEAR, box))


def check_poses(store, recording, step):
    """Each stored pose is that of its own frame. step: every how many-th frame is stored."""
    subject, clip = clip_of(store, recording)
    truth = recording.joints[::step]
    assert clip.stop - clip.start == len(truth)
    poses = store.poses(subject)[clip.start : clip.stop].numpy()
    np.testing.assert_allclose(poses, truth, atol=0.1)


def check_pixels(store, recording, step, limit=7.0, missing=()):
    """Each stored image is the crop of its own frame and view, and of no neighbour's; nor is it a
    crop half a pixel away.

    limit: grey levels that it may be off on the mean. missing: (frame, view) of absent images.
    """
    subject, clip = clip_of(store, recording)
    crops, present, size = store.crops(subject), store.present(subject), store.image_size
    errors = []
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
            shifts = ((half, 0), (-half, 0), (0, half), (0, -half))
            errors.append([own, *(differ(frame, v, *shift) for shift in shifts)])
    own, *shifted = np.mean(errors, 0)
    assert own < 0.9 * min(shifted), (
        f"{own:.2f}, but {np.round(shifted, 2)} when moved by half a pixel to the right, left,"
        " down, up"
    )


def check_masks(store, recording, step, share=0.97):
    """Stored joints, projected by the stored cameras, lie on the person in the stored crops."""
    subject, clip = clip_of(store, recording)
    size, inside, frames = store.image_size, [], np.arange(clip.start, clip.stop)
    for v in range(len(store.view_names)):
        poses = store.poses(subject)[clip.start : clip.stop]
        pixels = store.calibration.project(poses, subject, frames, v).numpy()
        for i, t in enumerate(frames):
            mask = recording.masks[i * step, v].astype(np.uint8) * 255
            mask = resample(mask, store.crops(subject)[t, v], size)
            near = scipy.ndimage.maximum_filter(mask, 5) > 64
            x, y = np.floor(pixels[i]).astype(int).T
            shown = (x >= 0) & (y >= 0) & (x < size) & (y < size)
            inside.append(np.where(shown, near[y.clip(0, size - 1), x.clip(0, size - 1)], False))
    assert np.mean(inside) >= share, f"{np.mean(inside):.3f} of the joints lie on the person"


def check_body(store, recording):
    """People are upright, of human size, and their knees bend forwards; no camera is needed to know
    that.
    """
    subject, clip = clip_of(store, recording)
    poses = store.poses(subject)[clip.start : clip.stop].numpy().astype(float)
    pose = dict(zip(JOINTS, poses.swapaxes(0, 1)))
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


def check_the_checks(store, recording, step):
    """The checks above notice frames or views that are off by one, and colours or sides that are
    reversed.
    """
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
