"""The ZeroMQ client against a server written from the specification, and against libzmq itself."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

import pytest

from tests.models.remote.servers import Served, ZeroMq, serving
from wamviz.core.errors import WamvizError
from wamviz.core.threads import run_sync, stream_coroutine
from wamviz.models.connections import Connection
from wamviz.models.remote import backend, zmtp
from wamviz.models.remote.codec import CodecLimits
from wamviz.models.remote.network import ConnectionLost, Server
from wamviz.models.remote.zmtp import connected

zmq = pytest.importorskip("zmq", reason="pyzmq is the extra wamviz[groot]; requirements-dev.txt has it")


def asked(script: Callable[[ZeroMq], None], messages: tuple[bytes, ...] = (b"hello",), **settings) -> list[bytes]:
    """The answers of a server that runs ``script``, which shakes hands itself."""
    script.talk = ZeroMq

    async def talk(served: Served) -> list[bytes]:
        async with connected(Server(f"tcp://127.0.0.1:{served.port}", **{"reply_s": 10.0, **settings})) as req:
            return [await req.ask(message) for message in messages]

    with serving(script) as served:
        return run_sync(lambda: talk(served))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 70_000])
def test_messages_of_every_length_there_and_back(size: int) -> None:
    message = bytes(i % 251 for i in range(size))

    def echo(talk: ZeroMq) -> None:
        talk.accept()
        while True:
            talk.send(talk.message())

    assert asked(echo, (message, b"again")) == [message, b"again"]


def test_a_ping_is_answered_and_not_taken_for_a_message() -> None:
    """ZMTP 3.1's heartbeat: a time to live of two bytes, and what is to be given back."""
    heard = []

    def script(talk: ZeroMq) -> None:
        talk.accept()
        talk.message()
        talk.zframe(4, b"\x04PING\x00\x0aback")
        talk.send(b"yes")
        heard.append(talk.zhear())

    assert asked(script) == [b"yes"] and heard == [(4, b"\x04PONGback")]


def test_a_router_may_answer() -> None:
    def script(talk: ZeroMq) -> None:
        talk.accept(kind=b"ROUTER")
        talk.message()
        talk.send(b"yes")

    assert asked(script) == [b"yes"]


CURVE = ZeroMq.GREETING.replace(b"NULL\0", b"CURVE")


@pytest.mark.parametrize(
    "script",
    [
        lambda talk: talk.link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        lambda talk: talk.accept(greeting=CURVE),
        lambda talk: talk.accept(kind=b"PUB"),
        lambda talk: talk.accept(kind=b""),
        lambda talk: (talk.link.sendall(ZeroMq.GREETING), talk.take(64), talk.zframe(4, b"\x05ERROR\x07go away")),
        lambda talk: None,  # an HTTP server waits for us to speak
    ],
    ids=["http", "curve", "another socket", "a nameless socket", "refusal", "silence"],
)
def test_another_server_or_socket_is_told(script: Callable[[ZeroMq], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmtp, "HANDSHAKE_S", 0.3)

    def polite(talk: ZeroMq) -> None:
        try:
            script(talk)
        except AssertionError:  # the client leaves in the middle of the handshake
            pass
        talk.wait_until_gone()

    with pytest.raises(WamvizError, match="but no ZeroMQ.*this kind of server"):
        asked(polite)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x06" + struct.pack(">Q", 1 << 40),  # a huge command
        b"\x01\x00\x02" + struct.pack(">Q", 1 << 62),
        b"\x01\x00\x02" + struct.pack(">Q", 1001) + b"x" * 1001,
    ],
)
def test_a_reply_over_the_limit_ends_the_connection(raw: bytes) -> None:
    """Lengths are judged before anything is read."""

    def script(talk: ZeroMq) -> None:
        talk.accept()
        talk.message()
        talk.link.sendall(raw)
        talk.wait_until_gone()

    with pytest.raises(ConnectionLost, match="was lost.*more than 0.001 MB"):
        asked(script, limits=CodecLimits(message_bytes=1000))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\x00\x01x", "was lost"),  # without the empty frame
        (b"\x01\x01x\x00\x01y", "was lost"),  # with a route
        (b"\x01\x00\x01\x01x\x00\x01y", "no reply"),  # in two parts
    ],
)
def test_what_is_no_reply_is_not_taken_for_one(raw: bytes, why: str) -> None:
    def script(talk: ZeroMq) -> None:
        talk.accept()
        talk.message()
        talk.link.sendall(raw)
        talk.wait_until_gone()

    with pytest.raises(WamvizError, match=why):
        asked(script, reply_s=0.5)


