"""How far raters agree with each other, and judges by rule with raters.

Raters: Krippendorff's alpha for ordered answers (no < partly < yes), 1 is full agreement and 0 what chance gives;
``cannot tell`` is missing. Judges: the correlation of what a rule said with what people said of the same samples. A
judge whose interval holds 0 does not agree, and is shown as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wamviz.probes.judges import JUDGES
from wamviz.probes.preferences import FEW_CONTEXTS, resample
from wamviz.probes.probe import Suite
from wamviz.probes.ratings import Rating, newest, of_models, of_people
from wamviz.probes.rubric import ANSWERS, Rubric
from wamviz.probes.suite_run import CellDone

FEW_SAMPLES = 10  # rated by people, below which a correlation says nothing
# Which question of the article's rubric a judge answers; "task" is whatever the prompt asks, see ``asked_of``.
ANSWERED = {"done": "task", "first_part": "reference_done", "in_order": "order_kept", "stopped": "stopped"}
AGREES, DISAGREES, TOO_FEW, SAME = "agrees", "does not agree", "too few samples", "no difference between samples"


@dataclass(frozen=True)
class Reliability:
    """Agreement of several raters, or of the passes of one, on one question.

    Attributes:
        question: its key; alpha: Krippendorff's, at most 1, None where it cannot be told; low, high: 95 %.
        samples: that two of them answered; note: why there is no alpha.
    """

    question: str
    alpha: float | None
    low: float | None
    high: float | None
    samples: int
    note: str = ""


@dataclass(frozen=True)
class JudgeAgreement:
    """How far a judge agrees with people.

    Attributes:
        judge: its key; question: what people were asked; verdict: in words, one of the constants above.
        correlation: Pearson's, -1 .. 1, None where it cannot be told; low, high: 95 %, see ``preferences.resample``.
        samples, contexts: on which both spoke.
    """

    judge: str
    question: str
    verdict: str
    correlation: float | None
    low: float | None
    high: float | None
    samples: int
    contexts: int


def rater_agreement(ratings: Sequence[Rating], rubric: Rubric) -> list[Reliability]:
    """Of the raters' last words, people's, a line a question."""
    last = [(one.rater, one) for one in newest(of_people(ratings)) if one.rubric == rubric.name]
    return [_reliability(question.key, last) for question in rubric.questions]


def repeat_agreement(ratings: Sequence[Rating], rubric: Rubric, rater: str) -> list[Reliability]:
    """Of one rater's first and last pass, on what was rated more than once."""
    own = [one for one in ratings if one.rater == rater and one.rubric == rubric.name]
    passes = [(name, one) for name, each in (("last", own), ("first", own[::-1])) for one in newest(each)]
    twice = {one.sample for one in own if sum(other.sample == one.sample for other in own) > 1}
    kept = [(name, one) for name, one in passes if one.sample in twice]
    return [_reliability(question.key, kept) for question in rubric.questions]


def _reliability(question: str, said: Sequence[tuple[str, Rating]]) -> Reliability:
    import evalica
    import pandas as pd

    by = sorted({name for name, _ in said})
    samples = sorted({one.sample for _, one in said})
    table = np.full((len(by), len(samples)), np.nan)  # (raters, samples)
    for name, one in said:
        value = ANSWERS.get(one.answers.get(question, ""))
        if value is not None:
            table[by.index(name), samples.index(one.sample)] = value
    table = table[:, np.isfinite(table).sum(0) > 1]
    count = table.shape[1]
    if not count:
        return Reliability(question, None, None, None, 0, "nobody answered what another answered")
    if len(np.unique(table[np.isfinite(table)])) < 2:
        return Reliability(question, None, None, None, count, "everybody answered the same of every sample")
    result = evalica.alpha_bootstrap(pd.DataFrame(table), "ordinal", n_resamples=2000, random_state=0)
    return Reliability(question, float(result.alpha), float(result.low), float(result.high), count)


def asked_of(cell: CellDone, suite: Suite, judge: str) -> tuple[str, ...]:
    """The rubric's questions that ask of a sample what a judge answers; of several, the worst answer counts."""
    question = ANSWERED.get(judge, "")
    if question != "task":
        return (question,) if question else ()
    probe = next((one for one in suite.probes if one.name == cell.probe), None)
    prompt = next((one for one in probe.prompts if one.name == cell.prompt), None) if probe is not None else None
    if probe is None or prompt is None or prompt == probe.reference:
        return ("reference_done",)
    return ("reference_done", "extension_done") if prompt.template == "then" else ("extension_done",)


