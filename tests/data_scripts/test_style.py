"""A person's style: none leaves every byte as it was, more of it sets people further apart, and
what they do stays what it was.
"""

import numpy as np
import pytest

pytest.importorskip("anny")
pytest.importorskip("warp")

import torch

from data_scripts.studio.actions import ACTIONS
from data_scripts.studio.ik import MAX_FLEXION
from data_scripts.studio.motion import Sketch
from data_scripts.studio.recipe import preset
from data_scripts.studio.studio import Studio
from data_scripts.studio.style import FLOOR, NEUTRAL, Style, draw_style
from mcss.canonical import canonical_pose
from mcss.data import open_store
from mcss.skeleton import root_relative

TRAIN = preset("sample").train


def canonical_poses(strength, subjects, action="Walking"):
    studio = Studio(preset("sample", style=strength), workers=1)
    return {
        s: canonical_pose(root_relative(torch.from_numpy(studio.clip(s, action, 0, 40)["joints"])))
        for s in subjects
    }


def test_without_style_the_recipe_and_its_motion_are_those_of_the_shipped_store():
    recipe, shipped = preset("sample", style=0.0), open_store("book/data/sample")
    assert recipe.digest() == preset("sample").digest() and "style" not in recipe.as_dict()
    assert preset("sample", style=1.0).digest() != recipe.digest()
    clip = next(c for c in shipped.clips("S5") if c.action == "SittingDown")
    joints = Studio(recipe, workers=1).clip("S5", "SittingDown", 0, 60)["joints"]
    assert np.array_equal(joints, shipped.poses("S5")[clip.start : clip.stop].numpy())


def test_more_style_sets_people_further_apart():
    def apart(strength):
        """How much farther another person's poses are from one's than one's own are."""
        poses = canonical_poses(strength, ("S1", "S5", "S6"))
        one, *others = poses.values()
        nearest = [
            (one[:, None] - other[None]).norm(dim=-1).mean(-1).min(1).values.mean()
            for other in others
        ]
        return float(sum(nearest) / len(nearest))

    distances = [apart(strength) for strength in (0.0, 0.5, 1.0)]
    assert distances[1] > 1.05 * distances[0] and distances[2] > 1.1 * distances[1], distances


def test_training_people_together_show_the_whole_range():
    styles = [draw_style(1.0, 20, number, len(TRAIN)) for number in range(len(TRAIN) + 2)]
    for name in ("tempo", "seat", "anything else"):
        places = [style.place(name) for style in styles]
        assert sorted(places[:5]) == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
        assert all(0.1 <= place <= 0.9 for place in places[5:])
    assert {style.on_floor for style in styles[:5]} == set(FLOOR)


def test_a_habit_is_kept_always_or_never_and_by_as_many_as_before():
    styles = [draw_style(1.0, 3, number, 100) for number in range(100)]
    chances = [style.likely("eats seated", 0.4) for style in styles]
    assert set(chances) == {0.0, 1.0} and np.mean(chances) == pytest.approx(0.4)
    half = [draw_style(0.5, 3, number, 100).likely("eats seated", 0.4) for number in range(100)]
    assert set(np.round(half, 6)) == {0.2, 0.7}
    assert NEUTRAL.likely("eats seated", 0.4) == 0.4
    rng = np.random.default_rng(0)
    assert len({styles[0].pick(rng, "poses", 8) for _ in range(200)}) == 2
    assert len({NEUTRAL.pick(rng, "poses", 8) for _ in range(200)}) == 8


def test_the_same_person_more_or_less_so():
    weak, strong = (draw_style(strength, 20, 2, 5) for strength in (0.5, 1.0))
    assert np.allclose(2 * np.array(weak.spine), strong.spine)
    assert weak.lean == pytest.approx(strong.lean / 2)


@pytest.fixture(scope="module")
def strong():
    return Studio(preset("bench", style=1.5, samples=1, image_size=32), workers=1)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_styled_body_keeps_its_bones_and_stays_on_the_floor(strong, action):
    joints = strong.clip("S6", action, 0, 40)["joints"]
    lengths = np.linalg.norm(joints[:, [2, 3, 5, 6]] - joints[:, [1, 2, 4, 5]], axis=-1)
    assert np.ptp(lengths, axis=0).max() < 1  # mm
    assert joints[..., 2].min() > -30 and np.isfinite(joints).all()
    step = np.linalg.norm(np.diff(joints, axis=0), axis=-1)
    assert step.max() < 600  # mm in a tenth of a second: nothing jumps
    thigh, shin = joints[:, 2] - joints[:, 1], joints[:, 3] - joints[:, 2]
    cosine = (thigh * shin).sum(-1) / np.linalg.norm(thigh, axis=-1) / np.linalg.norm(shin, axis=-1)
    assert np.degrees(np.arccos(cosine.clip(-1, 1))).max() <= np.degrees(MAX_FLEXION["knee"]) + 1


