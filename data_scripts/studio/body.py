"""The body: Anny's mesh and bones, of which the studio moves a few groups of bones rigidly.

The rest pose faces -Y, Z is up, the left hand is at +X. Everything in here is in metres.
"""

import contextlib
import functools
import os
import pathlib
import sys
import threading

import filelock
import numpy as np
import torch
import warp
from safetensors import SafetensorError, safe_open
from tqdm import tqdm

from mcss.engine.machine import cache_folder
from mcss.store.files import checksum

#: name, parent, and the Anny bones that move with it. The first bone's head is the joint the group
#: turns about.
GROUPS = [
    ("pelvis", None, ["root", "pelvis.L", "pelvis.R"]),
    ("belly", "pelvis", ["spine05", "spine04"]),
    ("waist", "belly", ["spine03"]),
    ("chest", "waist", ["spine02", "spine01"]),
    ("neck", "chest", ["neck01", "neck02", "neck03"]),
    ("head", "neck", ["head", "eye.L", "eye.R"]),
]
for _s in "LR":
    GROUPS += [
        (f"clavicle.{_s}", "chest", [f"clavicle.{_s}", f"shoulder01.{_s}"]),
        (f"upperarm.{_s}", f"clavicle.{_s}", [f"upperarm01.{_s}", f"upperarm02.{_s}"]),
        (f"forearm.{_s}", f"upperarm.{_s}", [f"lowerarm01.{_s}"]),
        (f"wristward.{_s}", f"forearm.{_s}", [f"lowerarm02.{_s}"]),
        (f"hand.{_s}", f"wristward.{_s}", [f"wrist.{_s}"]),  # and the fingers, see below
        (f"thigh.{_s}", "pelvis", [f"upperleg01.{_s}", f"upperleg02.{_s}"]),
        (f"shin.{_s}", f"thigh.{_s}", [f"lowerleg01.{_s}", f"lowerleg02.{_s}"]),
        (f"foot.{_s}", f"shin.{_s}", [f"foot.{_s}"]),
        (f"toes.{_s}", f"foot.{_s}", [f"toe1-1.{_s}"]),
    ]
GROUP_NAMES = [g[0] for g in GROUPS]
GROUP = {name: i for i, name in enumerate(GROUP_NAMES)}
PARENTS = [-1 if g[1] is None else GROUP_NAMES.index(g[1]) for g in GROUPS]
PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")
#: Metres within which vertices of a part become one. Anny's heads, hands and toes have millimetre
#: triangles that no image of a whole body shows, and that would cost two thirds of the time.
CELLS = {"head": 0.011, "hand": 0.009, "toes": 0.011, "foot": 0.014}
#: How the name of the one file begins that Anny reads again.
COMPACT = "build_compact_model_data_"
#: Metres, of the stool in every studio.
SEAT_HEIGHT = 0.46
INFLUENCES = 4  # bones that may move one vertex; the few smaller weights are dropped


@functools.lru_cache(maxsize=1)
def anny_model():
    """The Anny model on the CPU. Its first load parses assets for a minute or two and keeps the
    result in the folder that ANNY_CACHE_DIR names; later ones take half a second.
    """
    folder = pathlib.Path(os.environ.setdefault("ANNY_CACHE_DIR", str(cache_folder() / "anny")))
    warp.config.quiet = True  # no banner on the screens of notebooks
    if hasattr(warp, "LOG_WARNING"):  # what newer versions of Warp listen to
        warp.config.log_level = warp.LOG_WARNING
    folder.mkdir(parents=True, exist_ok=True)
    # a cache that is part of a read-only image is used as it is
    writable = os.access(folder, os.W_OK)
    # of two processes only one parses
    with filelock.FileLock(folder / "mcss.lock") if writable else contextlib.nullcontext():
        parsed = not writable or check_parsed(folder)
        with contextlib.nullcontext() if parsed else parsing(folder):
            import anny  # here, because it reads ANNY_CACHE_DIR when imported

            model = anny.Anny()
        if not parsed:
            check_parsed(folder)
    return model


def check_parsed(folder):
    """Whether the parsed model lies in the cache `folder`, undamaged.

    Removes damaged files, what an interrupted parse left, and what is never read again: of the
    three files that Anny writes only the compact one is, 51 of 790 MB.
    """
    parsed = False
    for path in [*folder.glob("v*/*.safetensors"), *folder.glob("v*/.tmp*")]:
        if path.name.startswith(COMPACT):
            if _undamaged(path):
                parsed = True
                continue
            print(f"{path} is damaged: parsing the body model again", file=sys.stderr)
            path.with_suffix(".sha256").unlink(missing_ok=True)
        path.unlink()
    return parsed


