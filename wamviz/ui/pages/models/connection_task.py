"""Checking whether a connection answers, or fetching its weights, with what has happened so far and a way to stop.

Contract: generators of ``Passed`` that end with one ``Found``, or None when they were stopped. Both are one call that
waits, so it happens in a thread of its own; who stops a check waits no longer, and the asking ends by itself at its own
time limit; a fetching stops with the next piece that comes in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from wamviz.core.errors import Canceled, WamvizError
from wamviz.core.threads import Reporter, stream_in_thread
from wamviz.models import connect_form
from wamviz.models.connections import Connection
from wamviz.ui.jobs import Switch
from wamviz.ui.pages.models.view import Found

GLANCE = 0.2  # seconds between two looks at the switch


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
News = tuple[str, float | None]  # what has happened so far, and the share of it


def check_connection(
    connection: Connection, switch: Switch, look: Callable[[Connection], list[str]] = connect_form.look
) -> Steps:
    """Yield at once, then every second; at the end what answers or what is wrong."""
    yield from _waiting(lambda report: " ".join(look(connection)), switch)


def fetch_weights(connection: Connection, switch: Switch) -> Steps:
    """The same for the weights of a kept connection: how much is here, and what it is pinned to."""

    def fetch(report: Reporter[News | None]) -> str:
        def progress(kilobytes: int, total: int, file: str) -> None:
            if switch.off:
                raise Canceled("Stopped.")
            if total:
                report((f"{kilobytes / 1000:,.0f} of {total / 1000:,.0f} MB, {file}", kilobytes / total))

        report(("", 0.0))
        return connect_form.fetch(connection, progress).words

    yield from _waiting(fetch, switch)


def _waiting(work: Callable[[Reporter[News | None]], str], switch: Switch) -> Steps:
    begun, last = time.monotonic(), -1
    news: News = ("", None)
    stream: Generator[News | None, None, str] = stream_in_thread(
        work, GLANCE, name="wamviz-look", wait_s=0.0, latest=True
    )
    with closing(stream):
        try:
            while True:
                news = next(stream) or news
                if switch.off:
                    yield None
                    return
                passed = int(time.monotonic() - begun)
                if passed > last:
                    last = passed
                    yield Passed(passed, *news)
        except StopIteration as end:
            yield Found(True, end.value)
        except Canceled:
            yield None
        except WamvizError as error:
            yield Found(False, str(error))
