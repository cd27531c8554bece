import warnings

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
