"""The websocket client against a server that follows RFC 6455, and against one that does not."""

from __future__ import annotations

import gc
import shutil
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Callable

import pytest

from tests.models.remote.canceling import left_open
from tests.models.remote.servers import Served, Talk, serving
from wamviz.core.errors import WamvizError
from wamviz.core.threads import run_sync, stream_coroutine
from wamviz.models.remote.codec import CodecLimits
from wamviz.models.remote.network import ConnectionLost, Server
from wamviz.models.remote.websocket import connected


def received(script: Callable[[Talk], None], count: int = 1, **settings) -> list[str | bytes]:
    """The first ``count`` messages of a server that runs ``script`` after the handshake."""

    def whole(talk: Talk) -> None:
        talk.accept()
        script(talk)

    async def talk(served: Served) -> list[str | bytes]:
        server = Server(f"ws://127.0.0.1:{served.port}/path", **{"reply_s": 10.0, **settings})
        async with connected(server) as socket:
            await socket.send(b"hello")
            return [await socket.receive() for _ in range(count)]

    with serving(whole) as served:
        return run_sync(lambda: talk(served))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_000])
def test_messages_of_every_length_there_and_back(size):
    """Each of the three forms of a length, in both directions, masked and not."""
    message = bytes(i % 251 for i in range(size))

    async def echo(served):
        async with connected(Server(f"ws://127.0.0.1:{served.port}", reply_s=10.0)) as socket:
            await socket.send(message)
            return await socket.receive()

    def script(talk):
        talk.accept()
        talk.send(talk.message())

    with serving(script) as served:
        assert run_sync(lambda: echo(served)) == message


def test_pieces_are_put_together_and_pings_between_them_answered():
    heard = []

    def script(talk):
        talk.message()
        talk.frame(2, b"one ", last=False)
        talk.frame(9, b"are you there")
        talk.frame(10, b"unasked")
        talk.frame(0, b"two", last=True)
        heard.append(talk.hear())
        talk.send("text")

    assert received(script, 2) == [b"one two", "text"] and heard == [(10, b"are you there")]


def test_it_says_goodbye():
    heard = []

    def script(talk):
        talk.message()
        talk.send(b"x")
        heard.append(talk.hear())

    received(script)
    assert heard == [(8, b"\x03\xe8")]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\x82\x81\0\0\0\0x", "breaks the websocket protocol"),  # a server that masks
        (b"\xc2\x01x", "breaks the websocket protocol"),  # compressed, which was not agreed on
        (b"\x83\x01x", "breaks the websocket protocol"),  # an unknown code
        (b"\x09\x00", "breaks the websocket protocol"),  # a split ping
        (b"\x89\x7e\x01\x00" + b"x" * 256, "breaks the websocket protocol"),  # a long ping
        (b"\x80\x01x", "breaks the websocket protocol"),  # the end of nothing
        (b"\x02\x01x\x82\x01y", "breaks the websocket protocol"),  # a beginning within a message
        (b"\x81\x01\xff", "UTF-8"),
        (b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "more than 0.001 MB"),
        (b"\x82\x7e\x04\x00", "more than 0.001 MB"),
        (b"\x02\x7e\x03\xe0" + b"x" * 992 + b"\x80\x10" + b"y" * 16, "more than 0.001 MB"),
    ],
)
def test_what_breaks_the_protocol_is_refused(raw, why):
    """Lengths are judged before anything is read."""

    def script(talk):
        talk.message()
        talk.link.sendall(raw)
        talk.wait_until_gone()

    with pytest.raises(WamvizError, match=why):
        received(script, limits=CodecLimits(message_bytes=1000))


@pytest.mark.parametrize(
    ("code", "reason", "kind", "why"),
    [
        (1000, "", ConnectionLost, "closed the connection"),
        (1001, "going away", ConnectionLost, "closed the connection"),
        (1011, "out of memory", WamvizError, "The server said: out of memory"),
        (1008, "", WamvizError, "code 1008"),
    ],
)
def test_a_close_is_a_loss_or_a_word(code, reason, kind, why):
    def script(talk):
        talk.message()
        talk.close(code, reason)
        talk.wait_until_gone()

    with pytest.raises(kind, match=why) as caught:
        received(script)
    assert isinstance(caught.value, ConnectionLost) == (kind is ConnectionLost)


def test_a_server_that_vanishes_is_a_loss():
    with pytest.raises(ConnectionLost, match="was lost"):
        received(lambda talk: talk.message() and None)


