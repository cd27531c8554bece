"""Every table and figure of the paper, and some beyond it, as named experiments:
`python -m mcss.experiments --help`.

Read in this order: `trainings` (one table of configurations), `measures` (what is
measured on a trained network), `catalogue` (which experiment measures what on which
trainings), `queue` (does one training, and gathers the results of all), `running`
(which trainings are missing, and how many run at once), `results` (the JSON file of a
finished experiment), `claims` (does the paper's claim hold?), `cards` (the published
checkpoints).
"""

from .catalogue import EXPERIMENTS

__all__ = ["EXPERIMENTS"]
