"""The small regression: a known outcome makes its task easier as a number, and the same draw gives the same curve."""

from __future__ import annotations

from wamviz.lessons import Lab
from wamviz.lessons.small_policy import DEMONSTRATIONS, demonstrations, errors_of, learning_curves


def test_an_outcome_in_numbers_needs_fewer_demonstrations() -> None:
    now, outcome = learning_curves(Lab(), "numbers", 3)
    assert now.x == outcome.x == tuple(map(float, DEMONSTRATIONS))
    assert outcome.y[-1] < now.y[-1] and outcome.high[-1] < now.low[-1]
    assert learning_curves(Lab(), "numbers", 3) == (now, outcome)


def test_what_it_learned_by_heart_it_does_better_than_what_it_never_saw() -> None:
    episodes = list(demonstrations())
    learned, others = episodes[:6], episodes[6:12]
    assert errors_of(learned, learned).mean() < errors_of(learned, others).mean()
