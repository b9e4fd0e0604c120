"""How a system stands here follows from kinds, connections and the machine, and nothing else is asked."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from tests.models.test_field import GOOD
from wamviz.core import devices
from wamviz.core.devices import Machine
from wamviz.models.connections import Connection
from wamviz.models.field import systems
from wamviz.models.reaching import Surroundings, look, standing

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


def around(*connections, machine=LAPTOP, missing=None, lacking=None, **kinds):
    known = {"openpi": Kind("openpi"), "wan": Kind("wan", schemes=("file", "hub"), choices=()), **kinds}
    return Surroundings(known, connections, machine, lambda name: missing, lambda one: lacking)


def test_what_is_shipped_runs_unless_something_is_missing():
    shipped = replace(GOOD, reach=(), model="mini-wam")
    assert standing(shipped, around()).can == "now"
    assert standing(shipped, around(missing="Its weights are not here.")).why == "Its weights are not here."


def test_a_closed_system_and_one_without_a_way_say_why():
    closed = standing(replace(GOOD, reach=(), closed="Closed: no weights."), around())
    assert (closed.can, closed.why) == ("no", "Closed: no weights.")
    assert standing(replace(GOOD, reach=(), unreached="It runs as scripts."), around()).why == "It runs as scripts."


def test_a_kind_that_this_version_lacks_is_no_promise():
    """So is a robot that its kind does not have."""
    for way in ("telepathy", "openpi/octopus"):
        told = standing(replace(GOOD, reach=(way,)), around())
        assert told.can == "not yet" and "wamviz cannot reach it yet" in told.why and not told.ways


def test_a_connection_of_the_right_kind_and_robot_reaches_it():
    """An empty robot is the kind's first; a kind alone takes any."""
    first, other = Connection("a", "openpi", "ws://h"), Connection("b", "openpi", "ws://h", "libero")
    assert standing(GOOD, around(first, other)).through == ("a",)
    assert standing(replace(GOOD, reach=("openpi",)), around(first, other)).through == ("a", "b")
    assert standing(GOOD, around(other)).can == "connect"
    broken = standing(GOOD, around(first, lacking="The environment variable T is not set."))
    assert broken.can == "connect" and "a cannot be used: The environment variable T is not set." in broken.why


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
    told = standing(replace(GOOD, reach=("wan",), weights_gb=needs), around(machine=machine))
    assert told.can == "connect" and says in told.why


def test_a_server_may_stand_elsewhere():
    told = standing(replace(GOOD, weights_gb=45, gpus=2), around())
    assert "2 GPUs and room for 45 GB" in told.why and "no GPU" in told.why and "connect its address" in told.why


def test_looking_loads_no_torch_and_opens_no_connection(home):
    """The whole map, as the page computes it."""
    program = (
        "import socket, sys\n"
        "def no(*a, **k): raise AssertionError('asked the network')\n"
        "socket.socket.connect = socket.getaddrinfo = no\n"
        "from wamviz.models import field, reaching\n"
        "around = reaching.look()\n"
        "assert all(reaching.standing(one, around).why for one in field.systems())\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_whole_map_stands_somewhere_with_the_real_kinds(home):
    now = look()
    told = {system.name: standing(system, now) for system in systems()}
    assert told["mini-WAM"].can == "now" and told["DreamZero"].can == "connect" and told["Genie 3"].can == "no"
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
