"""Skip when reading: what training needs on real machines, and the paper does not.

`machine` (devices, cores), `ranks` (several processes that train together), `precision`
(number formats), `adam`, `replay` (a step as a CUDA graph), `pictures` and `workers`
(where pictures come from, and who reads them ahead), `checkpoint` (files that survive
being interrupted), `alarm` (is the embedding collapsing?) and `run`, which
`mcss.training.train` is written over: where a training resumes, keeps its figures and
shows its progress.
"""
