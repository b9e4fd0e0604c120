"""What the page of probes does when people rate, vote and look at the figures.

Contract: events only. Which sample or pair a page shows is kept on the server, so that a browser cannot name another.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from wamviz.ui.events import AT_ONCE, LATEST, Updates, picked_in
from wamviz.ui.pages.probes.layout import ProbesPage
from wamviz.ui.pages.probes.rating_view import Booth
from wamviz.ui.run_actions import Parts

SAID = "(_, ...rest) => [window.wamviz.said(), ...rest]"
VOTED = picked_in("wz-pair")


class RatingEvents:
    """Connects the tabs where people rate.

    Args:
        page: the built page.
    """

    def __init__(self, page: ProbesPage) -> None:
        self.page, self.booth = page, Booth(page.shelf, page.repository)
        self.rate_parts = {
            "rate_status": page.rate_status, "sample": page.sample, "key": page.rated, "note": page.note,
            "foot": page.rate_foot,
        }  # fmt: skip
        self.vote_parts = {
            "vote_status": page.vote_status, "pair": page.pair, "keys": page.paired, "reason": page.reason,
            "foot": page.vote_foot,
        }  # fmt: skip
        rating, voting = list(self.rate_parts.values()), list(self.vote_parts.values())
        for begin in (page.begin_rating.click, page.rater.submit):
            begin(self.sample, [page.results, page.rater], rating, **LATEST)
        page.save.click(
            self.rate, [page.said, page.results, page.rater, page.rated, page.note], rating, js=SAID, **AT_ONCE
        )
        for begin in (page.begin_voting.click, page.voter.submit):
            begin(self.pair, [page.results, page.voter], voting, **LATEST)
        page.pair.pick(
            self.vote, [page.picked, page.results, page.voter, page.paired, page.reason], voting, js=VOTED, **AT_ONCE
        )
        page.figures_tab.select(self.booth.figures, page.results, page.figures, **LATEST)

    def sample(self, name: str | None, rater: str) -> Updates:
        """The first sample, or the next one of another rater."""
        return self._updates(self.rate_parts, {"rate_status": [], **self.booth.sample(name, rater)})

    def rate(self, said: str, name: str | None, rater: str, key: str, note: str) -> Updates:
        """What was said is kept, the next sample shown."""
        return self._updates(self.rate_parts, self.booth.rate(name, rater, key, said, note))

    def pair(self, name: str | None, rater: str) -> Updates:
        """The first pair."""
        return self._updates(self.vote_parts, {"vote_status": [], **self.booth.pair(name, rater)})

    def vote(self, choice: str, name: str | None, rater: str, keys: tuple[str, str], reason: str) -> Updates:
        """The vote is kept, the next pair shown."""
        return self._updates(self.vote_parts, self.booth.vote(name, rater, keys, choice, reason))

    def _updates(self, named: dict[str, Any], parts: Parts) -> Updates:
        return {
            named[name]: gr.update(visible=value) if name == "foot" else value
            for name, value in parts.items()
            if name in named
        }
