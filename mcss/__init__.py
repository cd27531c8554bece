"""MCSS: multiview-consistent semi-supervised learning for 3D human pose (Mitra et al.,
CVPR 2020).

The paper, in its reading order; no module imports one that comes later:

`skeleton`, `canonical`  what a pose is (Section 3.2.1, Eq. 3)
`data`                   what a store gives: images, poses, cameras
`dealing`, `batches`     which instants meet in a mini-batch (Section 3.1.1)
`targets`, `augmenting`, `feeding`  labels, and the tensors of a step
`model`                  F, G and H (Fig. 1a)
`mining`                 hardest negatives and the contrastive loss (Eq. 1 and 2)
`ablations`              the losses and batches that the paper's are compared with
`improvements`           what this book adds to them
`configuration`          every setting of a training
`training`               forward, backward, step (Section 4)
`statistics`             BatchNorm at test time
`inference`              a trained network over a store
`metrics`, `retrieval`   what the tables report (Sections 5 and 6)

Around it: `store` (how data lie on disk), `fast` (the fast forms of mining, alignment
and search), `engine` (ranks, number formats, checkpoints, resuming; skip when reading),
`rivals` (other methods on the same data), `experiments` (the tables) and `figures`
(the pictures). On the command line: `train`, `find` and `predict`.
"""

__version__ = "0.1.0"
