"""What reaches a component's script is what was sent, whatever was sent before."""

from __future__ import annotations

from typing import Any

import pytest
from gradio.utils import diff
from gradio_client.utils import apply_diff

from wamviz.ui.markup import h
from wamviz.ui.wire import LONG, pack, unpack

VALUES = [
    [],
    {"samples": [1, 2, 3], "path": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], "strip": "x" * (LONG + 1)},
    {"samples": [1], "path": [[0.1]], "strip": "x" * (LONG + 1)},
    [h("div", None, h("p", None, h("b", None, "Step 1"), " left"), h("progress", {"value": "17"}))],
    [h("div", {"class": "bad"}, h("p", None, h("b", None, "Something went wrong")))],
    {"$texts": 1, "words": "</script>{{value}}${1}", "none": None},
]


@pytest.mark.parametrize("before", VALUES)
@pytest.mark.parametrize("after", VALUES)
def test_gradios_differences_between_packed_values_bring_the_new_one(before: Any, after: Any) -> None:
    assert unpack(apply_diff(pack(before), diff(pack(before), pack(after)))) == after


def test_gradios_differences_of_plain_lists_still_need_packing() -> None:
    """If this fails, Gradio has mended it and this module can go."""
    before, after = VALUES[3], VALUES[4]
    try:
        brought = apply_diff(before, diff(before, after))
    except (IndexError, KeyError, TypeError):
        brought = None
    assert brought != after


def test_a_picture_that_stays_is_not_sent_again() -> None:
    before, after = pack(VALUES[1]), pack(VALUES[2])
    assert before["texts"] == after["texts"]
    assert all("texts" not in path for _, path, _ in diff(before, after))
