"""The map of the field: every row says what it must, names its sources, and closes no door that wamviz has."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from wamviz.core.errors import NotFound, WamvizError
from wamviz.models import backends, catalog
from wamviz.models.catalog import FILE, NOT_STATED, System, parse_source, read_systems

ROWS = read_systems()
GOOD = System(
    "New-WAM", "joint prediction", NOT_STATED, NOT_STATED, NOT_STATED, 2026, NOT_STATED, NOT_STATED, ("video",),
    ("arXiv:2601.00001",), reach=("openpi/droid",),
)  # fmt: skip
NAMED = (
    "Play-LMP", "UniPi", "GR-1", "GENIMA", "Seer", "VPP", "mimic-video", "DreamZero", "LingBot-VA", "Cosmos Policy",
    "Being-H0.7", "Fast-WAM", "UVA", "UWM", "DreamDojo", "Ctrl-World", "V-JEPA2-AC", "JEPA-WMs", "Motus", "LAPA",
    "AVDC", "mini-WAM", "GR-2", "PAD", "DreamVLA", "DiT4DiT", "BagelVLA", "Genie 1", "Being-H0.5", "Xiaomi-Robotics-0",
    "MolmoAct2", "GEN-1", "\u03c40-WM", "DriftWorld", "Interactive World Simulator", "Cosmos3-Edge",
)  # fmt: skip


def test_the_article_and_its_neighbours_are_there_once():
    names = [system.name for system in ROWS]
    assert len(set(names)) == len(names) and set(NAMED) <= set(names)


@pytest.mark.parametrize("system", ROWS, ids=lambda system: system.name)
def test_every_row_has_its_sources_and_one_word_on_how_it_is_reached(system):
    """Links lead to a paper, a repository or a card; sentences end."""
    for source in system.sources:
        words, address = parse_source(source)
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
    kinds = backends.kinds()
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
    assert catalog.parse_systems(rows) == list(ROWS)
    with pytest.raises(WamvizError, match="two systems 'mini-WAM'"):
        catalog.parse_systems([*rows, rows[0]])


def test_memory_is_what_the_authors_say_else_two_bytes_a_parameter():
    assert replace(GOOD, parameters=14, weights_gb=45).needs_gb == 45
    assert replace(GOOD, parameters=14, gpu_gb=8).needs_gb == 8
    assert replace(GOOD, parameters=14).needs_gb == 28 and GOOD.needs_gb == 0


# The article's table 4, in the words of its axes.
ARTICLE = {
    "UniPi": ("inverse dynamics", "default action tokens", "hierarchical"),
    "GR-1": ("joint prediction", "default action tokens", "monolithic"),
    "GENIMA": ("inverse dynamics", "action as image", "hierarchical"),
    "Seer": ("inverse dynamics", "default action tokens", "monolithic"),
    "VPP": ("inverse dynamics", "default action tokens", "hierarchical"),
    "mimic-video": ("inverse dynamics", "default action tokens", "hierarchical"),
    "DreamZero": ("joint prediction", "default action tokens", "monolithic"),
    "LingBot-VA": ("inverse dynamics", "default action tokens", "mixture of transformers"),
    "Cosmos Policy": ("joint prediction", "action as image", "monolithic"),
    "Being-H0.7": ("joint prediction", "latent actions and plans", "mixture of transformers"),
    "Fast-WAM": ("representation-only", "default action tokens", "mixture of transformers"),
}


def row(name: str) -> System:
    return next(system for system in ROWS if system.name == name)


@pytest.mark.parametrize("name", ARTICLE)
def test_every_system_of_the_article_s_table_stands_where_it_says(name):
    assert tuple(row(name).find_place(axis) for axis in ("paradigm", "integration", "architecture")) == ARTICLE[name]
    assert "article" in row(name).sources


def test_filters_on_all_three_axes_narrow_down():
    """Each choice leaves those that stand there; no choice leaves all; the places of an axis hold every row once."""
    for axis in catalog.AXES:
        assert sum(len(catalog.select_systems(ROWS, **{axis: place})) for place in catalog.list_places(axis)) == len(
            ROWS
        )
    joint = catalog.select_systems(ROWS, paradigm="joint prediction", integration="", architecture="monolithic")
    assert {"GR-1", "DreamZero", "Cosmos Policy"} <= {system.name for system in joint}
    assert not any(system.architecture.startswith("mixture") for system in joint)
    with pytest.raises(NotFound, match="Unknown paradigm 'joint'"):
        catalog.select_systems(ROWS, paradigm="joint")
    with pytest.raises(NotFound, match="Unknown axis 'colour'"):
        catalog.select_systems(ROWS, colour="red")


def test_the_design_space_holds_every_system_once():
    space = catalog.tabulate_design_space(ROWS, "paradigm", "architecture")
    names = [name for cell in space["cells"].values() for name in cell]
    assert sorted(names) == sorted(system.name for system in ROWS)
    assert {across for across, _ in space["cells"]} == set(space["across"])
    assert {down for _, down in space["cells"]} == set(space["down"])
    assert "DreamZero" in space["cells"]["joint prediction", "monolithic"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Cosmos3-Edge-Policy-DROID", "--decode-video"),
        ("Cosmos3-Super", "lists no actions"),
        ("LingBot-VA", "24 to 32 GB"),
        ("\u03c00.5", "doubtful"),
        ("Veo 3.1", "ends with google-genai 3"),
    ],
)
def test_what_is_doubtful_or_ends_is_said_on_its_row(name, said):
    assert said in row(name).note


def test_cosmos3_s_rows_are_mixtures_of_transformers():
    named = [system for system in ROWS if system.name.startswith("Cosmos3")]
    assert len(named) == 5 and {system.architecture for system in named} == {"mixture of transformers"}
    assert row("Cosmos3-Edge-Policy-DROID").reach == ("openpi/cosmos3-droid",)
