"""The design space as a picture to press: every system once, in its place, and every press a filter that there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wamviz.models.field import AXES, places, systems
from wamviz.ui.pages.models.chart import chart


def pressed(nodes: Any) -> Iterator[str]:
    """What the buttons among the nodes pick."""
    for node in nodes:
        if isinstance(node, list):
            if len(node) > 1 and isinstance(node[1], dict) and "data-pick" in node[1]:
                yield node[1]["data-pick"]
            yield from pressed(node)


def test_every_system_stands_in_the_picture_once() -> None:
    names = [pick.partition("|")[2] for pick in pressed(chart(systems())) if pick.startswith("words|")]
    assert sorted(names) == sorted(system.name for system in systems())


def test_every_press_is_a_filter_that_there_is() -> None:
    for pick in pressed(chart(systems())):
        axis, _, place = pick.partition("|")
        assert axis == "words" or place in places(axis)
    assert {pick.partition("|")[0] for pick in pressed(chart(systems()))} == {"words", *AXES}
