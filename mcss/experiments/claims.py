"""The paper's claims, each a number computed alike from the paper's tables and from our
results, and a verdict.

A claim is a difference between rows of tables. Ours is computed seed by seed (the same
seed draws the same batches of labels in every row), so its interval is that of the
paired differences.
"""

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from .measures import KS
from .results import interval_of_mean


class Claim(NamedTuple):
    """A sentence of the paper that numbers can confirm or refute."""

    words: str
    place: str  #: in the paper
    tables: tuple  #: what it is computed from
    value: Callable  #: from get(table, training, quantity) to a number
    unit: str
    holds: tuple  #: (low, high): the claim holds for a value in this range


def _saving(get, table, ours, other):
    return 100 * (1 - get(table, ours, "N-MPJPE") / get(table, other, "N-MPJPE"))


def _graceful(get):
    def loss(method):
        one = get("table1", f"{method}-one", "N-MPJPE")
        return one - get("table1", f"{method}-all", "N-MPJPE")

    return loss("baseline") - loss("mcss")


INF = float("inf")

CLAIMS = {
    "over the Baseline": Claim(
        "With one subject's labels, MCSS has a lower N-MPJPE than the Baseline",
        "Section 5, Table 1",
        ("table1",),
        lambda get: _saving(get, "table1", "mcss-one", "baseline-one"),
        "%",
        (0, INF),
    ),
    "graceful": Claim(
        "From all subjects' labels to one's, MCSS loses less than the Baseline",
        "Section 5, Table 1 and Fig. 3",
        ("table1",),
        _graceful,
        "mm",
        (0, INF),
    ),
    "canonical": Claim(
        "Canonical targets give a lower N-MPJPE than global ones",
        "Section 5, Table 2",
        ("table2",),
        lambda get: _saving(get, "table2", "mcss-one", "mcss-one-global"),
        "%",
        (0, INF),
    ),
    "new views": Claim(
        "Labels from two views instead of four cost at most 5 mm on an unlabelled view",
        "Section 5, Table 3",
        ("table3",),
        lambda get: (
            get("table3", "mcss-one-v12", "N-MPJPE")
            - get("table3", "mcss-one-v1234", "N-MPJPE")
        ),
        "mm",
        (-INF, 5),
    ),
    "near the Oracle": Claim(
        "Retrieved poses are nearer to the Oracle's than to a blind pick (share of the"
        " way, K = 10)",
        "Section 6.1, Fig. 5",
        ("figure5",),
        lambda get: (
            100
            * get("figure5", "mcss-one", "same relative", 10)
            / (
                get("figure5", "mcss-one", "same blind")
                - get("figure5", "mcss-one", "same oracle", 10)
            )
        ),
        "%",
        (-INF, 50),
    ),
    "flat in K": Claim(
        "Relative to the Oracle, retrieval changes by at most 10 mm from K = 5 to 20",
        "Section 6.1, Fig. 5",
        ("figure5",),
        lambda get: (
            get("figure5", "mcss-one", "same relative", 20)
            - get("figure5", "mcss-one", "same relative", 5)
        ),
        "mm",
        (-10, 10),
    ),
    "same below cross": Claim(
        "Relative to the Oracle, the error is lower in Case 1 (same) than in Case 2"
        " (cross) (K = 10)",
        "Section 6.1, Fig. 5",
        ("figure5",),
        lambda get: (
            get("figure5", "mcss-one", "cross relative", 10)
            - get("figure5", "mcss-one", "same relative", 10)
        ),
        "mm",
        (0, INF),
    ),
    "fine-tuning": Claim(
        "Fine-tuning without labels on a new domain brings retrieval nearer to the"
        " Oracle (K = 10)",
        "Section 6.3, Table 4",
        ("table4",),
        lambda get: (
            get("table4", "mcss-one", "same relative", 10)
            - get("table4", "field-metric", "same relative", 10)
        ),
        "mm",
        (0, INF),
    ),
}


class Verdict(NamedTuple):
    """What our results say about a claim."""

    claim: Claim
    #: the same number from the paper's tables; None where they do not give it
    paper: float | None
    ours: float  #: mean over seeds
    interval: list | None  #: [low, high], 95%; None for one seed
    seeds: int  #: how many
    verdict: str  #: 'holds', 'does not hold' or 'open'


def verdict_of(values, holds):
    """'holds' or 'does not hold' if the whole 95% interval lies in, or out of, the
    range `holds`; else, or with one seed, 'open'.
    """
    interval = interval_of_mean(values)
    if interval is None:
        return "open"
    low, high = interval
    if holds[0] < low and high < holds[1]:
        return "holds"
    return "does not hold" if high < holds[0] or holds[1] < low else "open"


def verdicts(results, published):
    """`{claim: Verdict}` for each claim whose tables are there.

    results: `{experiment: result}`. published: the cited data file.
    """
    return {
        name: _verdict(claim, results, published)
        for name, claim in CLAIMS.items()
        if all(table in results for table in claim.tables)
    }


def _verdict(claim, results, published):
    seeds = range(min(len(results[table]["seeds"]) for table in claim.tables))
    values = [claim.value(_getter_of_results(results, seed)) for seed in seeds]
    try:
        paper = claim.value(_getter_of_published(published))
    except (KeyError, TypeError):  # a number the paper shows only as a curve
        paper = None
    return Verdict(
        claim,
        paper,
        statistics.fmean(values),
        interval_of_mean(values),
        len(values),
        verdict_of(values, claim.holds),
    )


def _getter_of_results(results, seed):
    def get(table, training, quantity, k=None):
        row = next(row for row in results[table]["rows"] if row["training"] == training)
        value = row["values"][quantity]["per_seed"][seed]
        return value if k is None else value[KS.index(k)]

    return get


def _getter_of_published(published):
    def get(table, training, quantity, k=None):
        entry = published["tables"][table]
        row = next(row for row in entry["rows"] if row.get("training") == training)
        if k is None:
            return row[quantity]
        return row[quantity.removesuffix(" relative")][entry["K"].index(k)]

    return get


def read_published(path):
    """The cited data file of published numbers, `book/published.json`."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
