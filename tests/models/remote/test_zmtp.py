"""The ZeroMQ client against its specification, and against libzmq itself where that is installed."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable

import pytest

from tests.models.remote.servers import Served, ZeroMq, serving
from wamviz.core.errors import WamvizError
from wamviz.models.remote import zmtp
from wamviz.models.remote.codec import Limits
from wamviz.models.remote.network import ConnectionLost, Server
from wamviz.models.remote.waiting import waited
from wamviz.models.remote.zmtp import connected


def asked(script: Callable[[ZeroMq], None], messages: tuple[bytes, ...] = (b"hello",), **settings) -> list[bytes]:
    """The answers of a server that runs ``script``, which shakes hands itself."""
    script.talk = ZeroMq

    async def talk(served: Served) -> list[bytes]:
        async with connected(Server(f"tcp://127.0.0.1:{served.port}", **{"reply_s": 10.0, **settings})) as req:
            return [await req.ask(message) for message in messages]

    with serving(script) as served:
        return waited(lambda: talk(served))


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
    ("script", "why"),
    [
        (lambda talk: talk.accept(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "but no ZeroMQ.*this kind of server"),
        (lambda talk: talk.accept(greeting=CURVE), "security 'CURVE'.*version 3 without"),
        (lambda talk: talk.accept(greeting=ZeroMq.GREETING[:10] + b"\1" + ZeroMq.GREETING[11:]), "version 1"),
        (lambda talk: talk.accept(kind=b"PUB"), "is a PUB, no REP"),
        (lambda talk: talk.accept(kind=b""), "is a nameless, no REP"),
    ],
)
def test_another_server_or_socket_is_told(script: Callable[[ZeroMq], None], why: str) -> None:
    def polite(talk: ZeroMq) -> None:
        try:
            script(talk)
        except AssertionError:  # the client leaves in the middle of the handshake
            pass
        talk.wait_until_gone()

    with pytest.raises(WamvizError, match=why):
        asked(polite)


def test_a_refused_handshake_is_told() -> None:
    def script(talk: ZeroMq) -> None:
        talk.link.sendall(ZeroMq.GREETING)
        talk.take(64)
        talk.zframe(4, b"\x05ERROR\x07go away")
        talk.wait_until_gone()

    with pytest.raises(WamvizError, match="The server said: go away"):
        asked(script)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\x08\x00", "breaks the ZeroMQ protocol"),  # an unknown flag
        (b"\x05\x00", "breaks the ZeroMQ protocol"),  # a command that goes on
        (b"\x06" + struct.pack(">Q", 1 << 40), "breaks the ZeroMQ protocol"),  # a huge command
        (b"\x00\x01x", "no reply"),  # without the empty frame
        (b"\x01\x01x\x00\x01y", "no reply"),  # with a route
        (b"\x01\x00\x01\x01x\x00\x01y", "no reply"),  # in two parts
        (b"\x01\x00\x02" + struct.pack(">Q", 1 << 62), "more than 0.001 MB"),
    ],
)
def test_what_breaks_the_protocol_is_refused(raw: bytes, why: str) -> None:
    """Lengths are judged before anything is read."""

    def script(talk: ZeroMq) -> None:
        talk.accept()
        talk.message()
        talk.link.sendall(raw)
        talk.wait_until_gone()

    with pytest.raises(WamvizError, match=why):
        asked(script, limits=Limits(message_bytes=1000))


def test_a_server_that_vanishes_is_a_loss() -> None:
    with pytest.raises(ConnectionLost, match="was lost"):
        asked(lambda talk: talk.accept() or (talk.message() and None))


def test_silence_instead_of_a_greeting_is_no_zeromq(monkeypatch: pytest.MonkeyPatch) -> None:
    """An HTTP server waits for us to speak."""
    monkeypatch.setattr(zmtp, "HANDSHAKE_S", 0.2)
    with pytest.raises(WamvizError, match="but no ZeroMQ"):
        asked(lambda talk: talk.wait_until_gone())


def test_a_name_that_cannot_be_one_is_told() -> None:
    async def there() -> None:
        async with connected(Server("tcp://a..b:1", reply_s=5.0)):
            pass

    with pytest.raises(WamvizError, match="Nobody listens"):
        waited(lambda: there())


def test_libzmq_itself_answers() -> None:
    """The library with which GR00T serves: three questions, of which one is large, and a client that leaves early."""
    zmq = pytest.importorskip("zmq", reason="pyzmq is in requirements-dev.txt")
    context = zmq.Context()
    socket = context.socket(zmq.REP)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 50)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    large = bytes(3_000_000)

    def serve() -> None:
        while (message := socket.recv()) != b"stop":
            socket.send(message * 2)
        socket.send(b"stopped")

    thread = threading.Thread(target=serve)
    thread.start()
    server = Server(f"tcp://127.0.0.1:{port}", reply_s=20.0)

    async def talk() -> list[bytes]:
        async with connected(server):
            pass
        async with connected(server) as req:
            return [await req.ask(message) for message in (b"", b"hello", large, b"stop")]

    try:
        answers = waited(lambda: talk())
    finally:
        thread.join(20)
        socket.close()
        context.term()
    assert answers == [b"", b"hellohello", large * 2, b"stopped"]
