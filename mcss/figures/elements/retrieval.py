"""Element 7: queries with their nearest neighbours in the embedding, and the Oracle's
(Section 6.1).
"""

import torch

from ...experiments.shortcuts import SAME_POSE_MM
from ...metrics import pairwise_pa_mpjpe
from ...retrieval import gallery_of
from .element import Element, sheet


def retrieval_table(store, predictions, queries, names, most=10):
    """An `Element`: queries and their neighbours, in Case 1 (same) and Case 2 (cross),
    searched as in `mcss.retrieval.gallery_of`.

    store: of the images. predictions: of `mcss.inference.predict`. queries: rows of it,
    with a name each. most: the largest K.
    """
    shown = [
        {"name": name, **_searched(store, predictions, query, most)}
        for query, name in zip(queries, names)
    ]
    return Element(
        "retrieval",
        "Cross-view retrieval: choose a query, the number of neighbours K and the"
        " gallery; it shows the neighbours in the embedding, the Oracle's, and their"
        " errors.",
        {"queries": shown, "most": most, "alike": SAME_POSE_MM},
    )


def _searched(store, p, query, most):
    """What the figure knows of one query: a sheet of pictures, its own first, and for
    each case the neighbours as places in the sheet.
    """
    distance = (p.embeddings - p.embeddings[query]).norm(dim=1)
    error = pairwise_pa_mpjpe(p.truth[query][None], p.truth)[0]
    rows, cases = [query], []
    for cross in (False, True):
        gallery = torch.as_tensor(gallery_of(query, p.subjects, p.views, cross))
        case = {"blind": error[gallery].mean()}
        for who, score in (("model", distance), ("oracle", error)):
            score = score.masked_fill(~gallery, torch.inf)
            nearest = score.topk(most, largest=False).indices.tolist()
            rows += [i for i in nearest if i not in rows]
            case[who] = {
                "images": [rows.index(i) for i in nearest],
                "errors": error[nearest],
                "names": [f"{p.subjects[i]}, camera {p.views[i] + 1}" for i in nearest],
            }
        cases.append(case)
    images = [store.images(p.subjects[i], [p.frames[i]], [p.views[i]]) for i in rows]
    return {"sheet": sheet(torch.cat(images)), "cases": cases}
