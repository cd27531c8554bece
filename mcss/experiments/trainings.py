"""The one table of trainings: each a name and what it changes in its schedule's
configuration.
"""

import dataclasses
from typing import NamedTuple

from ..configuration import CHAPTER_CONFIG, IMPROVED, TrainingConfig
from ..data import Split
from .rivals import ROWS as RIVALS
from .rivals import STAGED

#: What all trainings of a queue start from. 'paper': Section 4, from scratch.
#: 'imagenet': from ImageNet's weights, as the paper. 'small': the largest scale at
#: which all experiments together take about two hours on two cores. 'long': four times
#: that. 'bench': a few minutes on a data-centre GPU with the store `bench`, for the
#: published checkpoints and the results that the chapters show first.
SCHEDULES = {
    "paper": TrainingConfig(),
    "bench": TrainingConfig(epochs=8, lr_drop_epoch=6),
    "imagenet": TrainingConfig(pretrained=True),
    "small": CHAPTER_CONFIG,
    "long": dataclasses.replace(CHAPTER_CONFIG, epochs=12, lr_drop_epoch=8),
}


class Training(NamedTuple):
    """One training. change: fields of `TrainingConfig`; 'label_subjects' counts the
    split's first subjects here, and 'times' holds factors of the schedule's own values.
    """

    change: dict
    store: str = "main"  #: the role of the store it learns from
    start: str | None = None  #: the training whose weights it begins with
    rival: str | None = None  #: of mcss.experiments.rivals.ROWS, trained as rivals are


METHODS = {"mcss": {}, "baseline": {"metric_loss": False}}
#: The Baseline whose forward pass carries MCSS's unlabelled images: their statistics
#: without their loss.
SEEING = METHODS["baseline"] | {"see_all": True}
#: The Baseline with as many images a step as MCSS has: 22 + 2 x 66 are 7 x 22.
MATCHED = METHODS["baseline"] | {"times": {"labelled": 7}}
#: Experiment `gap`: the role of a store for each strength of style.
STYLES = {0: "style-0", 0.5: "style-0.5", 1: "main", 1.5: "style-1.5"}
METRIC = {"pose_loss": False}
#: Fig. 3: how much is labelled. 'one' is the paper's S1. The paper names the ends only;
#: the steps between are ours.
AMOUNTS = {
    "all": {},
    "three": {"label_subjects": 3},
    "one": {"label_subjects": 1},
    "half": {"label_subjects": 1, "label_share": 0.5},
    "tenth": {"label_subjects": 1, "label_share": 0.1},
    "twentieth": {"label_subjects": 1, "label_share": 0.05},
}
ONE = AMOUNTS["one"]
#: Table 3: the views that are labelled, counted in the split's own views. The metric
#: loss always sees all.
VIEWS = {
    "v1234": {"label_views": (0, 1, 2, 3)},
    "v123": {"label_views": (0, 1, 2)},
    "v12": {"label_views": (0, 1)},
}
BETAS = (0.15, 0.3, 0.6)
#: Experiment `sensitivity`: one change at a time, trained without the last training
#: subject and tested on it.
SENSITIVITY = {
    "as it is": {},
    "H learns as fast as the rest": {"pose_lr_factor": 1.0},
    "H learns 20 times as fast": {"pose_lr_factor": 20.0},
    "w = 3": {"pose_weight": 3.0},
    "32 dimensions": {"embedding_dim": 32},
    "512 dimensions": {"embedding_dim": 512},
    "InfoNCE": {"mining": "infonce"},
    "twice the epochs": {"times": {"epochs": 2, "lr_drop_epoch": 2}},
}
#: People mixed in a batch, each pair against its own person's only.
WITHIN = {"same_subject": False, "negatives": "subject", "mining": "infonce"}
MIRROR, COSINE = {"mirror": True}, {"cosine": True}
DIFFERENT, AGREE = {"augment": "different"}, {"agree": 1.0}
#: As many images in a batch and in all.
MORE_LABELS = {"times": {"labelled": 2, "pairs": 5 / 6, "epochs": 5 / 6}}
TOGETHER = WITHIN | MIRROR | COSINE
#: Experiment `candidates`: changes of the paper's recipe, trained and tested as
#: SENSITIVITY is; first alone, then added to those that may go together.
CANDIDATES = {
    "the paper's recipe": {},
    "InfoNCE within each person, people mixed": WITHIN,
    "mirrored": MIRROR,
    "cosine": COSINE,
    "these three": TOGETHER,
    "these three, views agree": TOGETHER | AGREE,
    "these three, augmented alike": TOGETHER | {"augment": "same"},
    "these three, augmented differently": TOGETHER | DIFFERENT,
    "these three, more labels in a batch": TOGETHER | MORE_LABELS,
    "these three, people aligned": TOGETHER | {"align": 1.0},
    "these three, GroupNorm": TOGETHER | {"norm": "group"},
    "these three, different, agree": TOGETHER | DIFFERENT | AGREE,
    "these three, different, agree, more labels": (
        TOGETHER | DIFFERENT | AGREE | MORE_LABELS
    ),
    "these three, different, GroupNorm": TOGETHER | DIFFERENT | {"norm": "group"},
    "mirrored, cosine, different": MIRROR | COSINE | DIFFERENT,
}
#: The fields that make `IMPROVED` of the paper's recipe.
IMPROVING = {
    field: value
    for field, value in IMPROVED.method().items()
    if value != getattr(TrainingConfig(), field)
}
#: Experiment `improved`: what is left out, by name, and the fields that it takes.
INGREDIENTS = {
    "InfoNCE within each person": ("same_subject", "negatives", "mining"),
    "mirroring": ("mirror",),
    "augmentation": ("augment",),
    "the cosine": ("cosine",),
}
#: One person a batch, where there are so many people that a mixed batch holds hardly
#: two pairs of each.
SINGLE = {"same_subject": True, "negatives": "batch"}
#: What the Baseline can have of it.
FOR_ALL = {field: IMPROVING[field] for field in ("mirror", "augment", "cosine")}

