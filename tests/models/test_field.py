"""The map of the field: every row says what it must, names its sources, and closes no door that wamviz has."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from wamviz.core.errors import WamvizError
from wamviz.models import connecting, field
from wamviz.models.field import FILE, NOT_STATED, System, link, systems

ROWS = systems()
GOOD = System(
    "New-WAM", "joint prediction", NOT_STATED, NOT_STATED, NOT_STATED, 2026, NOT_STATED, NOT_STATED, ("video",),
    ("arXiv:2601.00001",), reach=("openpi/droid",),
)  # fmt: skip
NAMED = (
    "Play-LMP", "UniPi", "GR-1", "GENIMA", "Seer", "VPP", "mimic-video", "DreamZero", "LingBot-VA", "Cosmos Policy",
    "Being-H0.7", "Fast-WAM", "UVA", "UWM", "DreamDojo", "Ctrl-World", "V-JEPA2-AC", "JEPA-WMs", "Motus", "LAPA",
    "AVDC", "mini-WAM",
)  # fmt: skip


def test_the_article_and_its_neighbours_are_there_once():
    names = [system.name for system in ROWS]
    assert len(set(names)) == len(names) and set(NAMED) <= set(names)


@pytest.mark.parametrize("system", ROWS, ids=lambda system: system.name)
def test_every_row_has_its_sources_and_one_word_on_how_it_is_reached(system):
    """Links lead to a paper, a repository or a card; sentences end."""
    for source in system.sources:
        words, address = link(source)
        assert words and (source == "article" or address.startswith("https://"))
    for sentence in (system.closed, system.unreached, system.note):
        assert not sentence or (len(sentence) > 5 and sentence.endswith("."))


@pytest.mark.parametrize("name", ["Genie 3", "Cortex 2.0", "DVA", "\u03c00.7", "GR00T N2"])
def test_closed_systems_have_their_row_with_the_reason(name):
    system = next(one for one in ROWS if one.name == name)
    assert len(system.closed) > 30 and not system.reach and system.sources


def test_every_kind_of_connection_stands_in_the_map():
    """A kind that no row names would be a door that nobody finds; a robot that is no more, one that leads nowhere."""
    ways = [way.partition("/") for system in ROWS for way in system.reach]
    kinds = connecting.kinds()
    assert set(kinds) <= {kind for kind, _, _ in ways}
    assert all(robot in kinds[kind].choices for kind, _, robot in ways if robot and kind in kinds)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"paradigm": "joint predicton"}, "Did you mean 'joint prediction'"),
        ({"gives": ()}, "gives nothing"),
        ({"gives": ("smell",)}, "Allowed: video"),
        ({"sources": ()}, "has no source"),
        ({"sources": ("a friend",)}, "Write arXiv:ID"),
        ({"sources": ("javascript:alert(1)",)}, "has a source"),
        ({"backbone": " "}, "says nothing of its backbone"),
        ({"reach": ()}, "exactly one of"),
        ({"closed": "Closed: because."}, "exactly one of"),
        ({"reach": ("Open PI",)}, "Write KIND or KIND/ROBOT"),
        ({"year": 1066}, "the year 1066"),
        ({"gpu_gb": -1}, "below zero"),
    ],
)
def test_a_row_that_cannot_be_is_refused(change, why):
    with pytest.raises(WamvizError, match=why):
        replace(GOOD, **change)


def test_the_file_says_each_system_once():
    rows = json.loads(FILE.read_text("utf-8"))
    assert field.read(rows) == list(ROWS)
    with pytest.raises(WamvizError, match="two systems 'mini-WAM'"):
        field.read([*rows, rows[0]])


def test_memory_is_what_the_authors_say_else_two_bytes_a_parameter():
    assert replace(GOOD, parameters=14, weights_gb=45).needs_gb == 45
    assert replace(GOOD, parameters=14, gpu_gb=8).needs_gb == 8
    assert replace(GOOD, parameters=14).needs_gb == 28 and GOOD.needs_gb == 0
