"""What a conversion says at its end: what the store holds, what was left out, and what looks wrong
in it.
"""

import dataclasses
from pathlib import Path

import numpy as np

from mcss.data import open_store


@dataclasses.dataclass
class Report:
    """What a conversion did: notes, one a thing left out or changed, and what the store holds."""

    path: Path
    notes: list
    frames: int
    images: int
    text: str

    def __str__(self):
        listed = (
            [f"Left out or changed, {len(self.notes)}:", *(f"  - {note}" for note in self.notes)]
            if self.notes
            else ["Nothing was left out."]
        )
        return (
            "\n".join([self.text, *listed]).encode(errors="backslashreplace").decode()
        )  # names of files may be no text


def report(path, notes):
    """The `Report` of a finished store: what it holds, what its poses and calibration look like,
    and the notes.
    """
    store = open_store(path)
    views = ", ".join(store.view_names)
    clips = sum(len(store.clips(subject)) for subject in store.subjects)
    poses = [store.poses(subject) for subject in store.subjects]
    labelled = sum(int((~p.isnan().any(-1).any(-1)).sum()) for p in poses if p is not None)
    frames, images = sum(store.length(subject) for subject in store.subjects), len(store)
    text = [
        f"{path}: {store.name}, {len(store.subjects)} subjects, {clips} clips, views {views}",
        f"{frames} frames, {labelled} of them with a pose, {images} images of {store.image_size}"
        " px, " + ("calibrated" if store.calibration else "no calibration"),
    ]
    for name, split in store.splits.items():
        count = sum(len(split.frames[subject]) for subject in split.subjects)
        text.append(f"split {name}: {count} frames of {', '.join(split.subjects)}")
    text.append(f"licence: {store.licence}")
    return Report(path, notes + _off(store), frames, images, "\n".join(text))


def _off(store):
    """Clips and views whose joints the stored calibration does not put into the stored picture."""
    found = []
    for subject in store.subjects if store.calibration else ():
        poses, present = store.poses(subject), store.present(subject)
        if poses is None:
            continue
        for clip in store.clips(subject):
            for v, view in enumerate(store.view_names):
                if view not in store.calibration.of_clip(subject, clip.source):
                    continue
                frames = np.arange(clip.start, clip.stop)
                frames = frames[
                    present[frames, v] & ~poses[frames].isnan().any(-1).any(-1).numpy()
                ][:: max(1, len(frames) // 50)]
                if len(frames):
                    at = store.calibration.project(poses[frames], subject, frames, v).numpy()
                    share = ((at >= 0) & (at < store.image_size)).all(-1).mean()
                    if share < 0.8:
                        found.append(
                            f"{subject}/{clip.source}, view {view}: the calibration puts only"
                            f" {share:.0%} of the joints into the picture. Do poses, boxes and"
                            " calibration belong together?"
                        )
    return found