def _undamaged(path):
    """Whether a file has its full length and the checksum noted beside it, which is noted if it is
    not yet.
    """
    try:
        with safe_open(path, "np") as file:  # reads no more than the header and the length
            file.keys()
    except (SafetensorError, OSError):
        return False
    sha256, noted = checksum(path), path.with_suffix(".sha256")
    if not noted.exists():
        noted.write_text(sha256)
    return noted.read_text() == sha256


@contextlib.contextmanager
def parsing(folder):
    """Shows how far Anny is while it parses: it writes three files, the last one soon after the
    second.
    """
    bar = tqdm(total=3, desc="parsing Anny's body model, once (a minute or two)", unit="file")
    ended = threading.Event()

    def count():
        while not ended.wait(1):
            bar.n = min(2, len(list(folder.glob("v*/*.safetensors"))))
            bar.refresh()

    watcher = threading.Thread(target=count, daemon=True)
    watcher.start()
    try:
        yield
        bar.n = 3
    finally:
        ended.set()
        watcher.join()
        bar.close()


@functools.lru_cache(maxsize=1)
def skin():
    """What all bodies share: `faces (F, 3)`, `bones (V, 4)`, `weights (V, 4)`, `part (V,)` and
    `keep (V,)`.

    bones and part hold indices into `GROUPS`; part is the group with the largest weight; keep says
    which of Anny's vertices these are.
    """
    model = anny_model()
    labels, parents = model.bone_labels, model.bone_parents
    owner = {bone: g for g, (_, _, bones) in enumerate(GROUPS) for bone in bones}
    group_of = np.zeros(len(labels), int)
    # parents come first; toes hang on the foot but move as one group of their own
    for b, label in enumerate(labels):
        if label in owner:
            group_of[b] = owner[label]
        elif label.startswith("toe"):
            group_of[b] = GROUP["toes." + label[-1]]
        else:
            group_of[b] = group_of[parents[b]]
    indices, values = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    dense = np.zeros((len(indices), len(GROUPS)), np.float32)
    np.add.at(dense, (np.arange(len(indices))[:, None], group_of[indices]), values)
    bones = np.argsort(-dense, 1, kind="stable")[:, :INFLUENCES]
    weights = np.take_along_axis(dense, bones, 1)
    faces = model.get_triangular_faces().numpy()
    faces, keep = _coarsen(
        model.template_vertices.numpy(),
        faces,
        bones[:, 0],
        indices[np.arange(len(values)), values.argmax(1)],
    )
    bones, weights = bones[keep], weights[keep]
    return dict(
        faces=faces.astype(np.int32),
        bones=bones.astype(np.int32),
        part=bones[:, 0],
        keep=keep,
        weights=weights / weights.sum(1, keepdims=True),
    )


