"""Recipes: everything that decides what a store of the studio holds. The same recipe makes the same
bytes on one machine.
"""

import dataclasses
import hashlib
import json

# raise it whenever the studio draws anything differently, so that no old cache is taken for a new
# one
VERSION = 2

ALL_ACTIONS = (
    *("Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases"),
    *("Sitting", "SittingDown", "Smoking", "Waiting", "WalkDog", "Walking", "WalkTogether"),
)
#: As different as six can be.
FEW_ACTIONS = ("Greeting", "Photo", "Posing", "Sitting", "SittingDown", "Walking")
#: Fields that recipes of older stores lack; left out at their defaults, so that their hash stays.
LATER = ("motion", "test_actions", "only", "every", "style", "dealt", "rates", "outfits")

#: Training people of the stores named `crowd`.
CROWD = tuple(f"S{number}" for number in (1, 5, 6, 7, 8, *range(12, 22)))


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One store.

    domain: a name in `places.DOMAINS`; clips and frames: clips of each action for each training
    subject, and frames of each; test_clips and test_frames: the same for test subjects; samples:
    further rays of a pixel at an edge;
    background: "keep", "replace" (a made-up picture) or "remove" (black); motion: "parametric", the
    studio's own, or "cmu", clips of motion capture, whose names are the actions; test_actions: of
    the test subjects, if others. only: the subjects that are rendered, if not all, each as it is
    beside the others; every: of each clip each n-th frame is rendered, at fps / every.
    style: how differently people look and move, 0 (all draw from the same motion) to about 1.5.
    dealt: each person does other actions or clips, dealt out in turn, instead of all. rates: of
    clips of motion capture that were not recorded at the usual rate, (clip, frames a second).
    """

    name: str
    image_size: int
    clips: int
    frames: int
    test_clips: int
    test_frames: int
    domain: str = "lab"
    train: tuple = ("S1", "S5", "S6", "S7", "S8")
    test: tuple = ("S9", "S11")
    actions: tuple = ALL_ACTIONS
    fps: float = 10.0
    samples: int = 3
    background: str = "keep"
    seed: int = 20
    motion: str = "parametric"
    test_actions: tuple = ()
    only: tuple = ()
    every: int = 1
    style: float = 0.0
    dealt: bool = False
    rates: tuple = ()
    outfits: int = 1

    def __post_init__(self):
        if self.background not in ("keep", "replace", "remove"):
            raise ValueError(f"background must be keep, replace or remove, not {self.background!r}")
        if self.motion not in ("parametric", "cmu"):
            raise ValueError(f"motion must be parametric or cmu, not {self.motion!r}")
        unknown = set(self.actions + self.test_actions) - set(ALL_ACTIONS)
        if unknown and self.motion == "parametric":
            raise ValueError(f"no such actions: {sorted(unknown)}; there are {ALL_ACTIONS}")
        if unknown := set(self.only) - set(self.train + self.test):
            raise ValueError(f"only {sorted(unknown)}: no subjects of this recipe")
        if idle := [s for s in self.train + self.test if not self.actions_of(s)]:
            raise ValueError(f"dealt out, there is nothing for {idle[0]} to do: add clips")
        if not 0 <= self.style <= 2:
            raise ValueError(f"style must be from 0 to 2, not {self.style}")
        if self.every < 1 or min(self.frames, self.test_frames) % self.every:
            raise ValueError(f"every = {self.every} must divide the frames of a clip")
        counts = (self.frames, self.test_frames, self.clips, self.test_clips, self.outfits)
        if min(self.image_size, *counts) < 1:
            raise ValueError("sizes and counts of a recipe must be at least 1")

    def as_dict(self):
        """The recipe as JSON holds it, with the version of the studio."""
        fields = json.loads(json.dumps(dataclasses.asdict(self)))
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        for name in LATER:
            if getattr(self, name) == defaults[name]:
                del fields[name]
        return {**fields, "studio": VERSION}

    def digest(self):
        """Twelve hex digits that name the recipe."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:12]

    def jobs(self):
        """All clips in order: (subject, action, take, frames); motion capture may give fewer
        frames.
        """
        for subject in self.subjects:
            test = subject in self.test
            for action in self.actions_of(subject):
                for take in range(self.test_clips if test else self.clips):
                    yield subject, action, take, self.test_frames if test else self.frames

    def actions_of(self, subject):
        """The names of what a subject does."""
        group = self.test if subject in self.test else self.train
        actions = self.test_actions if group is self.test and self.test_actions else self.actions
        return actions[group.index(subject) :: len(group)] if self.dealt else actions

    @property
    def subjects(self):
        """Those that are rendered, in order."""
        return tuple(s for s in self.train + self.test if s in self.only or not self.only)

    def number(self, subject):
        """Counts the subjects from 0; decides how they look and where they are filmed."""
        return (self.train + self.test).index(subject)

    def instants(self):
        """Instants of time in the whole store, at most."""
        return sum(frames // self.every for *_, frames in self.jobs())


# fmt: off
PRESETS = {
    # 4 frames a second: as many pictures hold two and a half times as much motion, and it is motion
    # that is learned from
    "sample": Recipe(
        "sample", 64, clips=1, frames=60, test_clips=1, test_frames=30, actions=FEW_ACTIONS,
        fps=4.0, samples=2,
    ),
    # `sample` and `bench` with people who differ in how they move, too
    "sample-style": Recipe(
        "sample-style", 64, clips=1, frames=60, test_clips=1, test_frames=30, actions=FEW_ACTIONS,
        fps=4.0, samples=2, style=1.0,
    ),
    "bench-style": Recipe(
        "bench-style", 128, clips=2, frames=100, test_clips=1, test_frames=50, style=1.0,
    ),
    # the same pictures in number, of three times as many people, each in three outfits: one person
    # no longer shows how all move, and clothes no longer tell who it is
    "sample-crowd": Recipe(
        "sample-crowd", 64, clips=1, frames=20, test_clips=1, test_frames=30, actions=FEW_ACTIONS,
        fps=4.0, samples=2, style=1.0, train=CROWD, outfits=3,
    ),
    "bench-crowd": Recipe(
        "bench-crowd", 128, clips=2, frames=30, test_clips=1, test_frames=60, style=1.0,
        train=CROWD, outfits=3,
    ),
    "show-crowd": Recipe(
        "show-crowd", 128, clips=2, frames=30, test_clips=1, test_frames=60, style=1.0,
        train=CROWD, outfits=3, only=("S5", "S12", "S9"), every=30,
    ),
    # some people of `bench-style`, two instants of each clip: to see what style is
    "show-style": Recipe(
        "show-style", 128, clips=2, frames=100, test_clips=1, test_frames=50, style=1.0,
        only=("S1", "S5", "S6", "S9"), every=50,
    ),
    # what `sample` is to `bench`, of the other domain
    "sample-field": Recipe(
        "sample-field", 64, clips=1, frames=60, test_clips=1, test_frames=30, actions=FEW_ACTIONS,
        fps=4.0, samples=2, domain="field", train=("F1", "F2", "F3", "F4", "F5", "F6"),
        test=("F7", "F8"), seed=70,
    ),
    "bench": Recipe("bench", 128, clips=2, frames=100, test_clips=1, test_frames=50),
    # the test people of `bench`, every other frame: small enough to come with the book
    "show": Recipe(
        "show", 128, clips=2, frames=100, test_clips=1, test_frames=50, only=("S9", "S11"), every=2,
    ),
    # a few of the same instants before made-up pictures and on black, and of the other domain
    "show-replaced": Recipe(
        "show-replaced", 128, clips=2, frames=100, test_clips=1, test_frames=50, only=("S9",),
        every=10, background="replace",
    ),
    "show-removed": Recipe(
        "show-removed", 128, clips=2, frames=100, test_clips=1, test_frames=50, only=("S9",),
        every=10, background="remove",
    ),
    "show-field": Recipe(
        "show-field", 128, clips=1, frames=72, test_clips=1, test_frames=72, domain="field",
        train=("F1", "F2", "F3", "F4", "F5", "F6"), test=("F7", "F8"), seed=70, only=("F7", "F8"),
        every=24,
    ),
    # the training people of `bench`, every tenth frame: enough to estimate statistics from
    "bench-thin": Recipe(
        "bench-thin", 128, clips=2, frames=100, test_clips=1, test_frames=50,
        only=("S1", "S5", "S6", "S7", "S8"), every=10,
    ),
    "paper": Recipe("paper", 256, clips=10, frames=100, test_clips=2, test_frames=100),
    "field": Recipe(
        "field", 128, clips=1, frames=72, test_clips=1, test_frames=72, domain="field",
        train=("F1", "F2", "F3", "F4", "F5", "F6"), test=("F7", "F8"), seed=70,
    ),
    # real motion of CMU's subject 2: walk, jog, punch, swordplay; tested on another walk, jumps and
    # another swordplay
    "cmu": Recipe(
        "cmu", 128, clips=1, frames=150, test_clips=1, test_frames=150, motion="cmu",
        actions=("02_01", "02_03", "02_05", "02_08"), test_actions=("02_02", "02_04", "02_09"),
    ),
}
# fmt: on


def preset(name, **changes):
    """The `Recipe` of a preset, with some of its fields replaced."""
    if name not in PRESETS:
        raise ValueError(f"no preset {name!r}; there are {sorted(PRESETS)}")
    return dataclasses.replace(PRESETS[name], **changes)
