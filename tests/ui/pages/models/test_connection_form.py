"""The form of a connection: what it shows comes back, and what it refuses teaches."""

from __future__ import annotations

import threading

import pytest

from wamviz.core.errors import WamvizError
from wamviz.models import availability, backends
from wamviz.models.catalog import read_systems
from wamviz.models.connections import Connection
from wamviz.ui.jobs import Switch
from wamviz.ui.pages.models import connection_form as fields
from wamviz.ui.pages.models import view as field_table
from wamviz.ui.pages.models.connection_task import Passed, check_connection
from wamviz.ui.pages.models.view import Found

PI = Connection("pi05", "openpi", "ws://127.0.0.1:8000", "droid")
FULL = Connection(
    "cosmos", "openpi", "wss://robots.example:8443/policy", "cosmos3-droid", "POLICY_TOKEN", 60.0, "", 10.0,
    {"exterior_image_2_left": "exterior"}, {"joint_position": "7:14"},
)  # fmt: skip
HOSTILE = "<img src=x onerror=alert(1)>{{7*6}}"


def values(filled, places=3):
    """What the browser would send back."""
    return [update.get("value") for update in filled.updates(places)]


@pytest.mark.parametrize("kept", [PI, FULL], ids=lambda one: one.name)
def test_a_connection_comes_back_out_of_its_form(kept):
    assert fields.connection(kept, *values(fields.of_connection(kept))) == kept


@pytest.mark.parametrize("name", sorted(backends.kinds()))
def test_every_kind_has_a_form_that_makes_a_connection(name):
    """Its own fields, a sentence under each setting, and an address that its example is one of."""
    kind = backends.kinds()[name]
    most = max(len(one.settings) for one in backends.kinds().values())
    updates = fields.of_kind(name).updates(most)
    shown = updates[len(updates) - most :] if most else []
    assert [one["label"] for one in shown if one["visible"]] == list(kind.settings)
    assert [one["info"] for one in shown if one["visible"]] == list(kind.settings.values())
    told = [one.get("value") for one in updates]
    told[:3] = ["made", name, told[2] or fields.example(kind)]
    made = fields.connection(None, *told)
    assert (made.name, made.kind) == ("made", name) and str(fields.about(name))
    if not getattr(kind, "asks", False):  # only its server knows what it is
        backends.entry_of(made)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({0: "  "}, "Name the connection"),
        ({0: "Two Words"}, "cannot be the name"),
        ({1: "openpy"}, "Did you mean 'openpi'"),
        ({2: ""}, "address is missing. Write e.g. ws://"),
        ({2: "ws://me:secret@127.0.0.1"}, "may hold a secret"),
        ({4: "sk-1234"}, "name the environment variable"),
        ({5: None}, "timeout is missing"),
        ({5: 0}, "'timeout' of a connection must lie"),
        ({7: "wrist"}, "nothing that the field Views takes. Write one VIEW=CAMERA a line"),
        ({8: "joints=7"}, "FIRST:END"),
        ({9: "no-such.pem"}, "There is no file 'no-such.pem'"),
    ],
)
def test_what_cannot_be_is_refused_as_the_command_says_it(change, why):
    told = [change.get(k, value) for k, value in enumerate(values(fields.of_connection(PI)))]
    with pytest.raises(WamvizError, match=why):
        fields.connection(None, *told)


def test_looking_needs_no_name():
    assert fields.tentative("", *values(fields.of_connection(PI))[1:]).name == "unnamed"


def test_what_only_a_server_told_of_itself_stays_with_the_connection():
    """A setting without a field is kept while the kind is the same."""
    kept = Connection("w", "openpi", "ws://h", "droid", settings={"described": "once"})
    assert fields.connection(kept, *values(fields.of_connection(kept))).settings == {"described": "once"}
    assert not fields.connection(None, *values(fields.of_connection(kept))).settings


def test_looking_reports_ends_and_stops():
    """What answers, what is wrong, and nothing when it was stopped, whatever the far end does."""
    assert list(check_connection(PI, Switch(), lambda one: ["It answers.", "It costs."]))[-1] == Found(
        True, "It answers. It costs."
    )

    def fails(one):
        raise WamvizError("Nobody listens.")

    assert list(check_connection(PI, Switch(), fails))[-1] == Found(False, "Nobody listens.")
    never, switch = threading.Event(), Switch()
    stream = check_connection(PI, switch, lambda one: [str(never.wait(60))])
    assert next(stream) == Passed(0)
    switch.turn_off()
    assert [one for one in stream if not isinstance(one, Passed)] == [None]
    never.set()


def test_a_mistake_of_ours_is_no_answer():
    def breaks(one):
        raise RuntimeError("inside")

    with pytest.raises(RuntimeError):
        list(check_connection(PI, Switch(), breaks))


def test_others_see_the_map_without_buttons():
    """And a name out of somebody's file is only ever text."""
    setup = availability.read_setup()
    here, there = (str(field_table.table(read_systems(), setup, flag)) for flag in (True, False))
    assert "data-pick" in here and "data-pick" not in there
    listed = field_table.connections([PI], setup, {"pi05": Found(False, HOSTILE)})
    assert HOSTILE in str(listed) and not any("href" in str(node) for node in listed)