def _coarsen(vertices, faces, part, bone):
    """Faces `(F', 3)` and indices `(V',)` of the kept vertices, after the vertices of one bone in
    one cell of a grid became one. vertices: `(V, 3)` in metres; part, bone: `(V,)` indices.
    """
    cell = np.array([CELLS.get(GROUP_NAMES[p].split(".")[0], 1e-6) for p in part])[:, None]
    # mirrored about 0, so that left and right are alike
    grid = np.sign(vertices) * np.floor(np.abs(vertices) / cell)
    _, cluster = np.unique(np.column_stack([bone, grid]), axis=0, return_inverse=True)
    cluster = cluster.ravel()
    count = np.bincount(cluster)
    middle = np.stack([np.bincount(cluster, vertices[:, k]) / count for k in range(3)], -1)
    off = np.linalg.norm(vertices - middle[cluster], axis=1)
    order = np.lexsort((off, cluster))
    # the vertex nearest to the middle stands for its cell
    keep = order[np.r_[True, np.diff(cluster[order]) > 0]]
    faces = cluster[faces]
    faces = faces[
        (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    ]
    _, once = np.unique(np.sort(faces, 1), axis=0, return_index=True)
    return faces[np.sort(once)], keep


class Body:
    """One subject's body at rest, standing on z = 0, in metres. phenotype: values from 0 to 1 of
    some of `PHENOTYPES`, 0.5 for the others.

    vertices `(V, 3)`; heads `(G, 3)`, the joint about which each group turns; joints: 17 pairs
    (group, rest position), the ground truth; markers: 6 such pairs at the ends of hands and feet.
    """

    def __init__(self, phenotype):
        model = anny_model()
        unknown = set(phenotype) - set(PHENOTYPES)
        if unknown:
            raise ValueError(f"unknown phenotypes {sorted(unknown)}; Anny has {PHENOTYPES}")
        values = {k: torch.tensor([float(phenotype.get(k, 0.5))]) for k in PHENOTYPES}
        with torch.no_grad():
            rest = model.get_rest_model(model.get_phenotype_blendshape_coefficients(**values))
        vertices = rest["rest_vertices"][0].numpy().astype(np.float64)[skin()["keep"]]
        bone_heads = rest["rest_bone_heads"][0].numpy().astype(np.float64)
        self.phenotype = dict(phenotype)
        floor = vertices[:, 2].min()
        vertices[:, 2] -= floor
        bone_heads[:, 2] -= floor
        self.vertices = vertices
        self.part = skin()["part"]
        self.bone_heads = {name: bone_heads[i] for i, name in enumerate(model.bone_labels)}
        self.heads = np.stack([self.bone_heads[g[2][0]] for g in GROUPS])
        # Toes bend about the line through the balls of the foot, not about the first bone's head.
        for side in "LR":
            self.heads[GROUP[f"toes.{side}"]] = np.mean(
                [self.bone_heads[f"toe{i}-1.{side}"] for i in (1, 2, 3)], 0
            )
        self.joints = self._joints()
        self.markers = self._markers()

    def _joints(self):
        bone = self.bone_heads
        hips = (bone["upperleg01.L"] + bone["upperleg01.R"]) / 2
        eyes = (bone["eye.L"] + bone["eye.R"]) / 2
        skull = self.vertices[self.part == GROUP["head"]]
        top = skull[skull[:, 2].argmax()] * [0, 1, 1]  # on the plane of symmetry
        by_side = lambda s: (
            [
                (f"thigh.{s}", bone[f"upperleg01.{s}"]),
                (f"shin.{s}", bone[f"lowerleg01.{s}"]),
                (f"foot.{s}", bone[f"foot.{s}"]),
            ],
            [
                (f"upperarm.{s}", bone[f"upperarm01.{s}"]),
                (f"forearm.{s}", bone[f"lowerarm01.{s}"]),
                (f"hand.{s}", bone[f"wrist.{s}"]),
            ],
        )
        (right_leg, right_arm), (left_leg, left_arm) = by_side("R"), by_side("L")
        trunk = [
            ("waist", bone["spine03"]),
            ("chest", bone["neck01"] * [1, 1, 1] - [0, 0, 0.02]),
            ("head", (bone["head"] + eyes) / 2),
            ("head", top),
        ]
        named = [("pelvis", hips)] + right_leg + left_leg + trunk + left_arm + right_arm
        return [(GROUP[name], position) for name, position in named]

    def _markers(self):
        markers = []
        for side in "LR":
            hand = self.vertices[self.part == GROUP[f"hand.{side}"]]
            wrist = self.bone_heads[f"wrist.{side}"]
            tip = np.linalg.norm(hand - wrist, axis=1).argmax()
            markers.append((GROUP[f"hand.{side}"], hand[tip]))
            toes = self.vertices[self.part == GROUP[f"toes.{side}"]]
            foot = self.vertices[self.part == GROUP[f"foot.{side}"]]
            markers += [
                (GROUP[f"toes.{side}"], toes[toes[:, 1].argmin()]),
                (GROUP[f"foot.{side}"], foot[foot[:, 1].argmax()]),
            ]
        return markers

    def length(self, upper, lower):
        """Distance in metres between the joints of two groups."""
        return float(np.linalg.norm(self.heads[GROUP[upper]] - self.heads[GROUP[lower]]))

    def seat_clearance(self):
        """Height in metres of the pelvis joint over the seat: the depth of flesh behind the hip
        joint, and half the pelvis's height over the hips.
        """
        thigh = GROUP["thigh.L"]
        hip = self.heads[thigh]
        reach = self.length("thigh.L", "shin.L")
        near = self.vertices[(self.part == thigh) & (self.vertices[:, 2] > hip[2] - 0.45 * reach)]
        return float(near[:, 1].max() - hip[1]) + float(self.heads[0][2] - hip[2]) * 0.5

    def joints_world(self, rotations, positions, markers=False):
        """Joints `(T, 17, 3)`, or markers `(T, 6, 3)`, in metres, of groups moved by `ik.solve`:
        rotations `(T, G, 3, 3)`, positions `(T, G, 3)`.
        """
        points = self.markers if markers else self.joints
        groups = np.array([g for g, _ in points])
        offsets = np.stack([p for _, p in points]) - self.heads[groups]
        return np.einsum("tjab,jb->tja", rotations[:, groups], offsets) + positions[:, groups]

    def transforms(self, rotations, positions):
        """Skinning matrices `(T, G, 3, 4)` float32, from rest to world positions in metres.
        Arguments as in `joints_world`.
        """
        shift = positions - np.einsum("tgab,gb->tga", rotations, self.heads)
        return np.concatenate([rotations, shift[..., None]], -1).astype(np.float32)
