"""The fast forms of what `mcss.mining`, `mcss.metrics` and `mcss.retrieval` do plainly.

Each gives what its plain form gives, and is tested against it; where it is chosen is
one line there. Nothing here imports the rest of the package: skip it when reading.
"""
