"""The report at the end of a conversion: what the store holds, what was left out, and what looks
wrong.
"""

import dataclasses
from pathlib import Path

import numpy as np

from mcss.data import open_store


@dataclasses.dataclass
class Report:
    """What a conversion did. path: of the store. notes: a string on each thing that was left out or
    changed, or looks wrong. frames, images: how many the store holds. text: what it is, in words.
    """

    path: Path
    notes: list
    frames: int
    images: int
    text: str

    def __str__(self):
        lines = [self.text, "Nothing was left out."]
        if self.notes:
            lines[1:] = [f"Left out or changed, {len(self.notes)}:"]
            lines += [f"  - {note}" for note in self.notes]
        # names of files may hold bytes that are no text
        return "\n".join(lines).encode(errors="backslashreplace").decode()


def report(path, notes):
    """The `Report` of the finished store at `path`, with these notes and those of a check of its
    calibration.
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
    return Report(path, notes + _stray_joints(store), frames, images, "\n".join(text))


def _stray_joints(store):
    """A note for each clip and view whose joints the stored calibration projects outside the stored
    pictures.
    """
    notes = []
    for subject in store.subjects if store.calibration else ():
        poses, present = store.poses(subject), store.present(subject)
        if poses is None:
            continue
        for clip in store.clips(subject):
            for v, view in enumerate(store.view_names):
                if view not in store.calibration.of_clip(subject, clip.source):
                    continue
                frames = np.arange(clip.start, clip.stop)
                known = ~poses[frames].isnan().any(-1).any(-1).numpy()
                # some 50 frames are enough
                frames = frames[present[frames, v] & known][:: max(1, len(frames) // 50)]
                if len(frames):
                    pixels = store.calibration.project(poses[frames], subject, frames, v).numpy()
                    share = ((pixels >= 0) & (pixels < store.image_size)).all(-1).mean()
                    if share < 0.8:
                        notes.append(
                            f"{subject}/{clip.source}, view {view}: the calibration puts only"
                            f" {share:.0%} of the joints into the picture. Do poses, boxes and"
                            " calibration belong together?"
                        )
    return notes
