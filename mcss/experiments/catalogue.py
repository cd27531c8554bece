"""The experiments: each a few lines that say which trainings are its rows and what is
measured on them.
"""

from collections.abc import Callable
from typing import NamedTuple

from . import measures, rivals
from .inference_time import inference_time
from .trainings import AMOUNTS, BETAS, CANDIDATES, GAP, INGREDIENTS, SENSITIVITY, STYLES


class Row(NamedTuple):
    """A row of a table or line of a figure: a training, seen on a split of a store."""

    label: str
    training: str
    on: str = "main"  #: the role of the store it is tested on
    split: str = "test"
    #: what BatchNorm normalises by: 'running'; 'training', the unlabelled pictures of
    #: all training subjects; 'subject', each tested person's own (transductive)
    statistics: str = "running"


class Experiment(NamedTuple):
    title: str
    rows: tuple
    #: from an `Evaluated` to a dict; without rows, from a device to {row: dict}
    measure: Callable
    #: shows single images: of the first seed only, and nothing is averaged
    example: bool = False


ONE, ALL = "one subject's labels", "all subjects' labels"
METHODS = (("mcss", "MCSS"), ("baseline", "Baseline"))
BACKGROUNDS = (("shared", ""), ("replaced", "-replaced"), ("removed", "-removed"))
LABELS = (
    f"Baseline, {ALL}",
    f"Baseline, {ONE}",
    "Baseline that sees all pictures",
    "MCSS",
)
STATISTICS = {
    "running": "",
    "training": ", statistics of all training people",
    "subject": ", statistics of the test person",
}


def _words_for(amount):
    """The label of an amount of labels, one of AMOUNTS: 'half of one subject'."""
    return f"{amount} of one subject" if "label_share" in AMOUNTS[amount] else amount


