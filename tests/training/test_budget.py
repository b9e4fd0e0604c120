"""Budgets and deadlines."""

from __future__ import annotations

import math

import pytest

from wamviz.core.errors import WamvizError
from wamviz.training.budget import Budget, Deadline, OutOfTime


def test_minutes_and_steps_are_shares():
    """Half of the minutes is half, whatever the steps; and the other way round; never more than all."""
    assert Budget(minutes=2).done(60, 999) == 0.5 and Budget(steps=10).done(999, 4) == 0.4
    assert Budget(minutes=1).done(1000, 0) == 1 and Budget(steps=3).done(0, 30) == 1


@pytest.mark.parametrize("given", [{}, {"minutes": 1, "steps": 1}, {"minutes": 0}, {"steps": -1}])
def test_one_of_them_above_zero(given):
    """Neither, both or nothing is refused."""
    with pytest.raises(WamvizError, match="either minutes or steps"):
        Budget(**given)


def test_a_deadline_passes_once():
    """None never comes; one in the past is here."""
    Deadline(None).check()
    Deadline(5).check()
    with pytest.raises(OutOfTime):
        Deadline(-1).check()


def test_a_deadline_says_how_long_it_still_is():
    """Minutes, none once it has passed, and without end where there is no limit."""
    assert Deadline().minutes_left == math.inf and Deadline(-1).minutes_left == 0
    assert 4 < Deadline(5).minutes_left <= 5 and not Deadline(5).soft
