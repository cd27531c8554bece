"""Interactive figures for the chapters: the same in JupyterLab, in Colab, and in a
published page without a kernel.

`element` turns data and a script into one; each of the other modules makes the data of
one figure, which the script of the same name shows. What can be chosen travels with the
figure, so no kernel and no network is needed to choose it.
"""

from .batch_rules import batch_rules
from .canonical import canonical_turntable
from .distances import distance_table
from .element import Element, joints, sheet
from .embedding_map import embedding_map
from .first_look import first_look
from .mining import mining_table
from .multiview_browser import multiview_browser
from .novel_view import novel_view
from .prediction import prediction_viewer
from .retrieval import retrieval_table
from .skeletons import skeletons
from .training import training_film

__all__ = [
    "Element",
    "batch_rules",
    "canonical_turntable",
    "distance_table",
    "embedding_map",
    "first_look",
    "joints",
    "mining_table",
    "multiview_browser",
    "novel_view",
    "prediction_viewer",
    "retrieval_table",
    "sheet",
    "skeletons",
    "training_film",
]
