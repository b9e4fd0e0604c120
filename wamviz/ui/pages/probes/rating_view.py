"""What raters see and what the figures say, as named parts; no layout and no event.

Contract: whose a sample is stands nowhere in what is shown before it is rated. A refusal leaves everything entered
where it is. Answers come from the browser as JSON and are checked like anything that comes from there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.probes.pairs import all_pairs, next_pair, next_sample
from wamviz.probes.ratings import CHOICES, LEFT, RIGHT, TIE, Rating, Vote, check_rater
from wamviz.probes.results import Results, ResultsShelf
from wamviz.probes.rubric import ANSWERS, Question
from wamviz.probes.suite_run import CellDone
from wamviz.probes.tables import Table, all_tables
from wamviz.ui import run_view
from wamviz.ui.markup import Node, h
from wamviz.ui.pages.probes import view
from wamviz.ui.pages.probes.grid import has_video, moving, player
from wamviz.ui.run_actions import Parts, refused
from wamviz.ui.run_repository import RunRepository

KEYS = "Keys: 1 yes, 2 partly, 3 no, 4 cannot tell; Backspace goes back; Enter saves."
AGAIN = "“Show a sample” begins another pass in another order, which tells how far you agree with yourself."
VOTE_KEYS = "Keys: a left, s no difference, d right."
SIDES = {LEFT: "Left is better", TIE: "No difference", RIGHT: "Right is better"}


class Booth:
    """Where samples of results are rated and voted on.

    Args:
        shelf, repository: the results and where their runs are served from.
    """

    def __init__(self, shelf: ResultsShelf, repository: RunRepository) -> None:
        self.shelf, self.repository = shelf, repository

    def sample(self, name: str | None, rater: str) -> Parts:
        """The next sample for a rater; the first of another pass where all were rated."""
        try:
            return self._next_sample(self._open(name), check_rater(rater), again=True)
        except Exception as error:
            return _refused(error, "rate_status")

    def rate(self, name: str | None, rater: str, key: str, said: str, note: str) -> Parts:
        """Keep what was said of the sample ``key``, and show the next one."""
        try:
            results, who = self._open(name), check_rater(rater)
            cell = results.by_key.get(key)
            if cell is None:
                raise InvalidInput("No sample is shown.", "Press “Show a sample”.")
            rubric = results.rubric
            rating = Rating(who, rubric.name, cell.key, cell.run, read_answers(said), note)
            results.ratings.rate(rating, rubric)
            was = run_view.status("good", "Kept.", f"It was {cell.contender}, sample {cell.sample + 1}.")
            return {"rate_status": was, "note": "", **self._next_sample(results, who)}
        except Exception as error:
            return _refused(error, "rate_status")

    def pair(self, name: str | None, rater: str) -> Parts:
        """The next pair for a rater."""
        try:
            return self._next_pair(self._open(name), check_rater(rater))
        except Exception as error:
            return _refused(error, "vote_status")

    def vote(self, name: str | None, rater: str, keys: tuple[str, str], choice: str, reason: str) -> Parts:
        """Keep a vote, tell whose the two were, and show the next pair."""
        try:
            results, who = self._open(name), check_rater(rater)
            left, right = (results.by_key.get(key) for key in keys)
            if left is None or right is None:
                raise InvalidInput("No pair is shown.", "Press “Show a pair”.")
            results.ratings.vote(Vote(who, left.key, right.key, choice, reason))
            told = f"Left was {left.contender}, right was {right.contender}."
            return {
                "vote_status": run_view.status("good", f"Kept: {SIDES[choice].lower()}.", told),
                "reason": "",
                **self._next_pair(results, who),
            }
        except Exception as error:
            return _refused(error, "vote_status")

    def figures(self, name: str | None) -> list[Node]:
        """Every table, and the way to the report."""
        try:
            results = self._open(name)
            link = {"class": "wz-button", "href": f"probe-reports/{name}.html", "download": f"{name}.html"}
            tables = all_tables(results) if results.cells else []
            return [
                h("p", None, h("a", link, "Download the report")),
                *(node for one in tables for node in _table(one)),
            ]
        except WamvizError as error:
            return run_view.status("bad", error.message, error.hint)

    def _open(self, name: str | None) -> Results:
        if not name:
            raise InvalidInput("There are no results to rate.", "Run a probe first.")
        return view.open_results(name, self.shelf, self.repository)

    def _next_sample(self, results: Results, rater: str, *, again: bool = False) -> Parts:
        ratings = results.ratings.ratings()
        seen = [cell for cell in results.cells if cell.run and has_video(results, cell.run)]
        cell = next_sample(seen, ratings, rater, again=again)
        if cell is None:
            words = f"{rater} has rated all {len(seen)} samples. {AGAIN}" if seen else "No sample here has a video."
            return {"sample": _all_done(words), "key": "", "foot": False}
        keys = {one.key for one in seen}
        before = [one.sample for one in ratings if one.rater == rater and one.sample in keys]
        passes = before.count(cell.key)
        done = sum(before.count(key) > passes for key in keys)
        which = f" of pass {passes + 1}" if passes else ""
        place = h("p", {"class": "wz-note"}, f"{done + 1} of {len(seen)}{which}. {KEYS}")
        nodes = [place, _blind(results, cell, "Sample"), _questions(results.rubric.questions, cell.key)]
        return {"sample": nodes, "key": cell.key, "foot": True}

    def _next_pair(self, results: Results, rater: str) -> Parts:
        votes = results.ratings.votes()
        seen = [cell for cell in results.cells if cell.run and has_video(results, cell.run)]
        pair, count = next_pair(seen, votes, rater), len(all_pairs(seen))
        if pair is None:
            why = f"{rater} has voted on all {count} pairs." if count else "A pair takes two models or modes."
            return {"pair": _all_done(why), "keys": ("", ""), "foot": False}
        own = len({frozenset((vote.left, vote.right)) for vote in votes if vote.rater == rater})
        place = h("p", {"class": "wz-note"}, f"{own + 1} of {count}. {VOTE_KEYS}")
        sides = h(
            "div", {"class": "wz-sides", "data-lockstep": True},
            [_blind(results, cell, side, lockstep=False) for cell, side in zip(pair, ("Left", "Right"), strict=True)],
        )  # fmt: skip
        buttons = [
            h("button", {"type": "button", "class": "wz-button", "data-pick": choice, "data-key": key}, SIDES[choice])
            for choice, key in zip(CHOICES[:1] + CHOICES[2:] + CHOICES[1:2], "asd", strict=True)
        ]
        asked = h("q", {"class": "wz-asked"}, results.instruction(pair[0]))
        vote = h("div", {"class": "wz-votes", "role": "group", "aria-label": "Your vote"}, buttons)
        return {
            "pair": [place, player(), asked, sides, vote],
            "keys": (pair[0].key, pair[1].key),
            "foot": True,
        }


def read_answers(text: str) -> dict[str, str]:
    """The answers that a browser sent.

    Raises:
        InvalidInput: it sent something else.
    """
    try:
        said = json.loads(text or "{}")
    except ValueError:
        said = None
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise InvalidInput("The answers did not arrive.", "Answer again.")
    return said


def _blind(results: Results, cell: CellDone, title: str, *, lockstep: bool = True) -> Node:
    """A video and what was asked, and nothing of who imagined it."""
    inside = [h("figcaption", None, title), moving(results, cell.run)]
    if not lockstep:
        return h("figure", {"class": "wz-blind"}, inside)
    asked = h("q", {"class": "wz-asked"}, results.instruction(cell))
    return h("div", None, [player(), asked, h("figure", {"class": "wz-blind", "data-lockstep": True}, inside)])


def _questions(questions: Sequence[Question], key: str) -> Node:
    return h("div", {"class": "wz-rubric", "data-rubric": key}, [_question(one) for one in questions])


def _question(one: Question) -> Node:
    buttons = [
        h(
            "button",
            {"type": "button", "class": "wz-chip", "role": "radio", "aria-checked": "false", "data-answer": answer,
             "tabindex": "0" if k == 0 else "-1"},
            h("kbd", None, str(k + 1)), f" {answer}",
        )
        for k, answer in enumerate(ANSWERS)
    ]  # fmt: skip
    words = h("span", {"class": "wz-question", "title": one.note}, one.text, h("small", {"class": "wz-note"}, one.note))
    answers = h(
        "div", {"class": "wz-chips", "role": "radiogroup", "aria-label": one.text, "data-question": one.key}, buttons
    )
    return h("div", {"class": "wz-ask-one"}, words, answers)


def _all_done(words: str) -> list[Node]:
    return [h("p", {"class": "wz-empty"}, words)]


def _table(table: Table) -> list[Node]:
    title = h("h3", {"class": "wz-title"}, table.title)
    note = h("p", {"class": "wz-note"}, table.note)
    if not table.rows:
        return [title, note]
    head = h("thead", None, h("tr", None, [h("th", {"scope": "col"}, column) for column in table.columns]))
    body = h("tbody", None, [h("tr", None, [h("td", None, cell) for cell in row]) for row in table.rows])
    inside = h("table", {"class": "wz-table wz-wide"}, h("caption", {"class": "wz-sr"}, table.title), head, body)
    scroll = {"class": "wz-scroll", "tabindex": "0", "role": "region", "aria-label": table.title}
    return [title, note, h("div", scroll, inside)]


def _refused(error: Exception, status: str) -> Parts:
    return {status: refused(error)["status"]}
