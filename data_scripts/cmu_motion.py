"""CMU motion capture on the studio's bodies, rendered into a store: real motion, synthetic people.

SOURCE is a folder with subjects/02/02.asf, subjects/02/02_01.amc and so on; what it lacks of the
clips is downloaded there from mocap.cs.cmu.edu. The data are free for all uses, in commercial
products too, but must not be resold themselves, converted or not, and a store holds them converted.
Please acknowledge: "The data used in this project was obtained from mocap.cs.cmu.edu. The database
was created with funding from NSF EIA-0196217."
"""

import dataclasses
import re
import sys
from pathlib import Path

from .common.amc import RATE
from .common.conversion import command, named_number
from .common.downloads import download
from .common.report import report
from .studio.recipe import preset

URL = "http://mocap.cs.cmu.edu/subjects"
LICENCE = (
    "motion: free for all uses, but not to be resold itself, converted or not; obtained from"
    " mocap.cs.cmu.edu, created with funding from NSF EIA-0196217; bodies, surfaces and rooms: CC0"
)
SOURCE = (
    "motion capture of mocap.cs.cmu.edu (funded by NSF EIA-0196217) on the bodies of the MCSS"
    " synthetic studio (Anny, Warp)"
)


def convert(
    source,
    store,
    *,
    clips=None,
    test_clips=None,
    rates=None,
    image_size=None,
    deal=False,
    offline=False,
    url=URL,
    device=None,
    progress=True,
):
    """Renders clips of CMU's motion capture at `source` into a store at `store` and returns a
    `report.Report`.

    clips, test_clips: names such as "02_01", of the training and of the test subjects; those of the
    studio's preset `cmu` if None. rates: `{"02_01": 60, "75": 60}`, frames a second at which clips,
    or all of a subject, were recorded, if not at 120; the files do not say it, so motion that looks
    too fast gets a note. image_size: pixels of the square pictures; the preset's if None.
    deal: each subject does other clips, dealt out in turn, instead of all of them, so that one's
    motion does not cover another's. offline: download nothing. device: 'cpu' or 'cuda'; cuda where
    there is one if None. A clip that cannot be had or read is left out and named, and comes in when
    a later run finds it. Raises `ValueError` if no clip is left to train or to test with, or if the
    store would lose one.
    """
    recipe, notes = preset("cmu"), []
    train = tuple(dict.fromkeys(clips or recipe.actions))
    test = tuple(dict.fromkeys(test_clips or recipe.test_actions))
    if odd := [name for name in train + test if not re.fullmatch(r"[^\W_]+_[^\W_]+", name)]:
        raise ValueError(f"{odd[0]!r} is no clip: they are called 02_01, by subject and take")
    rates = _rates(dict(rates or {}), train + test)
    as_given = {"dealt": deal, "rates": tuple(sorted(rates.items()))}
    recipe = dataclasses.replace(recipe, actions=train, test_actions=test, **as_given)
    if image_size is not None:
        recipe = dataclasses.replace(recipe, image_size=image_size)
    motions = load(source, dict.fromkeys(train + test), notes, url, offline, progress, rates)
    if not set(train) & set(motions) or not set(test) & set(motions):
        more = f"; and {len(notes) - 2} more" if len(notes) > 2 else ""
        raise ValueError(
            f"no clip is left to render for training or for the test: {'; '.join(notes[:2])}{more}"
        )
    for name in train + test:
        if name not in motions and any(Path(store).glob(f"*/{name} *.arrow")):
            raise ValueError(
                f"{store} holds clip {name} from an earlier run and would lose it: "
                + next(note for note in notes if f" {name} " in note)
            )
    for name, mocap in motions.items():
        most = recipe.frames if name in recipe.actions else recipe.test_frames
        seconds = min(most, mocap.frames(recipe.fps)) / recipe.fps
        whole = len(mocap.ends) / mocap.rate
        if seconds < whole - 0.2:
            longest = seconds >= most / recipe.fps
            why = "no clip is longer" if longest else "then the person would leave the room"
            notes.append(f"clip {name}: the first {seconds:.1f} of {whole:.1f} s; {why}")
        notes += [f"clip {name}: {doubt}" for doubt in mocap.doubts()]
    from .studio.studio import render

    render(recipe, store, device, progress, clips=motions, licence=LICENCE, source=SOURCE)
    return report(Path(store), notes)


def load(source, names, notes, url=URL, offline=False, progress=True, rates=None):
    """`{clip: Mocap}` of the clips that can be read, downloaded into `source` if need be; the
    others get a note. rates: `{clip: frames a second}` of those not recorded at the usual one.
    """
    from .studio.mocap import Mocap

    source, motions = Path(source), {}
    below = source / "subjects"
    root = below if below.is_dir() or not offline else source
    for name in names:
        subject = name.split("_")[0]
        files, fresh = [root / subject / f"{subject}.asf", root / subject / f"{name}.amc"], []
        try:
            for file in files:
                if not file.is_file():
                    if offline:
                        raise ValueError(
                            f"{file} is missing: get it from {url}/{subject}/{file.name}"
                        )
                    download(f"{url}/{subject}/{file.name}", file, progress=progress)
                    fresh.append(file)
            motions[name] = Mocap(*files, (rates or {}).get(name, RATE))
        except (ValueError, OSError) as error:
            for file in fresh:  # it may be an error page, which a later run would take for the clip
                file.unlink()
            notes.append(f"clip {name} is left out: {error}")
    return motions


def _rates(given, clips):
    """`{clip: frames a second}` of rates that are given by clip or by subject."""
    for name, rate in given.items():
        if not any(name in (clip, clip.split("_")[0]) for clip in clips):
            raise ValueError(f"a rate is given for {name}, which is no clip or subject to render")
        if not 10 <= rate <= 1000:
            raise ValueError(f"the rate of {name} must be frames a second, 60 or 120, not {rate}")
    both = {clip: given.get(clip, given.get(clip.split("_")[0])) for clip in clips}
    return {clip: float(rate) for clip, rate in both.items() if rate and rate != RATE}


main = command(
    convert,
    "cmu_motion",
    (
        ("--clips", dict(
            nargs="+", metavar="CLIP",
            help="clips of the training subjects (02_01 02_03 02_05 02_08)")),
        ("--test-clips", dict(
            nargs="+", metavar="CLIP", help="clips of the test subjects (02_02 02_04 02_09)")),
        ("--rate", dict(
            dest="rates", type=named_number("CLIP=RATE", "75_01=60"), action="append",
            metavar="CLIP=RATE",
            help="that clip, or all of that subject, was recorded at this rate, not at 120; may be"
            " given for each")),
        ("--deal", dict(action="store_true", help="each subject does other clips, not all")),
        ("--offline", dict(action="store_true", help="download nothing, take what is there")),
        ("--device", dict(help="cpu or cuda; cuda where there is one, if not given")),
    ),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
