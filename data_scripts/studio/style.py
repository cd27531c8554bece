"""How one person moves, whatever they do: posture, tempo, how arms are carried, habits.

With style, one person's motion covers only part of another's, as with real people; without it
(strength 0) all people of a store draw from the same motion.
"""

import dataclasses
import zlib

import numpy as np

#: Ways of sitting on the floor: the feet's distance ahead, in thighs, and how far the knees fall to
#: the sides: knees up, legs stretched, legs crossed.
FLOOR = ((0.85, 1.25, 0.1, 1.1), (1.45, 1.75, 0.1, 0.3), (0.55, 0.7, 1.0, 1.2))
NONE = (0.0, 0.0, 0.0)


@dataclasses.dataclass(frozen=True)
class Style:
    """One person's; without arguments, nobody's. Radians; hands in arm lengths.

    strength: 0 to about 1.5; seed, number, count: of the store's `count` training people, which one
    (test people come after them).
    spine, tilt, head: added to these angles; carried: to hands that hang or rest low; gesture: to
    hands that speak; elbows: how far they point outwards; tempo, swing (of the arms in walking),
    upright (the height of a standing pelvis), wide (the distance of the feet), seat (its height):
    factors; lean: backwards, seated; knees: 0 bends the back to reach low, 1 the knees; on_floor:
    one of FLOOR.
    """

    strength: float = 0.0
    seed: int = 0
    number: int = 0
    count: int = 1
    tempo: float = 1.0
    spine: tuple = NONE
    tilt: tuple = NONE
    head: tuple = NONE
    carried: tuple = NONE
    gesture: tuple = NONE
    elbows: float = 0.0
    swing: float = 1.0
    upright: float = 1.0
    wide: float = 1.0
    seat: float = 1.0
    lean: float = 0.0
    knees: float = 0.0
    on_floor: tuple = FLOOR[0]

    @property
    def habit(self):
        """How much habit decides, 0 to 1: what one person always does, another never does."""
        return min(1.0, self.strength)

    def place(self, name):
        """Where this person stands, 0 to 1, in the quality `name`: the training people evenly
        spread in random order, so that together they show all of it, the test people in between.
        """
        names = [self.seed, zlib.crc32(name.encode())]
        if self.number < self.count:
            order = np.random.default_rng(names).permutation(self.count)
            return (order[self.number] + 0.5) / self.count
        return np.random.default_rng([*names, self.number]).uniform(0.1, 0.9)

    def likely(self, name, chance):
        """The chance of a variant of an action: `chance` over all people, at full strength 0 or 1
        for each.
        """
        return chance + self.habit * (float(self.place(name) < chance) - chance)

    def chances(self, name, chances):
        """The chances of several variants, `(n,)`; at full strength one is certain."""
        own = np.searchsorted(np.cumsum(chances), self.place(name))
        own = np.arange(len(chances)) == own
        return (1 - self.habit) * np.asarray(chances) + self.habit * own

    def some(self, name):
        """A factor for what all people do; at full strength half of them never do it."""
        return 1 - self.habit * float(self.place(name) < 0.5)

    def pick(self, rng, name, count):
        """One of `count` variants, which all people together do equally often; at full strength
        each knows two.
        """
        if not self.strength:
            return rng.integers(count)
        first = int(self.place(name) * count)
        chances = np.full(count, (1 - self.habit) / count)
        chances[[first, (first + 1) % count]] += self.habit / 2
        return rng.choice(count, p=chances)

    def apply(self, sketch):
        """Changes a `motion.Sketch` after its action has."""
        if not self.strength:
            return
        sketch.spine += self.spine
        sketch.tilt += self.tilt
        sketch.head += self.head
        low = np.clip(-2 * sketch.hands[..., 2], 0, 1)[..., None]  # a hand at the ear stays there
        sketch.hands += low * self.carried
        sketch.elbows = sketch.elbows + self.elbows
        side, *rest = sketch.stance
        sketch.stance = (side * self.wide, *rest)
        if sketch.sitting:
            sketch.spine[:, 0] -= self.lean
        else:
            sketch.height = sketch.height * self.upright


NEUTRAL = Style()


def draw_style(strength, seed, number, count):
    """The `Style` of a person; with another strength the same person, more or less so."""
    if not strength:
        return NEUTRAL
    person = Style(strength, seed, number, count)

    def between(name, low, high):
        """At strength 1 from low to high over the people."""
        return float(strength * (low + (high - low) * person.place(name)))

    def about(name, *size):
        return tuple(between(f"{name} {k}", -s, s) for k, s in enumerate(size))

    return dataclasses.replace(
        person,
        tempo=np.exp(between("tempo", -0.35, 0.35)),
        spine=about("spine", 0.28, 0.1, 0.15),
        tilt=about("tilt", 0.12, 0.06, 0.0),
        head=about("head", 0.3, 0.12, 0.2),
        carried=(
            between("arms outwards", 0, 0.25),
            between("arms forward", -0.12, 0.35),
            between("arms up", 0, 0.4),
        ),
        gesture=about("gesture", 0.2, 0.2, 0.4),
        elbows=between("elbows", 0, 0.7),
        swing=np.exp(between("swing", -0.9, 0.5)),
        upright=1 - between("upright", 0, 0.08),
        wide=np.exp(between("wide", -0.4, 0.5)),
        seat=np.exp(between("seat", -0.35, 0.35)),
        lean=between("lean", -0.2, 0.5),
        knees=person.habit * person.place("knees"),
        on_floor=FLOOR[int(len(FLOOR) * person.place("floor")) if strength >= 0.5 else 0],
    )
