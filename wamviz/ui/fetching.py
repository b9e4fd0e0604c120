"""A download that a visitor watches and may stop: its progress as words for the status, and its result.

Contract: ``fetched`` runs the work in a thread and yields a status for each piece of news; when it is over it yields
the result once. A switch that is turned off ends the work at its next piece of news. It knows no hub and no layout.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from wamviz.core.errors import Canceled
from wamviz.ui import present
from wamviz.ui.jobs import Switch
from wamviz.ui.markup import Node

T = TypeVar("T")
Progress = Callable[[int, int, str], None]
EVERY = 0.25  # seconds between two looks


class _Work(Generic[T]):
    """The work in its thread, and the latest that it said."""

    def __init__(self, work: Callable[[Progress], T], switch: Switch) -> None:
        self._work, self._switch = work, switch
        self.news: tuple[int, int, str] | None = None
        self.result: T | None = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="wamviz-fetch", daemon=True)

    def _run(self) -> None:
        try:
            self.result = self._work(self._told)
        except BaseException as error:  # handed to who waits
            self.error = error

    def _told(self, here: int, whole: int, file: str) -> None:
        if self._switch.off:
            raise Canceled("Stopped.", "What has come so far is kept; asking again goes on with it.")
        self.news = (here, whole, file)


def fetched(work: Callable[[Progress], T], switch: Switch) -> Iterator[list[Node] | T]:
    """Statuses (lists of nodes) while ``work`` runs, and then what it returned.

    Raises:
        WamvizError: what ``work`` raised, or that it was stopped.
    """
    going: _Work[T] = _Work(work, switch)
    going.thread.start()
    said = None
    while going.thread.is_alive():
        going.thread.join(EVERY)
        news = going.news
        if switch.off:
            yield present.status("busy", "Stopping …")
        elif news != said and news is not None:
            said = news
            yield words(*news)
    if going.error is not None:
        raise going.error
    yield going.result  # type: ignore[misc]  # there is no error, so there is a result


def words(here: int, whole: int, file: str) -> list[Node]:
    """How far a download is.

    >>> words(1500, 6000, "data/file.parquet")[0][2][2][2]
    'Downloading: 1.5 of 6.0 MB'
    """
    of = f" of {whole / 1000:.1f}" if whole else ""
    share = here / whole if whole else None
    return present.status("busy", f"Downloading: {here / 1000:.1f}{of} MB", file, share)