EXPERIMENTS = {
    "table1": Experiment(
        "Table 1: MCSS and the Baseline, labels of all subjects and of one",
        (
            Row(f"Baseline, {ALL}", "baseline-all"),
            Row(f"MCSS, {ALL}", "mcss-all"),
            Row(f"Baseline, {ONE}", "baseline-one"),
            Row(f"MCSS, {ONE}", "mcss-one"),
        ),
        measures.pose_errors,
    ),
    "fair": Experiment(
        "A fair Baseline: what comes of the pictures alone, and of the metric loss",
        tuple(
            Row(f"{label}{words}", training, statistics=statistics)
            for label, training in (
                ("Baseline", "baseline-one"),
                ("Baseline that sees all pictures", "seeing-one"),
                ("MCSS", "mcss-one"),
            )
            for statistics, words in STATISTICS.items()
        ),
        measures.errors_and_retrieval,
    ),
    "gap": Experiment(
        "What unlabelled views save, against how differently people move",
        tuple(
            Row(
                f"{label}, style {strength}",
                training if role == "main" else f"{training}-{role}",
                on=role,
            )
            for strength, role in STYLES.items()
            for label, training in zip(LABELS, GAP)
        ),
        measures.errors_and_retrieval,
    ),
    "candidates": Experiment(
        "Changes of the recipe, on a validation subject",
        tuple(
            Row(name, f"candidate {name}", split="validation") for name in CANDIDATES
        ),
        measures.errors_and_retrieval,
    ),
    "improved": Experiment(
        "IMPROVED without each of its ingredients, on a validation subject",
        (
            Row("IMPROVED", "improved-fit", split="validation"),
            *(
                Row(f"without {name}", f"improved without {name}", split="validation")
                for name in INGREDIENTS
            ),
            Row(
                "the paper's recipe", "candidate the paper's recipe", split="validation"
            ),
        ),
        measures.errors_and_retrieval,
    ),
    "better": Experiment(
        "Better than the paper, with as many images, on the test subjects",
        (
            Row("Baseline", "baseline-one"),
            Row("Baseline, improved", "improved-baseline-one"),
            Row("Baseline that sees all pictures", "seeing-one"),
            Row("MCSS", "mcss-one"),
            Row("IMPROVED", "improved-one"),
            Row(f"Baseline, {ALL}", "baseline-all"),
            Row("Baseline with as many images", "matched-one"),
            Row(f"Baseline with as many images, {ALL}", "matched-all"),
        ),
        measures.errors_and_more_retrieval,
    ),
    "looks": Experiment(
        "What unlabelled views save where people move alike and look different",
        (
            Row("Baseline", "baseline-one"),
            Row("Baseline that sees all pictures", "seeing-one"),
            Row("Baseline with as many images", "matched-one"),
            Row("MCSS", "mcss-one"),
            Row("IMPROVED, one person a batch", "improved-single-one"),
            Row(f"Baseline, {ALL}", "baseline-all"),
        ),
        measures.errors_and_more_retrieval,
    ),
    "table2": Experiment(
        "Table 2: canonical against global targets, and a deeper backbone",
        (
            Row("MCSS", "mcss-one"),
            Row("MCSS-global", "mcss-one-global"),
            Row("MCSS-ResNet34", "mcss-one-resnet34"),
        ),
        measures.pose_errors,
    ),
    "table3": Experiment(
        "Table 3: a viewpoint without labels (tested on view 4)",
        (
            Row("MCSS-V1234", "mcss-one-v1234"),
            Row("Baseline-V1234", "baseline-one-v1234"),  # not in the paper
            Row("MCSS-V123", "mcss-one-v123"),
            Row("Baseline-V123", "baseline-one-v123"),
            Row("MCSS-V12", "mcss-one-v12"),
            Row("Baseline-V12", "baseline-one-v12"),
        ),
        measures.view_4_errors,
    ),
    "table4": Experiment(
        "Table 4: retrieval in another domain, as is and fine-tuned without labels",
        (
            Row("as is", "mcss-one", on="field"),
            Row("fine-tuned with L_cnstr", "field-metric", on="field"),
        ),
        measures.retrieval,
    ),
    "figure3": Experiment(
        "Fig. 3: error against the amount of labels",
        tuple(
            Row(f"{label}, {_words_for(amount)}", f"{method}-{amount}")
            for method, label in METHODS
            for amount in AMOUNTS
        ),
        measures.pose_errors,
    ),
    "figure4": Experiment(
        "Fig. 4: predicted poses beside the Baseline's",
        (
            Row("MCSS", "mcss-one"),
            Row("Baseline", "baseline-one"),
        ),
        measures.examples,
        example=True,
    ),
    "figure5": Experiment(
        "Fig. 5: retrieval against K, with and without pose labels",
        (
            Row("L_cnstr", "metric"),
            Row("L_cnstr + L_pose (one subject)", "mcss-one"),
        ),
        measures.retrieval,
    ),
    "figure6": Experiment(
        "Fig. 6: embedding distance against pose distance",
        (Row("MCSS", "mcss-one"),),
        measures.distance_by_pose,
    ),
    "figure1b": Experiment(
        "Fig. 1b: distances between images in the embedding",
        (Row("MCSS", "mcss-one"),),
        measures.distances_between_images,
        example=True,
    ),
    "tsne": Experiment(
        "t-SNE map of the embedding",
        (Row("MCSS", "mcss-one"),),
        measures.map_of_embedding,
        example=True,
    ),
    "inference": Experiment(
        "Inference time of an image, beside ResNet-50", (), inference_time
    ),
    "collapse": Experiment(
        "Collapse: G with and without BatchNorm, by beta (margin = 2 beta; one epoch)",
        tuple(
            Row(
                f"{'with' if bn == 'bn' else 'without'} BatchNorm, beta = {beta}",
                f"collapse-{bn}-{beta}",
            )
            for bn in ("bn", "no-bn")
            for beta in BETAS
        ),
        measures.training_curves,
    ),
    "batches": Experiment(
        "Mini-batches: one subject or mixed, and the temporal gap",
        (
            Row("one subject, gap 0.5 s", "mcss-one"),
            Row("mixed subjects, gap 0.5 s", "mcss-one-mixed"),
            Row("one subject, no gap", "mcss-one-gap-0"),
            Row("one subject, gap 2 s", "mcss-one-gap-2"),
        ),
        measures.errors_and_retrieval,
    ),
    "background": Experiment(
        "Background: shared, replaced, removed",
        tuple(
            Row(f"{label}, {name}", f"{method}-one{suffix}", on=suffix[1:] or "main")
            for method, label in METHODS
            for name, suffix in BACKGROUNDS
        ),
        measures.errors_and_retrieval,
    ),
    "mining": Experiment(
        "Mining: the hardest negative and its rivals",
        (
            Row("hardest (the paper)", "mcss-one"),
            Row("semi-hard", "mcss-one-semi-hard"),
            Row("random", "mcss-one-random"),
            Row("InfoNCE", "mcss-one-infonce"),
        ),
        measures.errors_and_retrieval,
    ),
    "sensitivity": Experiment(
        "Settings, one at a time, on a validation subject",
        tuple(
            Row(name, f"sensitivity {name}", split="validation") for name in SENSITIVITY
        ),
        measures.errors_and_retrieval,
    ),
    **{
        name: Experiment(
            f"The paper's rivals, {words}",
            tuple(Row(label, f"{rival}-{amount}") for rival, label in rivals.LABELS),
            rivals.both_frames,
        )
        for name, amount, words in (("rivals", "one", ONE), ("rivals_all", "all", ALL))
    },
}