def judge_agreement(cells: Sequence[CellDone], suite: Suite, ratings: Sequence[Rating]) -> list[JudgeAgreement]:
    """Each judge that answers what people were asked, in the order of ``JUDGES``."""
    of: dict[str, list[Rating]] = {}
    for one in newest(of_people(ratings)):
        of.setdefault(one.sample, []).append(one)
    return [
        _agreement(key, [cell for cell in cells if key in cell.verdicts], suite, of)
        for key in JUDGES
        if key in ANSWERED
    ]


def model_agreement(cells: Sequence[CellDone], ratings: Sequence[Rating], rubric: Rubric) -> list[JudgeAgreement]:
    """Each model that rated, question by question, against what people answered of the same samples."""
    people: dict[str, list[Rating]] = {}
    for one in newest(of_people(ratings)):
        people.setdefault(one.sample, []).append(one)
    contexts = {cell.key: cell.probe for cell in cells}
    models: dict[str, list[Rating]] = {}
    for one in newest(of_models(ratings)):
        if one.rubric == rubric.name and one.sample in contexts:
            models.setdefault(one.rater, []).append(one)
    found = []
    for rater, said in sorted(models.items()):
        for question in rubric.questions:
            both = []
            for one in said:
                value = ANSWERS.get(one.answers.get(question.key, ""))
                mean = _people(people.get(one.sample, ()), (question.key,))
                if value is not None and mean is not None:
                    both.append((contexts[one.sample], value, mean))
            found.append(_compared(rater, question.key, both))
    return found


def _agreement(
    judge: str, cells: Sequence[CellDone], suite: Suite, ratings: Mapping[str, Sequence[Rating]]
) -> JudgeAgreement:
    both = []
    for cell in cells:
        people = _people(ratings.get(cell.key, ()), asked_of(cell, suite, judge))
        if people is not None:
            both.append((cell.probe, cell.verdicts[judge], people))
    return _compared(judge, ANSWERED[judge], both)


def _compared(judge: str, question: str, both: Sequence[tuple[str, float, float]]) -> JudgeAgreement:
    """A judge's agreement from (context, what it said, what people said) of each sample."""
    contexts = [context for context, _, _ in both]
    rule, people_said = np.array([row[1] for row in both]), np.array([row[2] for row in both])
    known, sizes = (judge, question), (len(both), len(set(contexts)))
    if len(both) < FEW_SAMPLES:
        return JudgeAgreement(*known, TOO_FEW, None, None, None, *sizes)
    found = correlation(rule, people_said, np.ones(len(both)))
    if found is None:
        return JudgeAgreement(*known, SAME, None, None, None, *sizes)
    drawn = [correlation(rule, people_said, weights) for weights in resample(contexts)]
    low, high = np.quantile([one for one in drawn if one is not None], [0.025, 0.975])
    return JudgeAgreement(*known, AGREES if low > 0 else DISAGREES, found, float(low), float(high), *sizes)


def _people(ratings: Sequence[Rating], questions: Sequence[str]) -> float | None:
    """The mean over raters of each one's worst answer to these questions; None where nobody could tell."""
    said = []
    for one in ratings:
        values = [ANSWERS.get(one.answers.get(question, "")) for question in questions]
        known = [value for value in values if value is not None]
        if known:
            said.append(min(known))
    return float(np.mean(said)) if said else None


def correlation(one: NDArray[np.float64], other: NDArray[np.float64], weights: NDArray[np.float64]) -> float | None:
    """Pearson's, weighted; None where either does not vary."""
    share = weights / weights.sum()
    a, b = one - share @ one, other - share @ other
    spread = float(np.sqrt((share @ a**2) * (share @ b**2)))
    return None if spread < 1e-12 else float(share @ (a * b)) / spread


def words_for(judgement: JudgeAgreement) -> str:
    """The verdict as a reader needs it."""
    if judgement.correlation is None:
        return f"{judgement.verdict} ({judgement.samples} rated)"
    narrow = "" if judgement.contexts >= FEW_CONTEXTS else f"; {judgement.contexts} context(s), nothing said of others"
    between = f"r = {judgement.correlation:.2f} [{judgement.low:.2f}, {judgement.high:.2f}]"
    return f"{judgement.verdict}: {between}, {judgement.samples} samples{narrow}"
