"""MCSS: multiview-consistent semi-supervised learning for 3D human pose (Mitra et al.,
CVPR 2020).

Read the modules in the order the data flows through them: `skeleton` and `canonical`
(what a pose is), `data` and `batches` (what a mini-batch is), `model` and `mining` (Eq.
1 and 2), `training` (Section 4), `metrics` and `retrieval` (Sections 5 and 6). Nothing
imports against that order.
"""

__version__ = "0.1.0"
