"""The bill: which prediction a ratio lies in, with its whole interval."""

from __future__ import annotations

from wamviz.lessons.experiments.bill import times_slower


def test_a_ratio_is_named_when_its_interval_lies_within_one_prediction() -> None:
    quick = [1.0, 1.1, 0.9, 1.0]
    assert times_slower(quick, [1.5, 1.6, 1.4, 1.5]) == "under2"
    assert times_slower(quick, [3.0, 3.2, 2.8, 3.0]) == "two_to_four"
    assert times_slower(quick, [9.0, 9.0, 9.0, 9.0]) == "over4"
    assert times_slower(quick, [1.0, 4.0, 1.0, 4.0]) == ""
    assert times_slower([1.0], [3.0]) == ""
