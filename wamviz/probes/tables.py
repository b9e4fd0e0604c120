"""The figures of a suite as tables of plain words, for the page, the report and its Markdown alike.

Contract: pure functions of results; a table without rows says in its note why there are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wamviz.probes.agreement import judge_agreement, model_agreement, rater_agreement, repeat_agreement, words_for
from wamviz.probes.judges import JUDGES
from wamviz.probes.preferences import duels, rank_contenders
from wamviz.probes.ratings import Rating, newest, of_models, of_people
from wamviz.probes.results import Results
from wamviz.probes.rubric import NO, PARTLY, YES
from wamviz.probes.statistics import by_context, contexts_needed, paired_difference, share, share_words
from wamviz.runs.accumulator import wilson

NONE = "–"
POWER = ((0.5, 0.1), (0.5, 0.2), (0.5, 0.3), (0.8, 0.1))  # rate and difference of the power table


@dataclass(frozen=True)
class Table:
    """A table as people read it.

    Attributes:
        title: what it shows; columns: their names; rows: texts, a row as long as the columns.
        note: what has to be known to read it, or why it is empty.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def judged(results: Results) -> Table:
    """What every judge by rule says, by what was asked and of whom."""
    rows = []
    for kind in dict.fromkeys(results.kinds.values()):
        for contender in results.contenders:
            cells = results.of(contender, kind)
            if cells:
                shares = [share(cells, key) for key in JUDGES]
                words = [NONE if one is None else str(one) for one in shares]
                rows.append((kind.replace("_", " "), contender, *words, str(len(cells))))
    titles = (one.title for one in JUDGES.values())
    note = "By rule. Means of the contexts' own shares, 95 % bootstrap intervals over contexts."
    return Table("Judges by rule", ("Asked", "Model and mode", *titles, "Samples"), tuple(rows), note)


def differences(results: Results) -> Table:
    """Each contender against the first, context by context."""
    first, *others = results.contenders
    base = by_context(results.of(first), "done")
    rows = []
    for other in others:
        found = paired_difference(by_context(results.of(other), "done"), base)
        if found is not None and found.low is not None and found.high is not None:
            tells = found.low > 0 or found.high < 0
            rows.append((other, str(found), "" if tells else f"no difference told by {found.contexts} contexts"))
    note = f"{len(rows)} comparison{'s' if len(rows) != 1 else ''} at 5 % each, not corrected for their number."
    note = note if rows else "It takes two contexts that physics can judge, and two models or modes."
    return Table(f"Done, against {first}", ("Model and mode", "Difference", ""), tuple(rows), note)


def power() -> Table:
    """How many contexts a difference needs."""
    rows = tuple(
        (
            f"{rate:.0%} from {min(1.0, rate + more):.0%}",
            str(contexts_needed(rate, more)),
            str(contexts_needed(rate, more, 0.9)),
        )
        for rate, more in POWER
    )
    note = "Unpaired, one sample a context, 5 % two-sided: on the same contexts fewer will do."
    return Table("Contexts that a difference needs", ("To tell", "80 % power", "90 % power"), rows, note)


def rated(results: Results) -> Table:
    """What people answered, a line a question and contender."""
    return _answered(results, of_people(results.ratings.ratings()), "Rated by people")


def rated_by_models(results: Results) -> Table:
    """What models that rate answered, likewise."""
    return _answered(results, of_models(results.ratings.ratings()), "Rated by models")


def _answered(results: Results, ratings: Sequence[Rating], title: str) -> Table:
    rubric = results.rubric
    said = [one for one in newest(ratings) if one.rubric == rubric.name]
    rows = []
    for question in rubric.questions:
        for contender in results.contenders:
            counts = _counts(said, question.key, contender, results)
            answered = counts[YES] + counts[PARTLY] + counts[NO]
            if answered:
                share_of = share_words(counts[YES] / answered, *wilson(counts[YES], answered))
                rows.append((question.text, contender, share_of, *(str(counts[word]) for word in (YES, PARTLY, NO))))
    raters = sorted({one.rater for one in said})
    note = (
        f"By {', '.join(raters)}. Share of yes among yes, partly and no, 95 % Wilson interval, as if samples were "
        "independent: those of one context are alike, so it is rather too narrow."
        if rows
        else "Nobody has rated these samples yet."
    )
    return Table(title, ("Question", "Model and mode", "Share of yes", "yes", "partly", "no"), tuple(rows), note)


