"""Values that are proposed to fields which may have changed meanwhile, and which of several events counts."""

from __future__ import annotations

import json

import gradio as gr
import pytest

from wamviz.ui.offers import Newest, Offers


def test_an_offer_says_what_was_seen_and_what_was_not() -> None:
    offers = Offers({"instruction": gr.Textbox(), "seed": gr.Number()})
    rows = json.loads(offers.values({"instruction": "old"}, {"seed": 7, "instruction": "new"})[offers.offer])
    assert rows == [["instruction", "old", "new", True], ["seed", None, 7, False]]
    with pytest.raises(KeyError, match="speed"):
        offers.values({}, {"speed": 1})


def test_of_two_events_the_one_that_began_last_counts_whichever_ends_first() -> None:
    newest = Newest()
    upload, pick = newest.begin("me"), newest.begin("me")
    assert newest.end("me", pick) and not newest.end("me", upload)
    assert newest.end("you", newest.begin("you"))


def test_what_ran_beside_an_event_that_has_ended_counts_no_more() -> None:
    newest = Newest()
    pick = newest.begin("me")
    scrub = newest.current("me")
    assert newest.end("me", pick) and newest.current("me") is not scrub
    newest.forget("me")
    assert newest.current("me") is None
