"""Blind pairs differ in the contender alone, sides are mixed, and nobody is asked the same twice."""

from __future__ import annotations

from wamviz.probes.pairs import all_pairs, next_pair, next_sample
from wamviz.probes.ratings import Rating, Vote
from wamviz.probes.suite_run import CellDone

CELLS = [
    CellDone(f"{probe}{contender}{sample}", probe, "reference", contender, sample, f"run-{probe}{contender}{sample}")
    for probe in "pqrst"
    for contender in "abc"
    for sample in range(2)
]


def test_a_pair_differs_in_nothing_but_the_contender() -> None:
    pairs = all_pairs([*CELLS, CellDone("failed", "p", "reference", "d", 0, error="It broke.")])
    assert len(pairs) == 5 * 2 * 3
    for one, other in pairs:
        assert (one.probe, one.prompt, one.sample) == (other.probe, other.prompt, other.sample)
        assert one.contender != other.contender


def test_every_pair_comes_once_and_contenders_in_turns_on_both_sides() -> None:
    votes: list[Vote] = []
    while (pair := next_pair(CELLS, votes, "Ada")) is not None:
        votes.append(Vote("Ada", pair[0].key, pair[1].key, "left"))
    assert len(votes) == 30 and len({frozenset((vote.left, vote.right)) for vote in votes}) == 30
    first = [frozenset((vote.left[1], vote.right[1])) for vote in votes[:3]]
    assert len(set(first)) == 3
    on_the_left = [vote.left[1] < vote.right[1] for vote in votes]
    assert 5 < sum(on_the_left) < 25
    again = next_pair(CELLS, [], "Ada")
    assert again == next_pair(CELLS, [], "Ada") and next_pair(CELLS, votes, "Grace") is not None


def test_a_rater_gets_what_is_rated_least_and_nothing_twice() -> None:
    ratings: list[Rating] = []
    seen = []
    while (cell := next_sample(CELLS, ratings, "Ada")) is not None:
        seen.append(cell.key)
        ratings.append(Rating("Ada", "article", cell.key, cell.run, {"stopped": "yes"}))
    assert sorted(seen) == sorted(cell.key for cell in CELLS)
    second = []
    while (cell := next_sample(CELLS, ratings, "Ada", again=not second)) is not None:
        second.append(cell.key)
        ratings.append(Rating("Ada", "article", cell.key, cell.run, {"stopped": "no"}))
    assert sorted(second) == sorted(seen) and second != seen
    assert len({key[1] for key in seen[:6]}) > 1
    fresh = next_sample(CELLS, ratings[:10], "Grace")
    assert fresh is not None and fresh.key not in seen[:10]
