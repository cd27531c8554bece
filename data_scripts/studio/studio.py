"""From a recipe to a store: motion in the caller's thread, rays and JPEGs in workers, parts written
in order.
"""

import collections
import concurrent.futures
import threading
import zlib

import numpy as np
import torch
import warp as wp
from PIL import Image
from tqdm import tqdm

from mcss.data import StoreWriter
from mcss.engine.machine import cores

from ..common.crops import QUALITY, jpeg
from . import motion, wardrobe
from .body import anny_model
from .people import changed, draw_subject
from .places import DOMAINS
from .raycaster import Raycaster
from .room import Plates
from .scene import detector_boxes
from .style import draw_style

# of a plate along one side, for each pixel of an image; a crop shows about a third of a plate
TEXELS = 4
# even, so that a woman stays one: clothes are drawn as for the person with so much higher a number
CHANGE = 22
SOURCE = "MCSS synthetic studio (Anny bodies, Warp ray casting)"
LICENCE = "CC0: bodies from Anny's CC0 assets, everything else made up by the studio"


def generator(recipe, *names):
    """A random generator that depends on the recipe's seed and on names, and on nothing else."""
    return np.random.default_rng([recipe.seed] + [zlib.crc32(str(name).encode()) for name in names])


class Studio:
    """Scene, subjects and workers of one recipe on one device. clips: `{action: Mocap}` if the
    recipe's motion is captured.
    """

    def __init__(self, recipe, device="cpu", workers=None, clips=None):
        if recipe.motion == "cmu" and clips is None:
            raise ValueError(
                f"the recipe '{recipe.name}' moves by motion capture: python -m"
                " data_scripts.cmu_motion gets it and renders"
            )
        self.recipe, self.device, self.clips = recipe, str(device), clips
        on_cpu = self.device == "cpu"
        self.slots = 8 if on_cpu else 64  # instants in a launch
        self.workers = workers or (cores() if on_cpu else 1)
        self.scenes = [make(recipe.seed) for make in DOMAINS[recipe.domain]]
        self._plates = [
            Plates(scene, TEXELS * recipe.image_size, self.device) for scene in self.scenes
        ]
        self._subjects, self._local = {}, threading.local()
        self.styles = {
            name: draw_style(recipe.style, recipe.seed, recipe.number(name), len(recipe.train))
            for name in recipe.subjects
        }

    def scene(self, subject):
        """The `Scene` in which a subject is filmed."""
        return self.scenes[self.recipe.number(subject) % len(self.scenes)]

    def subject(self, name, wears=0):
        """`(Body, Figure)` of a subject in one of its outfits; always the same for one recipe's
        seed.
        """
        if (name, wears) not in self._subjects:
            number = self.recipe.number(name)
            kind = {"sporty": self.recipe.domain == "field", "style": self.recipe.style}
            body, outfit = draw_subject(generator(self.recipe, "subject", name), number, **kind)
            if wears:
                body, _ = self.subject(name)
                rng = generator(self.recipe, "subject", name, wears)
                outfit = changed(rng, number + CHANGE * wears, outfit, **kind)
            self._subjects[name, wears] = body, wardrobe.figure(body, outfit)
        return self._subjects[name, wears]

    def jobs(self):
        """The recipe's jobs, with as many frames as their motion has."""
        for subject, action, take, frames in self.recipe.jobs():
            if self.clips is None:
                yield subject, action, take, frames
            elif action in self.clips:  # a clip that is not there is left out
                known = self.clips[action].frames(self.recipe.fps)
                yield subject, action, take, min(frames, known)

    def stored(self, job):
        """How many frames of a job are rendered and stored."""
        return -(-job[3] // self.recipe.every)

    def clip(self, subject, action, take, frames):
        """One clip: dict of joints `(T, 17, 3)` mm, moves `(T, G + 1, 3, 4)`, crops `(T, V, 3)`,
        seeds `(T, V)`, of the frames that are stored.
        """
        body, _ = self.subject(subject)
        rng = generator(self.recipe, subject, action, take)
        # Starting headings are spread over the circle, so that the clips of a subject together turn
        # to every side.
        actions = list(dict.fromkeys(self.recipe.actions + self.recipe.test_actions))
        kind = actions.index(action)
        number = kind + take * len(actions)
        yaw = 2 * np.pi * ((0.618 * number + zlib.crc32(subject.encode()) / 2**32) % 1)
        if self.clips:
            rotations, positions = self.clips[action].on(body, frames, self.recipe.fps, yaw)
            stool = np.zeros((frames, 4))
        else:
            rotations, positions, stool = motion.clip(
                body, action, rng, frames, self.recipe.fps, yaw, self.styles[subject]
            )
        joints = body.joints_world(rotations, positions)
        outline = np.concatenate([joints, body.joints_world(rotations, positions, markers=True)], 1)
        moves = np.concatenate(
            [body.transforms(rotations, positions), wardrobe.stool_transforms(stool)[:, None]], 1
        )
        cameras = self.scene(subject).cameras
        crops = detector_boxes(rng, cameras, outline)
        seeds = np.broadcast_to(rng.integers(0, 2**30, len(cameras)), crops.shape[:2])
        # Thinned at the end, so that what is left is what the whole clip shows.
        kept = slice(None, None, self.recipe.every)
        joints = (joints * 1000).astype(np.float32)
        return {
            "subject": subject,
            "wears": (kind + take) % self.recipe.outfits,
            "joints": joints[kept],
            "moves": moves[kept],
            "crops": crops[kept],
            "seeds": seeds[kept],
        }

    def images(self, clip, first=0, last=None, mask=False):
        """Images uint8 `(n, V, 3, S, S)` of instants first to last of a clip, and masks `(n, V, S,
        S)` if `mask`.
        """
        if not hasattr(self._local, "casters"):  # buffers of this thread, for each scene
            self._local.casters = [
                Raycaster(
                    scene,
                    plates,
                    self.recipe.image_size,
                    self.recipe.samples,
                    self.slots,
                    self.device,
                    self.recipe.background,
                )
                for scene, plates in zip(self.scenes, self._plates)
            ]
        caster = self._local.casters[self.recipe.number(clip["subject"]) % len(self.scenes)]
        figure = self.subject(clip["subject"], clip["wears"])[1]
        if caster.figure is not figure:
            caster.dress(figure)
        part = slice(first, last)
        return caster.render(clip["moves"][part], clip["crops"][part], clip["seeds"][part], mask)

    def _encoded(self, clip, first, last):
        images = self.images(clip, first, last)
        n, views = images.shape[:2]
        jpegs = encode(images.flatten(0, 1))
        return [jpegs[i * views : (i + 1) * views] for i in range(n)]

    def frames(self, jobs):
        """For each job `(subject, action, take, frames)` an iterator over its frames, as
        `StoreWriter.add` wants them.

        Each iterator has to be used up before the next is taken. Work runs ahead over the ends of
        clips.
        """
        pool = concurrent.futures.ThreadPoolExecutor(self.workers)
        ahead, clips = collections.deque(), collections.deque()
        todo = (start for job in jobs for start in self._chunks(job, clips))

        def fill():
            while len(ahead) < 2 * self.workers + 1:
                chunk = next(todo, None)
                if chunk is None:
                    return
                ahead.append(pool.submit(self._encoded, *chunk))

        def one(job):
            fill()
            clip = clips.popleft()
            for first in range(0, self.stored(job), self.slots):
                encoded = ahead.popleft().result()
                fill()
                for i, images in enumerate(encoded, first):
                    pose, crops = clip["joints"][i], clip["crops"][i]
                    yield {"pose": pose, "images": images, "crops": crops}

        try:
            for job in jobs:
                yield one(job)
        finally:
            pool.shutdown(cancel_futures=True)

    def _chunks(self, job, clips):
        clip = self.clip(*job)
        clips.append(clip)
        for first in range(0, self.stored(job), self.slots):
            yield clip, first, min(first + self.slots, self.stored(job))


def encode(images):
    """Images uint8 `(n, 3, S, S)` -> list of JPEGs; on a GPU they are encoded there and leave it
    compressed.
    """
    if images.is_cuda:
        from torchvision.io import encode_jpeg

        return [
            jpeg.cpu().numpy().tobytes() for jpeg in encode_jpeg(list(images.unbind()), QUALITY)
        ]
    return [
        jpeg(Image.fromarray(pixels)) for pixels in images.permute(0, 2, 3, 1).contiguous().numpy()
    ]


def clip_name(action, take):
    """The name of a clip in the store."""
    return f"{action} {take + 1}"


def render(recipe, path, device=None, progress=True, clips=None, licence=LICENCE, source=SOURCE):
    """Render a recipe into a store at `path`, or finish one that was interrupted; damaged parts are
    made again.

    clips: `{action: Mocap}` if its motion is captured.
    """
    anny_model()
    # Warp may want a newer driver than PyTorch does, and then sees no GPU
    device = device or ("cuda" if torch.cuda.is_available() and wp.is_cuda_available() else "cpu")
    studio = Studio(recipe, device, clips=clips)
    views = [f"cam{k + 1}" for k in range(len(studio.scenes[0].cameras))]
    with StoreWriter(
        path,
        name=recipe.name,
        licence=licence,
        source=source,
        recipe=recipe.as_dict(),
        fps=recipe.fps / recipe.every,
        image_size=recipe.image_size,
        views=views,
    ) as writer:
        all_jobs = list(studio.jobs())
        instants = sum(map(studio.stored, all_jobs))
        jobs = [job for job in all_jobs if not writer.has(job[0], clip_name(job[1], job[2]))]
        bar = tqdm(
            total=instants * len(views),
            unit="img",
            desc=f"rendering {recipe.name}",
            disable=not progress,
        )
        bar.update((instants - sum(map(studio.stored, jobs))) * len(views))
        for job, frames in zip(jobs, studio.frames(jobs)):
            writer.add(job[0], clip_name(job[1], job[2]), job[1], _count(frames, bar, len(views)))
        bar.close()
        splits = {"train": recipe.train, "test": recipe.test}
        splits = {
            name: [s for s in split if s in recipe.subjects] for name, split in splits.items()
        }
        writer.finish(
            # whatever was rendered first
            order=[(job[0], clip_name(job[1], job[2])) for job in all_jobs],
            splits={
                name: {"subjects": subjects, "views": None, "frames": None}
                for name, subjects in splits.items()
                if subjects
            },
            calibration={
                subject: {
                    view: camera.calibration()
                    for view, camera in zip(views, studio.scene(subject).cameras)
                }
                for subject in recipe.subjects
            },
        )
    return path


def _count(frames, bar, views):
    for frame in frames:
        yield frame
        bar.update(views)
