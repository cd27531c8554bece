import warnings

import pytest

from mcss.engine.alarm import CollapseAlarm


def test_without_batch_norm_it_collapses_and_says_so(store):
    """Constant images embed alike: the alarm rings. With the loss alone, no push is left."""
    alarm = CollapseAlarm(0.3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        alarm.check(10, 1.0, 1.2)
        assert not caught
        alarm.check(20, 0.9, 0.2)
        alarm.check(30, 0.0, 0.1)
        alarm.check(130, 0.0, 0.0)
    assert len(caught) == 2 and "step 20: the embedding is collapsing" in str(caught[0].message)


def test_pairs_that_teach_nothing_are_told_once():
    alarm = CollapseAlarm(0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alarm.check_learning(10, 1.4, 1.4)  # too early to say
        alarm.check_learning(400, 0.5, 1.4)
    with pytest.warns(RuntimeWarning, match="step 200: .*Do people move"):
        alarm.check_learning(200, 1.38, 1.4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alarm.check_learning(210, 1.38, 1.4)
