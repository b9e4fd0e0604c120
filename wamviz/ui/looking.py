"""Looking whether a connection is there, with the seconds that pass and a way to stop.

Contract: a generator of ``Passed`` that ends with one ``Found``. Asking is one call that waits, so it happens in a
thread of its own; who stops waits no longer, and the asking ends by itself at its own time limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass

from wamviz import connect_form
from wamviz.errors import WamvizError
from wamviz.models.connections import Connection
from wamviz.ui.field_table import Found
from wamviz.ui.jobs import Switch

GLANCE = 0.2  # seconds between two looks at the switch


@dataclass(frozen=True)
class Passed:
    """Still waiting, after so many whole seconds."""

    seconds: int


def looking(
    connection: Connection, switch: Switch, look: Callable[[Connection], list[str]] = connect_form.look
) -> Iterator[Passed | Found | None]:
    """Yield at once, then every second; at the end what answers or what is wrong, or None when it was stopped."""
    asked: Future[list[str]] = Future()

    def ask() -> None:
        try:
            asked.set_result(look(connection))
        except BaseException as error:
            asked.set_exception(error)

    threading.Thread(target=ask, name=f"wamviz-look-{connection.name}", daemon=True).start()
    begun, told = time.monotonic(), -1
    while not wait([asked], GLANCE).done:
        if switch.off:
            yield None
            return
        passed = int(time.monotonic() - begun)
        if passed > told:
            told = passed
            yield Passed(passed)
    try:
        yield Found(True, " ".join(asked.result()))
    except WamvizError as error:
        yield Found(False, str(error))
