"""Every table and figure of the paper, and some beyond it, as named experiments:
`python -m mcss.experiments --help`.

Read in this order; no module imports one that comes later:

`measures`    what is measured on a trained network
`rivals`      the paper's rivals: their settings and what is measured on them
`trainings`   one table of configurations
`inference_time`  how long an image takes, without any training
`catalogue`   which experiment measures what on which trainings
`results`     the JSON file of a finished experiment
`runs`        one training of one seed: its folder, its record, its predictions
`rival_runs`  the same of a rival
`queue`       the runs behind some experiments, and their results
`clock`       whether another training still ends in time
`running`     runs what is missing, one after the other or several at once
`claims`      does the paper's claim hold?
`cards`       the published checkpoints
`batch_norm`  the published networks under other BatchNorm statistics
`shortcuts`   what a batch could be solved by without looking at the pose
"""

from .catalogue import EXPERIMENTS

__all__ = ["EXPERIMENTS"]
