"""Looking whether a connection is there, or fetching its weights, with what has happened so far and a way to stop.

Contract: generators of ``Passed`` that end with one ``Found``, or None when they were stopped. Both are one call that
waits, so it happens in a thread of its own; who stops a look waits no longer, and the asking ends by itself at its own
time limit; a fetching stops with the next piece that comes in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass

from wamviz.core.errors import WamvizError
from wamviz.models import connect_form
from wamviz.models.connections import Connection
from wamviz.ui.field_table import Found
from wamviz.ui.jobs import Switch

GLANCE = 0.2  # seconds between two looks at the switch


class Stopped(Exception):
    """Nobody waits any more."""


@dataclass(frozen=True)
class Passed:
    """Still waiting, after so many whole seconds.

    Attributes:
        words: what has happened so far.
        done: share of it, 0 .. 1, or None where that is not known.
    """

    seconds: int
    words: str = ""
    done: float | None = None


Steps = Iterator[Passed | Found | None]


def looking(
    connection: Connection, switch: Switch, look: Callable[[Connection], list[str]] = connect_form.look
) -> Steps:
    """Yield at once, then every second; at the end what answers or what is wrong."""
    yield from _waiting(lambda: " ".join(look(connection)), switch, lambda: ("", None))


def fetching(connection: Connection, switch: Switch) -> Steps:
    """The same for the weights of a kept connection: how much is here, and what it is pinned to."""
    here: tuple[int, int, str] = (0, 0, "")

    def progress(kilobytes: int, total: int, file: str) -> None:
        nonlocal here
        if switch.off:
            raise Stopped
        here = (kilobytes, total, file)

    def told() -> tuple[str, float | None]:
        kilobytes, total, file = here
        if not total:
            return "", 0.0
        return f"{kilobytes / 1000:,.0f} of {total / 1000:,.0f} MB, {file}", kilobytes / total

    yield from _waiting(lambda: connect_form.fetch(connection, progress).words, switch, told)


def _waiting(call: Callable[[], str], switch: Switch, told: Callable[[], tuple[str, float | None]]) -> Steps:
    answer: Future[str] = Future()

    def ask() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=ask, name="wamviz-look", daemon=True).start()
    begun, last = time.monotonic(), -1
    while not wait([answer], GLANCE).done:
        if switch.off:
            yield None
            return
        passed = int(time.monotonic() - begun)
        if passed > last:
            last = passed
            yield Passed(passed, *told())
    try:
        yield Found(True, answer.result())
    except WamvizError as error:
        yield Found(False, str(error))
    except Stopped:
        yield None