TRAININGS = {
    **{
        f"{method}-{amount}": Training(METHODS[method] | AMOUNTS[amount])
        for method in METHODS
        for amount in AMOUNTS
    },
    **{
        f"{method}-one-{views}": Training(METHODS[method] | ONE | VIEWS[views])
        for method in METHODS
        for views in VIEWS
    },
    "mcss-one-global": Training(ONE | {"target": "global"}),
    "mcss-one-resnet34": Training(ONE | {"backbone": "resnet34"}),
    "metric": Training(METRIC),
    "field-metric": Training(METRIC, store="field", start="mcss-one"),
    "mcss-one-mixed": Training(ONE | {"same_subject": False}),
    "mcss-one-gap-0": Training(ONE | {"gap": 0.0}),
    "mcss-one-gap-2": Training(ONE | {"gap": 2.0}),
    **{
        f"mcss-one-{mining}": Training(ONE | {"mining": mining})
        for mining in ("semi-hard", "random", "infonce")
    },
    **{
        f"{method}-one-{store}": Training(METHODS[method] | ONE, store)
        for method in METHODS
        for store in ("replaced", "removed")
    },
    **{
        f"collapse-{'bn' if bn else 'no-bn'}-{beta}": Training(
            METRIC | {"epochs": 1, "batch_norm": bn, "beta": beta, "margin": 2 * beta}
        )
        for bn in (True, False)
        for beta in BETAS
    },
    "seeing-one": Training(SEEING | ONE),
    "matched-one": Training(MATCHED | ONE),
    "matched-all": Training(MATCHED),
    "improved-one": Training(ONE | IMPROVING),
    "improved-single-one": Training(ONE | IMPROVING | SINGLE),
    "improved-baseline-one": Training(METHODS["baseline"] | ONE | FOR_ALL),
    "improved-fit": Training(ONE | {"split": "fit"} | IMPROVING),
    **{
        f"improved without {name}": Training(
            ONE
            | {"split": "fit"}
            | {field: v for field, v in IMPROVING.items() if field not in fields}
        )
        for name, fields in INGREDIENTS.items()
    },
    **{
        f"candidate {name}": Training(ONE | {"split": "fit"} | change)
        for name, change in CANDIDATES.items()
    },
    # two stages: what is learned without labels is learned once
    **{rival: Training(METRIC, rival=rival) for rival in STAGED},
    **{
        f"{rival}-{amount}": (
            Training(METHODS["baseline"] | AMOUNTS[amount], start=rival, rival=rival)
            if rival in STAGED
            else Training(AMOUNTS[amount], rival=rival)
        )
        for rival in RIVALS
        for amount in ("one", "all")
    },
    **{
        f"sensitivity {name}": Training(ONE | {"split": "fit"} | change)
        for name, change in SENSITIVITY.items()
    },
}
#: Experiment `gap`: these trainings, on the store of each strength of style.
GAP = ("baseline-all", "baseline-one", "seeing-one", "mcss-one")
TRAININGS |= {
    f"{name}-{role}": TRAININGS[name]._replace(store=role)
    for role in STYLES.values()
    if role != "main"
    for name in GAP
}


def configuration(name, store, schedule, seed):
    """The `TrainingConfig` of a training.

    name: in TRAININGS. store: what it learns from. schedule: in SCHEDULES. Raises
    `ValueError` if the store has fewer subjects or views than the training labels.
    """
    base, change = SCHEDULES[schedule], dict(TRAININGS[name].change)
    split = store.splits[change.get("split", "train")]
    if "label_subjects" in change:
        if len(split.subjects) < change["label_subjects"]:
            raise ValueError(
                f"{name} takes labels of {change['label_subjects']} subjects:"
                f" {store.path} trains on {len(split.subjects)}"
            )
        change["label_subjects"] = tuple(split.subjects[: change["label_subjects"]])
    if "label_views" in change:
        if len(split.views) < 4:
            raise ValueError(
                f"{name} needs four views: {store.path} trains on {len(split.views)}"
            )
        views = tuple(split.views[k] for k in change["label_views"])
        # None for all views, so that V1234 is the training with all views
        change["label_views"] = None if len(views) == len(split.views) else views
    for field, factor in change.pop("times", {}).items():
        change[field] = round(getattr(base, field) * factor)
    return dataclasses.replace(base, seed=seed, **change)


def add_validation(store):
    """Adds two splits to a store's own: 'fit', its training split without the last
    subject, and 'validation', that subject; returns the store.

    Settings are compared on it, so that the test subjects stay unseen until everything
    is chosen.
    """
    train = store.splits.get("train")
    if train is None or len(train.subjects) < 2:
        return store
    *fit, last = train.subjects
    store.splits["fit"] = Split(fit, train.views, {s: train.frames[s] for s in fit})
    store.splits["validation"] = Split([last], train.views, {last: train.frames[last]})
    return store
