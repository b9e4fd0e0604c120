"""How a system stands here follows from kinds, connections and the machine, and nothing else is asked."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from tests.models.test_catalog import GOOD
from wamviz.core import devices
from wamviz.core.devices import Machine
from wamviz.models.availability import LocalSetup, assess_availability, read_setup
from wamviz.models.catalog import read_systems
from wamviz.models.connections import Connection

LAPTOP = Machine(16.0)
CARD = Machine(64.0, (("NVIDIA H100", 85.0),))


@dataclass(frozen=True)
class Kind:
    """The least that a kind says of itself."""

    name: str
    title: str = "A title"
    gives: str = "actions"
    schemes: tuple[str, ...] = ("ws", "wss")
    choices: tuple[str, ...] = ("droid", "libero")
    settings: tuple[str, ...] = ()


def setup(*connections, machine=LAPTOP, missing=None, find_missing=None, **kinds):
    known = {"openpi": Kind("openpi"), "wan": Kind("wan", schemes=("file", "hub"), choices=()), **kinds}
    return LocalSetup(known, connections, machine, lambda name: missing, lambda one: find_missing)


def test_what_is_shipped_runs_unless_something_is_missing():
    shipped = replace(GOOD, reach=(), model="mini-wam")
    assert assess_availability(shipped, setup()).status == "now"
    assert assess_availability(shipped, setup(missing="Its weights are not here.")).why == "Its weights are not here."


def test_a_closed_system_and_one_without_a_way_say_why():
    closed = assess_availability(replace(GOOD, reach=(), closed="Closed: no weights."), setup())
    assert (closed.status, closed.why) == ("no", "Closed: no weights.")
    assert (
        assess_availability(replace(GOOD, reach=(), unreached="It runs as scripts."), setup()).why
        == "It runs as scripts."
    )


def test_a_kind_that_this_version_lacks_is_no_promise():
    """So is a robot that its kind does not have."""
    for way in ("telepathy", "openpi/octopus"):
        told = assess_availability(replace(GOOD, reach=(way,)), setup())
        assert told.status == "not yet" and "wamviz cannot reach it yet" in told.why and not told.ways


def test_a_connection_of_the_right_kind_and_robot_reaches_it():
    """An empty robot is the kind's first; a kind alone takes any."""
    first, other = Connection("a", "openpi", "ws://h"), Connection("b", "openpi", "ws://h", "libero")
    assert assess_availability(GOOD, setup(first, other)).through == ("a",)
    assert assess_availability(replace(GOOD, reach=("openpi",)), setup(first, other)).through == ("a", "b")
    assert assess_availability(GOOD, setup(other)).status == "connect"
    broken = assess_availability(GOOD, setup(first, find_missing="The environment variable T is not set."))
    assert broken.status == "connect" and "a cannot be used: The environment variable T is not set." in broken.why


@pytest.mark.parametrize(
    ("machine", "needs", "says"),
    [
        (CARD, 10, "That should do"),
        (CARD, 200, "too little for the card alone"),
        (LAPTOP, 10, "on the processor, which takes very long"),
        (LAPTOP, 45, "no GPU, 16 GB of memory. That is too little."),
        (Machine(36.0, apple=True), 20, "an Apple GPU, 36 GB of memory. That should do"),
        (LAPTOP, 0, "how much memory they take is not stated"),
    ],
)
def test_weights_that_run_here_are_weighed_against_this_machine(machine, needs, says):
    told = assess_availability(replace(GOOD, reach=("wan",), weights_gb=needs), setup(machine=machine))
    assert told.status == "connect" and says in told.why


def test_a_server_may_stand_elsewhere():
    told = assess_availability(replace(GOOD, weights_gb=45, gpus=2), setup())
    assert "2 GPUs and room for 45 GB" in told.why and "no GPU" in told.why and "connect its address" in told.why


def test_looking_loads_no_torch_and_opens_no_connection(home):
    """The whole map, as the page computes it."""
    program = (
        "import socket, sys\n"
        "def no(*a, **k): raise AssertionError('asked the network')\n"
        "socket.socket.connect = socket.getaddrinfo = no\n"
        "from wamviz.models import availability, catalog\n"
        "around = availability.read_setup()\n"
        "assert all(availability.assess_availability(one, around).why for one in catalog.read_systems())\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_whole_map_stands_somewhere_with_the_real_kinds(home):
    now = read_setup()
    told = {system.name: assess_availability(system, now) for system in read_systems()}
    assert told["mini-WAM"].status == "now" and told["DreamZero"].status == "connect" and told["Genie 3"].status == "no"
    assert all(one.why.endswith(".") for one in told.values())


def test_cards_are_listed_by_the_driver_and_hidden_where_the_user_hides_them(monkeypatch):
    listed = "NVIDIA H100 80GB HBM3, 81559\nNVIDIA T4, 15360\nodd line\n"
    monkeypatch.setattr(devices.shutil, "which", lambda name: "/bin/nvidia-smi")
    monkeypatch.setattr(devices.subprocess, "run", lambda *a, **k: SimpleNamespace(stdout=listed))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = devices._cards()
    assert [name for name, _ in found] == ["NVIDIA H100 80GB HBM3", "NVIDIA T4"] and 85 < found[0][1] < 86
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert devices._cards() == ()
