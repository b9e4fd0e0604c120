"""Raters are compared with raters and judges with raters; a judge that does not agree is called so."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.probes.agreement import (
    AGREES,
    DISAGREES,
    SAME,
    TOO_FEW,
    asked_of,
    correlation,
    judge_agreement,
    model_agreement,
    rater_agreement,
    repeat_agreement,
    words_for,
)  # fmt: skip
from wamviz.probes.probe import Probe, Prompt, Suite
from wamviz.probes.ratings import Rating
from wamviz.probes.rubric import find_rubric
from wamviz.probes.suite_run import CellDone

RUBRIC = find_rubric()
SUITE = Suite(
    "small",
    tuple(
        Probe(
            f"p{k}",
            "tabletop:1000003",
            Prompt("reference", "push the lever"),
            (Prompt("then", "push the lever, then wave", "then"), Prompt("swapped", "push the mug", "swapped_object")),
        )
        for k in range(10)
    ),
)


def rating(rater: str, sample: str, **answers: str) -> Rating:
    return Rating(rater, "article", sample, "r", answers)


def test_alpha_is_that_of_krippendorffs_own_example() -> None:
    """Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, part C, observers A and B of ten articles, two
    categories with no missing data: alpha = 0.095."""
    seen = {"A": [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], "B": [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]}
    ratings = [
        rating(rater, str(k), same_robot="yes" if value else "no")
        for rater, row in seen.items()
        for k, value in enumerate(row)
    ]
    found = {one.question: one for one in rater_agreement(ratings, RUBRIC)}
    assert found["same_robot"].alpha == pytest.approx(0.095, abs=5e-4) and found["same_robot"].samples == 10
    assert found["stopped"].alpha is None and "nobody answered" in found["stopped"].note


def test_who_says_the_same_of_everything_shows_no_agreement_and_cannot_tell_counts_nowhere() -> None:
    same = [rating(rater, str(k), stopped="yes", order_kept="cannot tell") for rater in "AB" for k in range(4)]
    found = {one.question: one for one in rater_agreement(same, RUBRIC)}
    assert found["stopped"].alpha is None and "the same of every sample" in found["stopped"].note
    assert found["order_kept"].samples == 0


def test_two_passes_of_one_rater_are_compared() -> None:
    first = [rating("A", str(k), stopped="yes" if k % 2 else "no") for k in range(8)]
    second = [rating("A", str(k), stopped="yes" if k % 2 else "no") for k in range(6)]
    found = {one.question: one for one in repeat_agreement([*first, *second], RUBRIC, "A")}
    assert found["stopped"].alpha == pytest.approx(1.0) and found["stopped"].samples == 6


def cells(verdicts: list[float], judge: str = "done", prompt: str = "reference") -> list[CellDone]:
    return [
        CellDone(str(k), f"p{k % 10}", prompt, "a:joint", k, "r", verdicts={judge: said})
        for k, said in enumerate(verdicts)
    ]


def test_a_judge_is_told_to_agree_or_not() -> None:
    said = [float(k % 3 == 0) for k in range(30)]
    people = [rating("A", str(k), reference_done="yes" if value else "no") for k, value in enumerate(said)]
    found = judge_agreement(cells(said), SUITE, people)[0]
    assert (found.judge, found.verdict, found.contexts) == ("done", AGREES, 10)
    assert found.correlation == pytest.approx(1.0)
    against = judge_agreement(cells([1 - value for value in said]), SUITE, people)[0]
    assert against.verdict == DISAGREES and "does not agree: r = -1.00" in words_for(against)
    assert judge_agreement(cells([1.0] * 30), SUITE, people)[0].verdict == SAME
    few = judge_agreement(cells(said[:9]), SUITE, people)[0]
    assert (few.verdict, few.correlation) == (TOO_FEW, None) and "9 rated" in words_for(few)


def test_what_people_were_asked_depends_on_the_prompt() -> None:
    asked = [asked_of(cells([1.0], prompt=prompt)[0], SUITE, "done") for prompt in ("reference", "then", "swapped")]
    assert asked == [("reference_done",), ("reference_done", "extension_done"), ("extension_done",)]
    assert asked_of(cells([1.0])[0], SUITE, "moves") == ()


def test_a_correlation_counts_weights_as_repetitions() -> None:
    one, other = np.array([0.0, 1, 1, 0]), np.array([0.0, 1, 0.5, 1])
    weights = np.array([2.0, 1, 3, 1])
    repeated = np.corrcoef(np.repeat(one, [2, 1, 3, 1]), np.repeat(other, [2, 1, 3, 1]))[0, 1]
    assert correlation(one, other, weights) == pytest.approx(repeated)
    assert correlation(one, np.ones(4), weights) is None


def test_a_model_that_rates_is_measured_against_people_and_not_counted_among_them() -> None:
    """What it says of one question follows people, of another the opposite; people's own figures do not see it."""
    people = [
        rating("Ada", str(k), same_robot="yes" if k % 3 else "no", stopped="yes" if k % 2 else "no") for k in range(20)
    ]
    model = [
        rating("eye (model)", str(k), same_robot="yes" if k % 3 else "no", stopped="no" if k % 2 else "yes")
        for k in range(20)
    ]
    found = {one.question: one for one in model_agreement(cells([0.0] * 20), [*people, *model], RUBRIC)}
    assert found["same_robot"].judge == "eye (model)" and found["same_robot"].verdict == AGREES
    assert found["same_robot"].correlation == pytest.approx(1.0) and found["stopped"].verdict == DISAGREES
    assert found["order_kept"].verdict == TOO_FEW and found["order_kept"].samples == 0
    assert all(one.samples == 0 for one in rater_agreement([*people, *model], RUBRIC))
    judged = judge_agreement(cells([float(k % 2) for k in range(20)], "stopped"), SUITE, model)
    assert all(one.samples == 0 for one in judged)
