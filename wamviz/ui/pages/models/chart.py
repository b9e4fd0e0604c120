"""The article's figure 8 as a picture to press: which system stands where on its three axes.

Contract: pure functions from systems to markup nodes. What is predicted runs across, how actions enter runs down, and
a mark says how the parts hang together. Everything in it filters the table below (``static/page/sift.js``): its
``data-pick`` is ``AXIS|PLACE``, or ``words|NAME`` for one system.
"""

from __future__ import annotations

from collections.abc import Iterable

from wamviz.models.field import OTHER, System, design_space, places
from wamviz.ui.markup import Node, h

MARKS = {"hierarchical": "▲", "monolithic": "■", "mixture of transformers": "◆", OTHER: "○"}
LEAD = "After figure 8 of the article, with what the catalog says of each system. Press a formulation, a way in which "
LEAD += "actions enter, an architecture or a system: the table below follows."


def chart(systems: Iterable[System]) -> list[Node]:
    """The design space as a table of buttons, with a legend of the third axis."""
    rows = list(systems)
    space = design_space(rows)
    across, down, by_name = space["across"], space["down"], {row.name: row for row in rows}
    head = h("tr", None, h("td", None), [h("th", {"scope": "col"}, _axis("paradigm", name)) for name in across])
    body = []
    for place in down:
        cells = []
        for column in across:
            names = space["cells"].get((column, place), ())
            marks = {"data-label": column, "class": None if names else "wz-vacant"}
            cells.append(h("td", marks, [_system(by_name[name]) for name in names]))
        body.append(h("tr", None, h("th", {"scope": "row"}, _axis("integration", place)), cells))
    caption = h("caption", {"class": "wz-sr"}, "Systems by what they predict and by how actions enter")
    return [
        h("p", {"class": "wz-note"}, LEAD),
        h("table", {"class": "wz-space"}, caption, h("thead", None, head), h("tbody", None, body)),
        h("div", {"class": "wz-chips", "role": "group", "aria-label": "Architecture"}, _legend()),
    ]


def _axis(axis: str, name: str) -> Node:
    return h("button", {"type": "button", "class": "wz-place", "data-pick": f"{axis}|{name}"}, name)


def _system(row: System) -> Node:
    place = row.place("architecture")
    marks = {"type": "button", "class": "wz-dot", "data-pick": f"words|{row.name}", "title": f"{row.name}: {place}"}
    return h("button", marks, h("span", {"aria-hidden": "true"}, MARKS[place]), row.name)


def _legend() -> list[Node]:
    return [
        h("button", {"type": "button", "class": "wz-chip", "data-pick": f"architecture|{place}"},
          h("span", {"aria-hidden": "true"}, f"{MARKS[place]} "), place)
        for place in places("architecture")
    ]  # fmt: skip
