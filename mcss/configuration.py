"""Everything that decides a training run, in one place (Section 4)."""

from dataclasses import dataclass, fields

from .ablations import LOSSES

#: What fields with a few values may be.
CHOICES = {
    "mining": tuple(LOSSES),
    "negatives": ("batch", "subject"),
    "augment": ("", "same", "different"),
    "norm": ("batch", "group"),
    "data": ("auto", "resident", "streamed"),
}
#: Fields of `Method` that the published networks were trained without.
LATER = (
    *("negatives", "see_all", "temperature", "agree", "align"),
    *("mirror", "augment", "cosine", "norm"),
)


@dataclass(frozen=True)
class Method:
    """What decides a training run. The defaults are the paper's, where it gives any
    (Section 4).

    Not the paper's: `pose_lr_factor` (H learns that many times faster: its input has
    unit length, so its weights must grow; measured), `gap` (the paper's is in a lost
    supplement), and everything from `seed` on.
    """

    metric_loss: bool = True  #: L_cnstr
    pose_loss: bool = True  #: L_pose; alone it is the paper's Baseline
    pairs: int = 66  #: anchor-positive pairs in a batch
    labelled: int = 22  #: labelled images in a batch
    same_subject: bool = True  #: False: every subject in every batch
    negatives: str = "batch"  #: or 'subject', only of the anchor's own
    see_all: bool = False  #: the pairs' images go through even without L_cnstr
    gap: float = 0.5  #: seconds that two instants of one clip lie apart in a batch
    margin: float = 0.6  #: alpha
    beta: float = 0.3
    mining: str = "hardest"  #: or another of mcss.ablations.LOSSES
    temperature: float = 0.1  #: of 'infonce'
    pose_weight: float = 1.0  #: w in L = L_cnstr + w L_pose
    agree: float = 0.0  #: weight of the views' agreement on the canonical pose
    align: float = 0.0  #: weight of the subjects' agreement on the mean embedding
    mirror: bool = False  #: half of all pairs and labelled images, at random
    augment: str = ""  #: or 'same', 'different' for the two views of a pair
    epochs: int = 40
    lr: float = 1e-3
    lr_drop_epoch: int = 20  #: from this epoch on, lr times lr_drop
    lr_drop: float = 0.1
    cosine: bool = False  #: lr falls to 0 along a cosine instead of dropping once
    betas: tuple = (0.9, 0.99)
    pose_lr_factor: float = 10.0
    split: str = "train"
    label_subjects: tuple | None = None  #: None: all of the split's
    label_views: tuple | None = None  #: counted from 0; None: all
    label_share: float = 1.0  #: of the labelled subjects' instants
    target: str = "canonical"  #: or 'global'
    backbone: str = "resnet18"
    embedding_dim: int = 128
    pretrained: bool = False
    batch_norm: bool = True  #: False leaves out the BatchNorm of G
    norm: str = "batch"  #: what normalises in F; or 'group'
    seed: int = 0
    precision: str = "auto"  #: see mcss.engine.precision


@dataclass(frozen=True)
class Machine:
    """What only concerns the machine: the same run, sooner or later."""

    channels_last: bool = True  #: how images lie in memory
    compile: bool = False  #: torch.compile for F
    graph: bool = True  #: on a GPU the step is replayed as a graph where it can be
    #: 'resident': the split is decoded once and stays on the device; 'streamed': from
    #: disk for each batch; 'auto': resident on a GPU with room for it
    data: str = "auto"
    checkpoint_every: int = 200  #: steps


@dataclass(frozen=True)
class TrainingConfig(Machine, Method):
    """All settings of a training: the fields of `Method`, then those of `Machine`.

    Raises `ValueError` for settings that contradict each other.
    """

    def __post_init__(self):
        if not (self.metric_loss or self.pose_loss):
            raise ValueError(
                "nothing to learn from: set metric_loss, pose_loss or both"
            )
        if self.epochs < 1 or self.labelled < 2:
            raise ValueError(
                "epochs must be at least 1 and labelled at least 2, not"
                f" {self.epochs} and {self.labelled}"
            )
        for name, values in CHOICES.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"{name} must be one of {', '.join(v or repr(v) for v in values)},"
                    f" not {getattr(self, name)!r}"
                )
        if (self.agree or self.align) and not self.sees_pairs:
            raise ValueError(
                "agree and align are losses of the unlabelled pairs, and this run sees"
                " none: set metric_loss or see_all"
            )
        if self.agree and not self.pose_loss:
            raise ValueError(
                "agree compares poses, which H learns from labels: set pose_loss"
            )
        if self.mirror and self.target != "canonical":
            raise ValueError(
                "mirror=True needs target='canonical': which global pose a mirrored"
                " picture shows depends on the camera"
            )
        for name in ("betas", "label_subjects", "label_views"):  # JSON knows no tuples
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def sees_pairs(self):
        """Whether the unlabelled pairs go through the network."""
        return self.metric_loss or self.see_all

    def method(self):
        """The fields of `Method`, a dict; those that came later only where they are not
        at their defaults, so that what was trained before them is found again.
        """
        return {
            field.name: getattr(self, field.name)
            for field in fields(Method)
            if field.name not in LATER or getattr(self, field.name) != field.default
        }


#: What this book found better than the paper's recipe (chapter 'Better than the
#: paper'), chosen on a validation person.
IMPROVED = TrainingConfig(
    same_subject=False,
    negatives="subject",
    mining="infonce",
    mirror=True,
    augment="different",
    cosine=True,
)

#: What the chapters train with, on two CPU cores: all labels, batches and epochs small
#: enough for a few minutes.
CHAPTER_CONFIG = TrainingConfig(
    pairs=24,
    labelled=8,
    epochs=3,
    lr=2e-3,
    lr_drop_epoch=2,
    pose_lr_factor=5.0,
    checkpoint_every=50,
)