def test_a_seat_is_as_high_as_who_sits_on_it():
    """The stool's height follows the person's: the hips of a high seat are higher."""
    studio = Studio(preset("sample", style=1.0), workers=1)
    of = {s: (studio.styles[s].seat, studio.clip(s, "Sitting", 0, 8)) for s in TRAIN}
    low, high = (f(of, key=lambda s: of[s][0]) for f in (min, max))
    hips = [of[s][1]["joints"][:, 0, 2].mean() for s in (low, high)]
    stools = [of[s][1]["moves"][0, -1, 2, 2] for s in (low, high)]
    assert hips[1] > hips[0] + 100 and stools == pytest.approx([of[low][0], of[high][0]])


def test_posture_is_added_to_what_an_action_asks_for(strong):
    """The same plan without and with a style: the spine bends by as much as the style says."""
    body, t = strong.subject("S6")[0], np.arange(100) / 50
    plain, styled = (
        Sketch(np.random.default_rng(1), body, t, 0.0, 0.6, style)
        for style in (NEUTRAL, strong.styles["S6"])
    )
    styled.style.apply(styled)
    plain.style.apply(plain)
    assert np.allclose(styled.spine - plain.spine, styled.style.spine)
    assert np.allclose(styled.head - plain.head, styled.style.head)
    low = plain.hands[..., 2] < -0.5  # hands that hang
    assert low.all() and np.allclose(styled.hands - plain.hands, styled.style.carried)
    assert (styled.height < plain.height).all()


def test_outfits_change_the_clothes_and_nothing_else():
    one, three = preset("sample"), preset("sample", outfits=3, clips=3)
    assert "outfits" not in one.as_dict() and one.digest() != preset("sample", outfits=2).digest()
    studio, plain = Studio(three, workers=1), Studio(one, workers=1)
    worn = {
        (action, take): studio.clip("S5", action, take, 8)["wears"]
        for action in ("Sitting", "Walking")
        for take in range(3)
    }
    for action in ("Sitting", "Walking"):  # no outfit belongs to an action
        assert {worn[action, take] for take in range(3)} == {0, 1, 2}
    body, first = studio.subject("S5")
    for wears in (1, 2):
        same, figure = studio.subject("S5", wears)
        assert same is body
        assert figure.materials[:2] == first.materials[:2]  # skin and hair
        assert figure.materials[2] != first.materials[2]  # what is worn above
    assert studio.subject("S5", 1)[1].materials[2] != studio.subject("S5", 2)[1].materials[2]
    assert first.materials == plain.subject("S5")[1].materials
    joints = (s.clip("S5", "Walking", 0, 8)["joints"] for s in (studio, plain))
    assert np.array_equal(*joints)


def test_looks_change_bodies_and_not_how_people_move():
    plain, looks, style = (
        Studio(preset("sample", **change), workers=1)
        for change in ({}, {"looks": 1.0}, {"style": 1.0})
    )
    assert "looks" not in plain.recipe.as_dict() and set(looks.styles.values()) == {NEUTRAL}
    height = {
        name: np.ptp(studio.subject("S6")[0].vertices[:, 2])
        for name, studio in (("plain", plain), ("looks", looks), ("style", style))
    }
    assert height["looks"] == height["style"] != height["plain"]


def test_bad_styles():
    with pytest.raises(ValueError, match="looks must be from 0 to 2, not 3"):
        preset("sample", looks=3)
    with pytest.raises(ValueError, match="at least 1"):
        preset("sample", outfits=0)
    with pytest.raises(ValueError, match="style must be from 0 to 2, not -1"):
        preset("sample", style=-1)
    assert Style() == NEUTRAL == draw_style(0, 1, 2, 3)


def test_dealt_out_each_person_does_other_actions():
    recipe = preset("bench", dealt=True)
    done = {s: {action for t, action, *_ in recipe.jobs() if t == s} for s in recipe.subjects}
    train = [done[s] for s in recipe.train]
    assert sum(map(len, train)) == len(set.union(*train)) == 15  # all, and none twice
    assert done["S9"] | done["S11"] == set(ACTIONS) and not done["S9"] & done["S11"]
    with pytest.raises(ValueError, match="nothing for S5 to do"):
        preset("sample", actions=("Walking",), test_actions=("Walking", "Posing"), dealt=True)
