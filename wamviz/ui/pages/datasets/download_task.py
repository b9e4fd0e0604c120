"""A download that a visitor watches and may stop: its progress as words for the status, and its result.

Contract: ``watch_download`` runs the work in a thread and yields a status for each piece of news; when it is over it
yields the result once. A switch that is turned off ends the work at its next piece of news. It knows no hub and no
layout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TypeVar

from wamviz.core.errors import Canceled
from wamviz.core.threads import Reporter, stream_in_thread
from wamviz.ui import run_view
from wamviz.ui.jobs import Switch
from wamviz.ui.markup import Node

T = TypeVar("T")
News = tuple[int, int, str]  # kB here, kB in all, file
Progress = Callable[[int, int, str], None]


def watch_download(work: Callable[[Progress], T], switch: Switch) -> Iterator[list[Node] | T]:
    """Statuses (lists of nodes) while ``work`` runs, and then what it returned.

    Raises:
        Canceled: it was stopped.
        WamvizError: what ``work`` raised.
    """

    def run(report: Reporter[News | None]) -> T:
        def progress(here: int, whole: int, file: str) -> None:
            if switch.off:
                raise Canceled("Stopped.", "What has come so far is kept; asking again goes on with it.")
            report((here, whole, file))

        return work(progress)

    with closing(stream_in_thread(run, name="wamviz-fetch", wait_s=0.0, latest=True)) as stream:
        while True:
            try:
                news = next(stream)
            except StopIteration as end:
                yield end.value
                return
            if switch.off:
                yield run_view.status("busy", "Stopping …")
            elif news is not None:
                yield words(*news)


def words(here: int, whole: int, file: str) -> list[Node]:
    """How far a download is.

    >>> words(1500, 6000, "data/file.parquet")[0][2][2][2]
    'Downloading: 1.5 of 6.0 MB'
    """
    of = f" of {whole / 1000:.1f}" if whole else ""
    share = here / whole if whole else None
    return run_view.status("busy", f"Downloading: {here / 1000:.1f}{of} MB", file, share)
