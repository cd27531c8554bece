"""Element 7: queries with their nearest neighbours in the embedding, and the Oracle's
(Section 6.1).
"""

import torch

from ...metrics import pairwise_pa_mpjpe
from .element import Element, sheet

#: mm of PA-MPJPE under which a neighbour is framed as good.
ALIKE = 60


def retrieval_table(store, predictions, queries, names, most=10):
    """predictions: of `mcss.inference.predict`. queries: rows of it, with a name each.
    most: the largest K.

    The gallery is that of `mean_pa_mpjpe_at_k`: in Case 1 (same) every other view, in
    Case 2 (cross) of these other subjects only.
    """
    p, asked = predictions, []
    for query, name in zip(queries, names):
        distance = (p.embeddings - p.embeddings[query]).norm(dim=1)
        error = pairwise_pa_mpjpe(p.truth[query][None], p.truth)[0]
        rows, cases = [query], []
        for cross in (False, True):
            gallery = (p.views != p.views[query]) & (
                (p.subjects != p.subjects[query]) if cross else True
            )
            outside = torch.as_tensor(~gallery)
            case = {"blind": error[~outside].mean()}
            for who, score in (("model", distance), ("oracle", error)):
                nearest = (
                    score.masked_fill(outside, torch.inf)
                    .topk(most, largest=False)
                    .indices.tolist()
                )
                rows += [i for i in nearest if i not in rows]
                case[who] = {
                    "images": [rows.index(i) for i in nearest],
                    "errors": error[nearest],
                    "names": [_place(p, i) for i in nearest],
                }
            cases.append(case)
        images = torch.cat(
            [store.images(p.subjects[i], [p.frames[i]], [p.views[i]]) for i in rows]
        )
        asked.append({"name": name, "sheet": sheet(images), "cases": cases})
    return Element(
        "retrieval",
        "Cross-view retrieval: choose a query, the number of neighbours K and the"
        " gallery; it shows the neighbours in the embedding, the Oracle's, and their"
        " errors.",
        {"queries": asked, "most": most, "alike": ALIKE},
    )


def _place(p, i):
    return f"{p.subjects[i]}, camera {p.views[i] + 1}"
