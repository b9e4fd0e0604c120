"""openpi's own serving class and its own codec, where they are installed: nothing of ours answers.

They are no part of requirements-dev.txt, because openpi-client 0.1.2 asks for a numpy below 2, with which wamviz does
not run; its code works with numpy 2: ``pip install --no-deps openpi-client==0.1.2 openpi-server==0.1.0``. Or from a
checkout of openpi: ``python tests/interop/peers.py --openpi FOLDER``.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from tests.models.remote.speakers import DROID_CONTEXT, LIBERO_CONTEXT, chunk
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ImagineRequest
from wamviz.models.connections import Connection
from wamviz.models.protocol import collect
from wamviz.models.remote.backend import capabilities_of, probe
from wamviz.models.remote.codec import pack, unpack
from wamviz.models.remote.model import RemoteModel
from wamviz.models.remote.openpi import canvas_of

_HOW = "openpi's packages are missing: pip install --no-deps openpi-client==0.1.2 openpi-server==0.1.0"
msgpack_numpy = pytest.importorskip("openpi_client.msgpack_numpy", reason=_HOW)
_PLACES = ("openpi_server", "openpi.serving")  # its package of PyPI, and its own repository
_HERE = [place for place in _PLACES if find_spec(place.partition(".")[0]) is not None]
serving = pytest.importorskip(f"{(_HERE or _PLACES)[0]}.websocket_policy_server", reason=_HOW)


class Policy:
    """A policy of which everything but the forward pass is real: it keeps what it hears and answers a constant."""

    def __init__(self, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.heard: list[dict[str, Any]] = []
        self._answer = answer

    def infer(self, obs: dict[str, Any]) -> dict[str, Any]:
        self.heard.append(obs)
        return self._answer(obs)


@contextmanager
def served(policy: Policy, metadata: dict[str, Any] | None = None) -> Iterator[str]:
    """Run openpi's server in a thread of its own; the address."""
    import asyncio

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = serving.WebsocketPolicyServer(policy, host="127.0.0.1", port=port, metadata=metadata or {})
    loop = asyncio.new_event_loop()
    task = loop.create_task(server.run())

    def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except ConnectionRefusedError:
                pass
        yield f"ws://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(20)


def model(url: str, robot: str) -> RemoteModel:
    connection = Connection("peer", "openpi", url, robot, timeout=20.0)
    return RemoteModel(connection, capabilities_of(connection), beat=0.01)


def test_both_codecs_write_and_read_the_same_bytes():
    told = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.uint8(3), "c": ["x", {"d": np.zeros((0, 2))}]}
    assert pack(told) == msgpack_numpy.packb(told)
    back = unpack(msgpack_numpy.packb(told))
    assert (back["a"] == told["a"]).all() and back["b"] == 3 and back["c"][1]["d"].shape == (0, 2)


def test_openpi_s_own_server_is_asked_and_answers():
    policy = Policy(lambda obs: {"actions": chunk(15, 8)})
    with served(policy) as url:
        assert "openpi server answers" in probe(Connection("peer", "openpi", url, "droid"))
        end = collect(model(url, "droid"), ImagineRequest(DROID_CONTEXT, "act_only", samples=2))
    assert len(end.rollouts) == 2 and (end.rollouts[0].actions == chunk(15, 8)).all() and end.timings["server"] >= 0
    told = policy.heard[0]
    assert told["observation/exterior_image_1_left"].shape == (224, 224, 3) and told["prompt"] == "pick up the orange"
    assert (told["observation/joint_position"] == DROID_CONTEXT.state[:7]).all()


def test_cosmos3_s_padded_canvas_comes_through_openpi_s_own_server():
    """What the released DROID server returns with --decode-video: 544 x 736, 96 columns and 4 rows of mirror image."""

    def answer(obs: dict[str, Any]) -> dict[str, Any]:
        from wamviz.models.remote.robots import COSMOS3_DROID

        canvas = np.pad(canvas_of(obs, COSMOS3_DROID), ((0, 4), (0, 96), (0, 0)), "reflect")
        return {"action": chunk(32, 8), "video": np.repeat(canvas[None], 33, axis=0)}

    policy = Policy(answer)
    with served(policy) as url:
        rollout = collect(model(url, "cosmos3-droid"), ImagineRequest(DROID_CONTEXT, "joint")).rollouts[0]
    assert rollout.frames.shape == (33, 180, 320, 3)
    assert (rollout.frames[0] == policy.heard[0]["observation/exterior_image_1_left"]).all()


def test_a_traceback_of_openpi_s_own_server_is_one_sentence(caplog):
    def fail(obs: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("no such view")

    caplog.set_level("CRITICAL")  # its own log of the error is its business
    with served(Policy(fail)) as url, pytest.raises(WamvizError, match="The server said: KeyError: 'no such view'"):
        collect(model(url, "libero"), ImagineRequest(LIBERO_CONTEXT, "act_only"))
