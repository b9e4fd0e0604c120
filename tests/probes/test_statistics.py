"""Contexts are what is counted, pairs are compared in pairs, and a single context has no interval."""

from __future__ import annotations

import pytest

from wamviz.probes.statistics import by_context, contexts_needed, paired_difference, share
from wamviz.probes.suite_run import CellDone


def cells(**hits: list[int]) -> list[CellDone]:
    return [
        CellDone(f"{probe}{k}", probe, "reference", "a:joint", k, "0" * 16, verdicts={"done": float(hit)})
        for probe, row in hits.items()
        for k, hit in enumerate(row)
    ]


def test_a_context_with_many_samples_counts_no_more_than_one_with_few() -> None:
    found = share(cells(a=[1] * 20, b=[0]), "done")
    assert found is not None and found.mean == 0.5 and (found.contexts, found.samples) == (2, 21)
    assert found.low is not None and found.high is not None and found.low <= 0.5 <= found.high


def test_one_context_has_no_interval_and_none_no_share() -> None:
    found = share(cells(a=[1, 0, 1, 1]), "done")
    assert found is not None and (found.mean, found.low, found.high) == (0.75, None, None) and str(found) == "75%"
    assert share(cells(a=[1]), "in_order") is None


def test_a_difference_is_that_of_the_contexts_which_both_have() -> None:
    hard = {f"c{k}": k / 20 for k in range(20)}
    easier = {name: rate + 0.05 for name, rate in hard.items()}
    found = paired_difference({**easier, "another": 0.0}, hard)
    assert found is not None and found.contexts == 20
    assert found.mean == pytest.approx(0.05)
    assert found.low == pytest.approx(0.05) and found.high == pytest.approx(0.05)  # each by as much: no doubt is left
    assert paired_difference({"a": 1.0}, {"b": 0.0}) is None
    assert by_context(cells(a=[1, 0], b=[1]), "done") == {"a": 0.5, "b": 1.0}


def test_smaller_differences_need_more_contexts() -> None:
    """Fleiss 1981, table A.3 without its continuity correction: 0.5 against 0.6 at 80 % power."""
    assert contexts_needed(0.5, 0.1) == 388
    assert contexts_needed(0.5, 0.1, power=0.9) > contexts_needed(0.5, 0.1) > contexts_needed(0.5, 0.2)
    assert contexts_needed(1.0, 0.1) == 0
