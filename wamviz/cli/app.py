"""The command ``app``: open the page. The only module besides ``app.py`` that knows the page."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wamviz.core.errors import InvalidInput, Unavailable
from wamviz.core.network import address_for_others, is_loopback

if TYPE_CHECKING:
    from wamviz.lessons import Classroom

PORT = 7860
HELP = "Open the page."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--host", default=None, help="address to listen on; 127.0.0.1 by default")
    parser.add_argument("--port", type=int, default=None, help="port to listen on; 7860 by default")
    words = "give the lessons to a class: a link to join, a teacher's page (docs/lessons.md)"
    parser.add_argument("--class", dest="class_name", default=None, metavar="NAME", help=words)


def run(args: argparse.Namespace) -> None:
    """Serve until interrupted."""
    serve(args.host, args.port, args.demo, class_name=args.class_name)


def serve(
    asked_host: str | None,
    asked_port: int | None,
    demo: Any = None,
    results: Sequence[Path] = (),
    class_name: str | None = None,
) -> None:
    """Serve until interrupted.

    Args:
        asked_host, asked_port: where to listen, as they were typed; demo: a page that is built already.
        results: folders of probe results that the page offers.
        class_name: of a class that takes the lessons together.
    """
    # A Space says through these where to listen; an argument wins over them.
    host = asked_host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    port = asked_port if asked_port is not None else _port(os.environ.get("GRADIO_SERVER_PORT"))
    check_address(host, port)
    classroom = None if class_name is None else open_class(class_name, host, port)
    from wamviz.ui.app import build, launch

    if classroom is not None or demo is None:
        demo = build(results=results, classroom=classroom)
    # Gradio would ask its own page once, within 3 s and through any proxy that is set, and give up when no answer
    # comes; on a busy machine that says nothing. ``_frontend`` switches only this question off.
    launch(demo, host=host, port=port, _frontend=False)


def open_class(name: str, host: str, port: int) -> Classroom:
    """The class of that name, with its links in the terminal.

    Raises:
        WamvizError: that is no name of a class, or the port is not known before the server runs.
    """
    from wamviz.lessons import Classroom, ClassStore

    if port == 0:
        raise InvalidInput("A class needs a port that can be told before the server runs.", f"Try --port {PORT}.")
    classroom = Classroom(ClassStore(name), f"http://{address_for_others(host)}:{port}")
    alone = is_loopback(host)
    mine = "127.0.0.1" if host in ("0.0.0.0", "::") or alone else address_for_others(host)
    print(f"Class '{name}', kept in {classroom.store.file}")
    print(f"  Learners join at   {classroom.join_link}")
    print(f"  Teacher's page     http://{mine}:{port}/class#{classroom.key}")
    print("                     Keep this link to yourself: whoever has it sees every answer and can reveal them.")
    if alone:
        print("  Only this computer reaches these addresses. For a classroom, add --host 0.0.0.0:")
        print("  then everybody in this computer's network reaches the app.")
    else:
        print("  Everybody in this computer's network reaches the app;")
        print("  only those who have shown the class's code are in the class.")
    sys.stdout.flush()
    return classroom


def _port(text: str | None) -> int:
    if not text:
        return PORT
    if not text.isdecimal():
        raise InvalidInput(f"GRADIO_SERVER_PORT is '{text}', which is no port.")
    return int(text)


def check_address(host: str, port: int) -> None:
    """Raise ``WamvizError`` when nothing can listen on ``host:port``; port 0 means any free one."""
    if not 0 <= port <= 65535:
        raise InvalidInput(f"Port {port} does not exist.", "Ports are 0 .. 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself does
            probe.bind(address)
    except socket.gaierror:
        raise InvalidInput(f"'{host}' is no address of this machine.", "Try --host 127.0.0.1.") from None
    except PermissionError:
        raise Unavailable(f"Port {port} needs more rights than you have.", f"Try --port {PORT}.") from None
    except OSError as error:
        reason = f"Nothing can listen on {host}:{port}: {error.strerror}."
        raise Unavailable(reason, f"Try --port {port + 1 if port < 65535 else PORT}.") from None