def test_a_server_that_vanishes_is_a_loss() -> None:
    with pytest.raises(ConnectionLost, match="was lost"):
        asked(lambda talk: talk.accept() or (talk.message() and None))


def test_a_lost_connection_is_not_opened_again() -> None:
    """libzmq would, by itself and for ever."""
    connections = []

    def script(talk: ZeroMq) -> None:
        connections.append(talk)
        talk.accept()
        talk.message()

    with pytest.raises(ConnectionLost):
        asked(script)
    assert len(connections) == 1


def test_waiting_can_be_stopped() -> None:
    """The server sees the connection go as soon as nobody waits any more."""

    def script(talk: ZeroMq) -> None:
        talk.accept()
        talk.message()
        talk.wait_until_gone()

    script.talk = ZeroMq
    with serving(script) as served:

        async def wait(report: Callable[[str], None]) -> None:
            async with connected(Server(f"tcp://127.0.0.1:{served.port}")) as req:
                report("open")
                await req.ask(b"hello")

        events = stream_coroutine(wait)
        while next(events) != "open":
            pass
        started = time.monotonic()
        events.close()
        assert served.gone.wait(5) and time.monotonic() - started < 5


def test_nobody_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    async def there() -> None:
        async with connected(Server(f"tcp://localhost:{port}", reply_s=5.0)):
            pass

    with pytest.raises(WamvizError, match="Connection refused"):
        run_sync(lambda: there())


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zmq", None)

    async def there() -> None:
        async with connected(Server("tcp://127.0.0.1:1")):
            pass

    with pytest.raises(WamvizError, match=r"pyzmq is not installed.*pip install.*wamviz\[groot\]"):
        run_sync(lambda: there())
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    assert "wamviz[groot]" in (backend.missing(Connection("g", "groot", "tcp://127.0.0.1:1")) or "")


def test_a_name_that_cannot_be_one_is_told() -> None:
    async def there() -> None:
        async with connected(Server("tcp://a..b:1", reply_s=5.0)):
            pass

    with pytest.raises(WamvizError, match="Connection refused"):
        run_sync(lambda: there())


def test_libzmq_itself_answers() -> None:
    """The library with which GR00T serves: three questions, of which one is large, and a client that leaves early."""
    context = zmq.Context()
    rep = context.socket(zmq.REP)
    rep.setsockopt(zmq.LINGER, 0)
    rep.setsockopt(zmq.HEARTBEAT_IVL, 50)
    rep.setsockopt(zmq.HEARTBEAT_TIMEOUT, 20_000)  # else as short as the interval, which a busy machine does not keep
    port = rep.bind_to_random_port("tcp://127.0.0.1")
    large = bytes(3_000_000)

    def serve() -> None:
        while (message := rep.recv()) != b"stop":
            rep.send(message * 2)
        rep.send(b"stopped")

    thread = threading.Thread(target=serve)
    thread.start()
    server = Server(f"tcp://127.0.0.1:{port}", reply_s=20.0)

    async def talk() -> list[bytes]:
        async with connected(server):
            pass
        async with connected(server) as req:
            return [await req.ask(message) for message in (b"", b"hello", large, b"stop")]

    try:
        answers = run_sync(lambda: talk())
    finally:
        thread.join(20)
        rep.close()
        context.term()
    assert answers == [b"", b"hellohello", large * 2, b"stopped"]