def preferred(results: Results) -> Table:
    """Bradley-Terry strengths of the blind votes."""
    found = rank_contenders(duels(results.ratings.votes(), results.by_key))
    rows = [
        (str(place), one.contender, str(one), str(one.votes))
        for group in found.groups
        for place, one in enumerate(group, 1)
    ]
    count = f"{found.votes} blind vote{'s' if found.votes != 1 else ''}."
    note = f"{count} Chance to be preferred to the field's mean (Bradley-Terry, 95 % bootstrap)."
    note = " ".join([note, *found.notes]) if rows else "Nobody has voted on two models or modes yet."
    return Table("Blind votes", ("Place", "Model and mode", "Preferred", "Votes"), tuple(rows), note)


def judges_against_people(results: Results) -> Table:
    """Whether the judges say what people say."""
    said = results.ratings.ratings()
    found = judge_agreement(results.cells, results.suite, said) + model_agreement(results.cells, said, results.rubric)
    asked = {"task": "is what was asked done"}
    titles = {key: one.title for key, one in JUDGES.items()}
    rows = tuple(
        (titles.get(one.judge, one.judge), asked.get(one.question, one.question.replace("_", " ")), words_for(one))
        for one in found
    )
    note = "Correlation with people's answers on the same samples; a judge whose interval holds 0 does not agree."
    return Table("Judges against people", ("Judge", "Question", "Verdict"), rows, note)


def raters_against_raters(results: Results) -> Table:
    """Krippendorff's alpha of several raters, and of the two passes of one."""
    ratings, rubric = of_people(results.ratings.ratings()), results.rubric
    raters = sorted({one.rater for one in ratings})
    compared = {"all raters": rater_agreement(ratings, rubric)} if len(raters) > 1 else {}
    compared |= {f"{rater}, first and last pass": repeat_agreement(ratings, rubric, rater) for rater in raters}
    texts = {question.key: question.text for question in rubric.questions}
    rows = tuple(
        (who, texts[one.question], NONE if one.alpha is None else f"{one.alpha:.2f} [{one.low:.2f}, {one.high:.2f}]",
         str(one.samples), one.note)
        for who, each in compared.items()
        for one in each
        if one.samples
    )  # fmt: skip
    note = "Krippendorff's alpha of ordered answers: 1 is full agreement, 0 what chance gives."
    note = note if rows else "No sample was rated twice, so nobody knows how far raters agree."
    return Table("Raters against raters", ("Who", "Question", "Alpha", "Samples", ""), rows, note)


def all_tables(results: Results) -> list[Table]:
    """Every table, in the order of a report; that of models that rate only where one did."""
    by_models = rated_by_models(results)
    return [
        judged(results),
        rated(results),
        *([by_models] if by_models.rows else []),
        preferred(results),
        judges_against_people(results),
        raters_against_raters(results),
        differences(results),
        power(),
    ]


def to_markdown(table: Table) -> str:
    """A table as GitHub writes it."""
    lines = [f"## {table.title}", ""]
    if table.rows:
        lines += [_line(table.columns), _line(["---"] * len(table.columns)), *map(_line, table.rows), ""]
    return "\n".join([*lines, _escape(table.note), ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_escape(cell) for cell in cells)} |"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _counts(said: Sequence[Rating], question: str, contender: str, results: Results) -> Mapping[str, int]:
    counts = {YES: 0, PARTLY: 0, NO: 0}
    for one in said:
        cell, answer = results.by_key.get(one.sample), one.answers.get(question)
        if cell is not None and cell.contender == contender and answer in counts:
            counts[answer] += 1
    return counts
