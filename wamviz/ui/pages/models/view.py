"""The map of the field as a table, and the user's connections as a list.

Contract: pure functions from systems, standings and connections to markup nodes; every text is only ever text. The
page's script sifts the rows by their ``data-`` attributes, so that a filter answers without asking the server.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wamviz.models.connecting import Kind
from wamviz.models.connections import Connection
from wamviz.models.field import AXES, NOT_STATED, System, link
from wamviz.models.reaching import CAN, Can, Standing, Surroundings, standing
from wamviz.ui.markup import Node, h

HEADS = (
    "System",
    "Formulation",
    "How actions enter",
    "Backbone, architecture",
    "Weights, licence",
    "Gives",
    "Reached through",
    "Availability",
)
BADGES: dict[Can, str] = {"now": "wz-good", "connect": "wz-idle", "not yet": "wz-warm", "no": "wz-idle"}
CAN_WORDS: dict[Can, str] = {"now": "Yes", "connect": "Connect it", "not yet": "Not yet", "no": "No"}
LONG = 200  # letters of settings; what a server told of itself may be longer
BETWEEN = "|"  # in what a button picks; neither a name of the map nor a way holds it


@dataclass(frozen=True)
class Found:
    """What the last look at a connection said, and when (this machine's clock)."""

    good: bool
    words: str
    when: str = field(default_factory=lambda: time.strftime("%H:%M"), compare=False)


def table(systems: Iterable[System], around: Surroundings, here: bool) -> list[Node]:
    """One row a system. ``here``: whether the visitor may connect, so that ways are buttons."""
    head = h("thead", None, h("tr", None, [h("th", {"scope": "col"}, title) for title in HEADS]))
    stands = [(system, standing(system, around)) for system in systems]
    stands.sort(key=lambda pair: list(CAN).index(pair[1].can))  # what can be tried comes first, else as the map has it
    rows = [_row(system, how, around.kinds, here) for system, how in stands]
    caption = h("caption", {"class": "wz-sr"}, "World-action models and their neighbours")
    return [h("table", {"class": "wz-table wz-field"}, caption, head, h("tbody", None, rows))]


def _row(system: System, stands: Standing, kinds: Mapping[str, Kind], here: bool) -> list[Node]:
    year = str(system.year) if system.year else f"year {NOT_STATED}"
    can_be = "reached" if stands.can in ("now", "connect") else ""
    marks = {
        "class": "wz-system",
        "data-name": system.name,
        **{f"data-{axis}": system.place(axis) for axis in AXES},
        "data-gives": "|".join(system.gives),
        "data-can": "|".join(filter(None, (stands.can, can_be))),
    }
    note = h("small", {"class": "wz-note"}, system.note) if system.note else None
    first = h("th", {"scope": "row"}, h("b", None, system.name), h("small", {"class": "wz-note"}, year), note,
              h("small", {"class": "wz-note wz-sources"}, _sources(system)))  # fmt: skip
    cells = [
        h("td", {"data-label": HEADS[1]}, _plain(system.paradigm)),
        h("td", {"data-label": HEADS[2]}, _plain(system.integration)),
        h("td", {"data-label": HEADS[3]}, _plain(system.backbone), _second(system.architecture, "architecture")),
        h("td", {"data-label": HEADS[4]}, _plain(system.weights), _second(system.licence, "licence")),
        h("td", {"data-label": HEADS[5]}, _gives(system, stands, kinds)),
        h("td", {"data-label": HEADS[6]}, _ways(system, stands, kinds, here)),
        h("td", {"data-label": HEADS[7]}, h("span", {"class": f"wz-badge {BADGES[stands.can]}"}, CAN_WORDS[stands.can]),
          h("small", {"class": "wz-note"}, stands.why)),
    ]  # fmt: skip
    return h("tr", marks, first, cells)


def _plain(text: str) -> Node:
    return h("span", {"class": "wz-unknown"}, text) if text == NOT_STATED else h("span", None, text)


def _second(text: str, what: str) -> Node:
    return h("small", {"class": "wz-note"}, f"{what} {NOT_STATED}" if text == NOT_STATED else text)


def _sources(system: System) -> list[Node]:
    nodes: list[Node] = []
    for source in system.sources:
        words, address = link(source)
        nodes.append(h("a", {"href": address, "rel": "noopener noreferrer", "target": "_blank"}, words) if address
                     else h("span", None, words))  # fmt: skip
    return nodes


def _gives(system: System, stands: Standing, kinds: Mapping[str, Kind]) -> list[Node]:
    nodes: list[Node] = [h("span", None, ", ".join(system.gives))]
    if stands.ways:
        kind = kinds[stands.ways[0].partition("/")[0]]
        nodes.append(h("small", {"class": "wz-note"}, f"Through {kind.name}: {kind.gives}."))
    return nodes


def _ways(system: System, stands: Standing, kinds: Mapping[str, Kind], here: bool) -> list[Node]:
    if system.model:
        return [h("span", None, "built in")]
    if not system.reach:
        return [h("span", {"class": "wz-unknown"}, "no way")]
    nodes: list[Node] = []
    for way in system.reach:
        kind, _, robot = way.partition("/")
        name = f"{kind}, {robot}" if robot else kind
        if way not in stands.ways:
            nodes.append(h("small", {"class": "wz-note"}, f"{name} (not in this version)"))
        elif here:
            said = f"Connect {system.name} through {name}"
            picked = BETWEEN.join((system.name, way))
            nodes.append(
                h("button", {"type": "button", "class": "wz-chip", "data-pick": picked, "aria-label": said}, name)
            )
        else:
            nodes.append(h("span", {"class": "wz-badge"}, name))
    return [h("div", {"class": "wz-ways"}, nodes)]


def counted(shown: int, total: int) -> list[Node]:
    """How many rows a filter leaves; the page's script says the same after the first paint."""
    text = f"{total} systems" if shown == total else f"{shown} of {total} systems"
    return [h("p", {"class": "wz-note"}, text)]


def connections(known: Iterable[Connection], around: Surroundings, found: Mapping[str, Found]) -> list[Node]:
    """The user's connections, each with what it is, how it stands, and what can be done with it."""
    cards = [_card(one, around, found.get(one.name)) for one in known]
    if not cards:
        text = "None yet. Connect a server or weights of your own below, or pick a way in the map."
        return [h("p", {"class": "wz-empty"}, text)]
    return [h("ul", {"class": "wz-links"}, cards)]


def _card(one: Connection, around: Surroundings, found: Found | None) -> list[Node]:
    wrong = around.lacking(one)
    kind = around.kinds.get(one.kind)
    title = kind.title if kind else "a kind that this version does not have"
    facts = [
        f"{name.replace('_', ' ')} {_words(value)}"
        for name, value in one.to_json().items()
        if name not in ("name", "kind", "url")
    ]
    state = None
    if wrong:
        state = h("p", {"class": "wz-linkstate wz-bad"}, f"Cannot be used: {wrong}")
    elif found is not None:
        state = h(
            "p", {"class": f"wz-linkstate {'wz-good' if found.good else 'wz-bad'}"}, f"{found.when}  {found.words}"
        )
    button = {"type": "button", "class": "wz-act"}
    return h(
        "li",
        {"class": "wz-linked"},
        h("div", {"class": "wz-linkwords"}, h("b", None, one.name),
          h("small", {"class": "wz-note"}, title if title.startswith(one.kind) else f"{one.kind} · {title}"),
          h("small", {"class": "wz-note wz-address"}, one.url),
          h("small", {"class": "wz-note"}, " · ".join(facts)) if facts else None, state),
        h("div", {"class": "wz-linkside"},
          h("button", {**button, "data-pick": f"test {one.name}", "aria-label": f"Test {one.name}"}, "Test"),
          h("button", {**button, "data-pick": f"fetch {one.name}", "aria-label": f"Download {one.name}"}, "Download")
          if one.url.startswith("hub:") else None,
          h("button", {**button, "data-pick": f"edit {one.name}", "aria-label": f"Edit {one.name}"}, "Edit"),
          h("button", {"type": "button", "class": "wz-forget", "data-pick": f"forget {one.name}",
                       "data-confirm": "Really delete?", "aria-label": f"Delete {one.name}"}, "Delete")),
    )  # fmt: skip


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        words = ", ".join(f"{name}={part}" for name, part in value.items())
        return words if len(words) <= LONG else f"{words[:LONG]} ..."
    return f"{value:g}" if isinstance(value, float) else str(value)


def kind_words(kind: Kind, description: str = "") -> list[Node]:
    """What a kind is for and what comes back, under the form's first fields."""
    lines = [f"{kind.title}.", description or f"It gives back {kind.gives}."]
    if description.startswith(kind.title):
        lines = lines[1:]
    return [h("p", {"class": "wz-note"}, line) for line in lines]
