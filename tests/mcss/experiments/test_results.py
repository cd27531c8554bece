import numpy as np
import pytest
from scipy import stats

from mcss.experiments.results import (
    KEYS,
    commit,
    interval_of_mean,
    read_result,
    rounded,
    summary,
    write_result,
)


def test_the_interval_is_student_s():
    values = [101.0, 96.0, 109.0]
    expected = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    assert interval_of_mean(values) == pytest.approx(expected)
    assert interval_of_mean([3.0]) is None


def test_a_summary_of_numbers_lists_and_gaps():
    assert summary([1.0, 3.0]) == {
        "per_seed": [1.0, 3.0],
        "mean": 2.0,
        "interval": pytest.approx([2 - 12.7062, 2 + 12.7062], abs=1e-3),
    }
    curve = summary([[1.0, None], [3.0, 5.0]])
    assert curve["mean"] == [2.0, None] and curve["interval"][1] is None
    assert curve["per_seed"][1] == [3.0, 5.0]
    assert summary([[1.0]])["interval"] is None
    with pytest.raises(ValueError, match="differ in length"):
        summary([[1.0], [1.0, 2.0]])


def test_a_diverged_training_has_no_result():
    with pytest.raises(ValueError, match="diverged"):
        rounded({"a": [1.23456, float("nan")]})
    assert rounded({"a": (1.23456, "x", 3)}) == {"a": [1.2346, "x", 3]}


def test_write_and_read(tmp_path):
    result = dict.fromkeys(KEYS, 1) | {
        "experiment": "table1",
        "schedule": "small",
        "stores": {"main": {"name": "toy"}},
    }
    path = write_result(tmp_path / "new", result)
    assert path.name == "table1.toy.small.json" and read_result(path)["stores"] == result["stores"]
    with pytest.raises(ValueError, match="lacks seeds"):
        write_result(tmp_path, {key: value for key, value in result.items() if key != "seeds"})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "mcss-result", "version": 1}'])
def test_a_damaged_result(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match="x.json is not a result of this package"):
        read_result(tmp_path / "x.json")


def test_outside_a_checkout_the_environment_says_the_commit(monkeypatch):
    monkeypatch.setenv("MCSS_COMMIT", "abc123")
    assert commit() != "abc123"  # here, git knows

    def no_git(*arguments, **options):
        raise FileNotFoundError("git")

    monkeypatch.setattr("subprocess.run", no_git)
    assert commit() == "abc123"
    monkeypatch.delenv("MCSS_COMMIT")
    assert commit() == "unknown"
