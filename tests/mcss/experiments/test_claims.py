from pathlib import Path

import pytest

from mcss.experiments.claims import CLAIMS, read_published, verdict_of, verdicts

PUBLISHED = Path(__file__).resolve().parents[3] / "book" / "published.json"


def table1(*seeds):
    """A result; of each seed the N-MPJPE of mcss-one, baseline-one, mcss-all, baseline-all."""
    names = ("mcss-one", "baseline-one", "mcss-all", "baseline-all")
    return {
        "seeds": list(range(len(seeds))),
        "rows": [
            {"training": name, "values": {"N-MPJPE": {"per_seed": [seed[k] for seed in seeds]}}}
            for k, name in enumerate(names)
        ],
    }


def test_the_paper_s_own_numbers_give_the_paper_s_claims():
    of = verdicts({"table1": table1((75, 100, 90, 95))}, read_published(PUBLISHED))
    assert of["over the Baseline"].paper == pytest.approx(25.0, abs=0.05)  # "25%"
    assert of["graceful"].paper == pytest.approx(54.21 - 19.34)
    assert of["over the Baseline"].ours == pytest.approx(25.0)
    assert of["graceful"].ours == (100 - 95) - (75 - 90)


def test_a_claim_is_computed_seed_by_seed():
    results = {"table1": table1((80, 100, 1, 1), (90, 100, 1, 1), (85, 100, 1, 1))}
    verdict = verdicts(results, read_published(PUBLISHED))["over the Baseline"]
    assert (verdict.ours, verdict.seeds, verdict.verdict) == (pytest.approx(15), 3, "holds")
    assert verdict.interval == pytest.approx([15 - 12.42, 15 + 12.42], abs=0.01)


def test_fine_tuning_is_compared_within_the_paper_s_text():
    rows = [
        {"training": t, "values": {"same relative": {"per_seed": [[v] * 5]}}}
        for t, v in (("mcss-one", 90.0), ("field-metric", 60.0))
    ]
    results = {"table4": {"seeds": [0], "rows": rows}}
    verdict = verdicts(results, read_published(PUBLISHED))["fine-tuning"]
    assert verdict.paper == pytest.approx(119.6 - 62.46) and verdict.ours == 30
    assert verdict.verdict == "open" and verdict.interval is None


def test_verdicts():
    above_zero = CLAIMS["over the Baseline"].holds
    assert verdict_of([5.0, 6.0, 5.5], above_zero) == "holds"
    assert verdict_of([-5.0, -6.0, -5.5], above_zero) == "does not hold"
    assert verdict_of([5.0, -6.0, 5.5], above_zero) == "open"
    assert verdict_of([50.0], above_zero) == "open"  # one seed decides nothing


def test_only_claims_whose_tables_are_there():
    assert set(verdicts({"table1": table1((1, 2, 3, 4))}, read_published(PUBLISHED))) == {
        "over the Baseline",
        "graceful",
    }


def test_every_published_table_names_its_source():
    bibliography = (PUBLISHED.parent / "references.bib").read_text()
    for table in read_published(PUBLISHED)["tables"].values():
        assert f"{{{table['source']}," in bibliography and table["place"] and table["data"]