def opened(script: Callable[[Talk], None], scheme: str = "ws", **settings) -> None:
    async def there(served: Served) -> None:
        url = f"{scheme}://127.0.0.1:{served.port}"
        async with connected(Server(url, **{"reply_s": 10.0, "connect_s": 10.0, **settings})):
            pass

    with serving(script) as served:
        run_sync(lambda: there(served))


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, b"OK", "but no websocket"),
        (401, b"", "wants a token.*--token-env"),
        (403, b"", "wants a token.*--token-env"),
        (426, b"", "but no websocket"),
        (500, b"boom", r"The server said: boom \(HTTP 500\)"),
        (503, b"", "answered HTTP 503"),
    ],
)
def test_a_handshake_that_fails_is_told(status, body, why):
    with pytest.raises(WamvizError, match=why):
        opened(lambda talk: talk.answer(body, status))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status):
    """Neither to another server, which would be shown the token, nor within this one."""
    with serving(lambda talk: talk.accept()) as other:
        for target in (f"ws://127.0.0.1:{other.port}/", f"http://127.0.0.1:{other.port}/", "/elsewhere"):
            with pytest.raises(WamvizError, match=f"HTTP {status}"):
                opened(lambda talk, to=target: talk.answer(b"", status, Location=to), headers={"Authorization": "hush"})
        assert other.connections == 0


def test_no_proxy_is_taken_from_the_environment(monkeypatch):
    with serving(lambda talk: talk.answer(b"")) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        opened(lambda talk: talk.accept())
        assert proxy.connections == 0


def test_waiting_can_be_stopped():
    """The server sees the connection go as soon as nobody waits any more."""

    def script(talk):
        talk.accept()
        talk.wait_until_gone()

    with serving(script) as served:

        async def wait(report):
            async with connected(Server(f"ws://127.0.0.1:{served.port}")) as socket:
                report("open")
                await socket.receive()

        events = stream_coroutine(wait)
        while next(events) != "open":
            pass
        started = time.monotonic()
        events.close()
        assert served.gone.wait(5) and time.monotonic() - started < 5


def test_a_reply_that_does_not_come_is_told():
    with pytest.raises(WamvizError, match="gave no reply within 0.2 s.*--timeout"):
        received(lambda talk: talk.wait_until_gone(), reply_s=0.2)


def test_a_wrong_handshake_is_refused():
    """A cache that answers 101 to everything is no websocket server."""
    with pytest.raises(WamvizError, match="handshake is wrong"):
        opened(lambda talk: talk.accept(key=b"another"))


def there(url: str, **settings) -> None:
    async def open_and_leave() -> None:
        async with connected(Server(url, reply_s=10.0, **settings)):
            pass

    run_sync(lambda: open_and_leave())


def test_no_tls_where_tls_was_asked_for():
    """wss to a plain server is told, and no request goes out in the clear."""
    heard = []

    def answer(listener: socket.socket) -> None:
        link, _ = listener.accept()
        with link:
            heard.append(link.recv(4096))
            link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        with pytest.raises(WamvizError, match="could not be trusted or speaks no TLS"):
            there(f"wss://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert b"GET" not in heard[0]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_is_checked_and_a_certificate_of_one_s_own_can_be_named(tmp_path):
    """A stranger's certificate is refused; the same one, named, is trusted."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    wish = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(
        ["openssl", *wish, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def script(talk):
        talk.accept()
        talk.wait_until_gone()

    with serving(script, context) as served:
        url = f"wss://127.0.0.1:{served.port}"
        with pytest.raises(WamvizError, match="could not be trusted.*--ca FILE"):
            there(url)
        assert served.connections == 0
        there(url, ca_file=str(certificate))
        assert served.connections == 1


def test_certificates_that_cannot_be_read_are_told(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("none")
    with pytest.raises(WamvizError, match="ca.pem' cannot be read"):
        opened(lambda talk: None, ca_file=str(file))


@pytest.mark.parametrize("goodbye", ["answered", "never answered"])
def test_a_connection_is_closed_wherever_it_is_canceled(goodbye):
    """While it is opened, used or closed, once or twice, and also where the server never answers the goodbye."""

    def script(talk):
        talk.accept()
        talk.message()
        talk.send(b"x")
        talk.hear()
        if goodbye == "answered":
            talk.frame(8, b"\x03\xe8")
        talk.wait_until_gone()

    with serving(script) as served:

        async def ask():
            async with connected(Server(f"ws://127.0.0.1:{served.port}", reply_s=10.0)) as socket:
                await socket.send(b"hello")
                await socket.receive()

        for times in (1, 2):
            for count in range(1, 100):
                awaited, found = left_open(ask, count, times)
                assert not found, f"canceled {times} time(s) at wait {count}: {found}"
                if not awaited:
                    break
            assert count > 4  # it waits for the address, the handshake, the reply and the end


def test_a_connection_is_closed_when_nobody_takes_the_rest():
    """A stream that is left after the last reply, while the connection says goodbye to a server that does not."""

    def script(talk):
        talk.accept()
        talk.wait_until_gone()

    async def ask(report):
        async with connected(Server(f"ws://127.0.0.1:{served.port}", reply_s=10.0)):
            report("the reply")

    with serving(script) as served, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        for _ in range(3):
            events = stream_coroutine(ask)
            while next(events) != "the reply":
                pass
            events.close()
        gc.collect()
    assert [str(one.message) for one in told] == []
